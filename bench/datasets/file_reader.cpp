#include <cerrno>
#include <system_error>

#include <datasets/file_reader.hpp>

namespace shoal::datasets {

namespace fs = std::filesystem;

Result<FileReader> FileReader::open(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (status.type() == fs::file_type::not_found) {
    return fail(path, "no such file");
  }
  if (error) {
    return fail(path, "cannot be opened (", error.message(), ")");
  }
  if (status.type() == fs::file_type::directory) {
    return fail(path, "expected a file, came a directory");
  }
  if (status.type() != fs::file_type::regular) {
    return fail(path, "expected a regular file, came a device, pipe or socket");
  }

  FileReader reader;
  reader.path_ = path;
  errno = 0;
  reader.file_.reset(std::fopen(path.string().c_str(), "rb"));
  if (!reader.file_) {
    return fail(path, "cannot be opened (", std::generic_category().message(errno), ")");
  }
  reader.size_bytes_ = fs::file_size(path, error);
  if (error) {
    return fail(path, "its size cannot be read (", error.message(), ")");
  }
  if (reader.size_bytes_ == 0) {
    return fail(path, "the file is empty (0 bytes)");
  }
  return reader;
}

Result<void> FileReader::read(void* to, std::size_t bytes, const std::string& what) {
  if (bytes > remaining_bytes()) {
    return fail(path_, what, " at offset ", offset_bytes_, ": expected ", bytes, " bytes, came ", remaining_bytes(),
                " (the file is cut off)");
  }
  errno = 0;
  const std::size_t got = std::fread(to, 1, bytes, file_.get());
  if (got != bytes) {
    const std::string why = std::ferror(file_.get()) != 0 ? std::generic_category().message(errno)
                                                          : std::string("the file became shorter while it was read");
    return fail(path_, what, " at offset ", offset_bytes_, ": expected ", bytes, " bytes, came ", got, " (", why, ")");
  }
  offset_bytes_ += bytes;
  return {};
}

}  // namespace shoal::datasets
