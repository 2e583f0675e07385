#include <algorithm>
#include <bit>
#include <cstring>

#include <datasets/file_reader.hpp>
#include <datasets/vecs.hpp>

namespace shoal::datasets {

namespace {

static_assert(std::endian::native == std::endian::little, "the files are little-endian and are read as they are");

constexpr std::size_t length_bytes = sizeof(std::int32_t);

template <class T>
Result<Rows<T>> read_vecs(const std::filesystem::path& path, std::size_t max_rows) {
  auto opened = FileReader::open(path);
  if (!opened) {
    return Failure(std::move(opened).error());
  }
  FileReader& file = *opened;

  std::int32_t length = 0;
  if (auto read = file.read(&length, length_bytes, "the length of row 0"); !read) {
    return Failure(std::move(read).error());
  }
  if (length <= 0 || static_cast<std::size_t>(length) > max_dimensions) {
    return fail(path, "row 0 at offset 0: expected a length of 1 to ", max_dimensions, ", came ", length);
  }
  const auto cols = static_cast<std::size_t>(length);
  const std::size_t row_bytes = length_bytes + cols * sizeof(T);
  const auto whole_rows = static_cast<std::size_t>(file.size_bytes() / row_bytes);
  const std::size_t rows = std::min(max_rows, whole_rows);

  auto made = make_matrix<T>(rows, cols, path);
  if (!made) {
    return Failure(std::move(made).error());
  }
  std::int32_t row_length = length;
  for (std::size_t i = 0; i < rows; ++i) {
    const std::uint64_t row_offset = std::uint64_t{i} * row_bytes;
    if (i != 0) {
      if (auto read = file.read(&row_length, length_bytes, text("the length of row ", i)); !read) {
        return Failure(std::move(read).error());
      }
    }
    if (row_length != length) {
      return fail(path, "row ", i, " at offset ", row_offset, ": expected the length ", length, " as in row 0, came ",
                  row_length);
    }
    if (auto read = file.read(made->row(i).data(), cols * sizeof(T), text("row ", i)); !read) {
      return Failure(std::move(read).error());
    }
  }
  if (const std::uint64_t rest = file.size_bytes() % row_bytes; rest != 0) {
    return fail(path, "row ", whole_rows, " at offset ", file.size_bytes() - rest, ": expected ", row_bytes,
                " bytes, came ", rest, " (cut off, or trailing bytes: ", file.size_bytes(),
                " bytes are not a multiple of ", row_bytes, ")");
  }
  return Rows<T>{std::move(*made), whole_rows};
}

}  // namespace

Result<Rows<float>> read_fvecs(const std::filesystem::path& path, std::size_t max_rows) {
  return read_vecs<float>(path, max_rows);
}

Result<Rows<std::uint8_t>> read_bvecs(const std::filesystem::path& path, std::size_t max_rows) {
  return read_vecs<std::uint8_t>(path, max_rows);
}

Result<Rows<std::int32_t>> read_ivecs(const std::filesystem::path& path, std::size_t max_rows) {
  return read_vecs<std::int32_t>(path, max_rows);
}

}  // namespace shoal::datasets
