#include "row_file.hpp"

#include <bit>
#include <cstring>
#include <string>
#include <utility>

#include "json_line.hpp"
#include <datasets/matrix.hpp>

namespace shoal::tools {

using datasets::Failure;
using datasets::Result;

namespace {

static_assert(std::endian::native == std::endian::little, "the files are little-endian and are read as they are");

template <class From>
void convert(const std::vector<std::byte>& bytes, std::vector<float>& row) {
  for (std::size_t i = 0; i < row.size(); ++i) {
    From value{};
    std::memcpy(&value, bytes.data() + i * sizeof(From), sizeof(From));
    if constexpr (std::is_same_v<From, double>) {
      row[i] = to_float(value);
    } else {
      row[i] = static_cast<float>(value);
    }
  }
}

}  // namespace

Result<RowFile> RowFile::open(const std::filesystem::path& path, Format format) {
  auto file = datasets::FileReader::open(path);
  if (!file) return Failure(std::move(file).error());
  RowFile rows(*std::move(file), format);
  if (format == Format::npy) {
    auto layout = datasets::read_npy_layout(rows.file_, "f4 f8 u1 i1", "float32, float64, uint8 or int8 values");
    if (!layout) return Failure(std::move(layout).error());
    rows.layout_ = *layout;
    rows.rows_ = layout->rows;
    rows.width_ = layout->cols;
    return rows;
  }
  auto length = rows.read_length();
  if (!length) return Failure(std::move(length).error());
  rows.first_length_ = *length;
  rows.width_ = *length;
  rows.rows_ = rows.file_.size_bytes() / (sizeof(std::int32_t) + *length * sizeof(float));
  return rows;
}

Result<bool> RowFile::next(std::vector<float>& row) {
  auto read = format_ == Format::npy ? next_of_npy(row) : next_of_fvecs(row);
  if (read && *read) ++next_;
  return read;
}

Result<bool> RowFile::next_of_npy(std::vector<float>& row) {
  if (next_ == rows_) return false;
  row.resize(layout_.cols);
  bytes_.resize(layout_.cols * layout_.value_bytes);
  if (auto read = file_.read(bytes_.data(), bytes_.size(), datasets::text("row ", next_)); !read) {
    return Failure(std::move(read).error());
  }
  switch (layout_.kind) {
    case 'u': convert<std::uint8_t>(bytes_, row); break;
    case 'i': convert<std::int8_t>(bytes_, row); break;
    default: layout_.value_bytes == 4 ? convert<float>(bytes_, row) : convert<double>(bytes_, row);
  }
  return true;
}

Result<bool> RowFile::next_of_fvecs(std::vector<float>& row) {
  std::size_t length = std::exchange(first_length_, 0);
  if (length == 0) {
    if (file_.remaining_bytes() == 0) return false;
    auto read = read_length();
    if (!read) return Failure(std::move(read).error());
    length = *read;
  }
  row.resize(length);
  if (auto read = file_.read(row.data(), length * sizeof(float), datasets::text("row ", next_)); !read) {
    return Failure(std::move(read).error());
  }
  return true;
}

/// The length that stands before a row: not more than there are bytes for, so that nothing is allocated in vain.
Result<std::size_t> RowFile::read_length() {
  const std::uint64_t offset = file_.offset_bytes();
  std::int32_t length = 0;
  if (auto read = file_.read(&length, sizeof length, datasets::text("the length of row ", next_)); !read) {
    return Failure(std::move(read).error());
  }
  if (length <= 0 || static_cast<std::size_t>(length) > datasets::max_dimensions) {
    return datasets::fail(file_.path(), "row ", next_, " at offset ", offset, ": expected a length of 1 to ",
                          datasets::max_dimensions, ", came ", length);
  }
  const auto components = static_cast<std::size_t>(length);
  if (components * sizeof(float) > file_.remaining_bytes()) {
    return datasets::fail(file_.path(), "row ", next_, " at offset ", offset, ": expected ", length,
                          " components, came ", file_.remaining_bytes(), " bytes (the file is cut off)");
  }
  return components;
}

}  // namespace shoal::tools
