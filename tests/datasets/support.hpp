#pragma once
// What the tests of the data sets share: a folder that is gone when the test ends, files made of bytes, and the message
// of a result that must be a failure.

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <datasets/matrix.hpp>

namespace support {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::random_device device;
    do {
      path_ = std::filesystem::temp_directory_path() / ("shoal-test-" + std::to_string(device()));
    } while (!std::filesystem::create_directory(path_));
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  /// Writes the bytes and returns the path.
  std::filesystem::path write(const std::string& name, const std::string& bytes) const {
    const auto path = path_ / name;
    std::ofstream out(path, std::ios::binary);
    out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return path;
  }

 private:
  std::filesystem::path path_;
};

/// The values as they lie in memory, which is little-endian wherever these tests run.
template <class T>
std::string bytes_of(const std::vector<T>& values) {
  std::string bytes(values.size() * sizeof(T), '\0');
  if (!values.empty()) {
    std::memcpy(bytes.data(), values.data(), bytes.size());
  }
  return bytes;
}

/// One row of a .fvecs, .bvecs or .ivecs file.
template <class T>
std::string vecs_row(const std::vector<T>& values) {
  return bytes_of(std::vector<std::int32_t>{static_cast<std::int32_t>(values.size())}) + bytes_of(values);
}

template <class T>
std::string vecs(const std::vector<std::vector<T>>& rows) {
  std::string bytes;
  for (const auto& row : rows) {
    bytes += vecs_row(row);
  }
  return bytes;
}

/// A .npy file with this header (padded as NumPy does) and these bytes behind it.
inline std::string npy(std::string header, const std::string& values, int version = 1) {
  const std::size_t prefix = version == 1 ? 10 : 12;
  while ((prefix + header.size() + 1) % 64 != 0) {
    header += ' ';
  }
  header += '\n';
  std::string bytes = "\x93NUMPY";
  bytes += static_cast<char>(version);
  bytes += '\0';
  const auto length = static_cast<std::uint32_t>(header.size());
  bytes += bytes_of(std::vector<std::uint32_t>{length}).substr(0, version == 1 ? 2 : 4);
  return bytes + header + values;
}

inline std::string npy_header(const std::string& type, const std::string& shape, const std::string& fortran = "False") {
  return "{'descr': '" + type + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }";
}

/// The message of a failure, which is one line that names the file; "" where the result is a value.
template <class R>
std::string message_of(const R& result) {
  if (result) {
    return "";
  }
  CHECK(result.error().find('\n') == std::string::npos);
  return result.error();
}

/// Does the message hold each of the parts?
inline void check_message(const std::string& message, const std::vector<std::string>& parts) {
  for (const std::string& part : parts) {
    INFO("message: " << message);
    INFO("part: " << part);
    CHECK(message.find(part) != std::string::npos);
  }
}

}  // namespace support
