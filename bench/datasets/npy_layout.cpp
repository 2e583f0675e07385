#include <array>
#include <bit>
#include <cstring>
#include <limits>

#include <datasets/matrix.hpp>
#include <datasets/npy_header.hpp>
#include <datasets/npy_layout.hpp>

namespace shoal::datasets {

namespace {

static_assert(std::endian::native == std::endian::little, "little-endian values are read as they are");

constexpr std::size_t max_header_bytes = std::size_t{1} << 16;  // NumPy pads to 64; what it writes here is below 200

Result<std::string> read_header_text(FileReader& file) {
  std::array<char, 8> magic{};
  if (file.size_bytes() < magic.size()) {
    return fail(file.path(), "expected a .npy header, came ", file.size_bytes(), " bytes (the file is cut off)");
  }
  if (auto read = file.read(magic.data(), magic.size(), "the magic bytes"); !read) {
    return Failure(std::move(read).error());
  }
  if (std::memcmp(magic.data(), "\x93NUMPY", 6) != 0) {
    return fail(file.path(), "expected the bytes \\x93NUMPY at offset 0; this is not a .npy file");
  }
  const int version = static_cast<unsigned char>(magic[6]);
  if (version < 1 || version > 3) {
    return fail(file.path(), "expected .npy version 1, 2 or 3 at offset 6, came ", version);
  }
  std::array<unsigned char, 4> length_bytes{};
  const std::size_t length_size = version == 1 ? 2 : 4;
  if (auto read = file.read(length_bytes.data(), length_size, "the header length"); !read) {
    return Failure(std::move(read).error());
  }
  std::size_t length = 0;
  for (std::size_t i = length_size; i-- > 0;) {
    length = length << 8U | length_bytes[i];
  }
  if (length > max_header_bytes) {
    return fail(file.path(), "expected a header of at most ", max_header_bytes, " bytes, came ", length);
  }
  if (length > file.remaining_bytes()) {
    return fail(file.path(), "expected a header of ", length, " bytes at offset ", file.offset_bytes(), ", came ",
                file.remaining_bytes(), " (the file is cut off)");
  }
  std::string header(length, '\0');
  if (auto read = file.read(header.data(), length, "the header"); !read) {
    return Failure(std::move(read).error());
  }
  return header;
}

}  // namespace

Result<NpyLayout> read_npy_layout(FileReader& file, std::string_view wanted_kinds, const char* wanted) {
  auto header_text = read_header_text(file);
  if (!header_text) {
    return Failure(std::move(header_text).error());
  }
  const auto parsed = parse_npy_header(*header_text);
  if (!parsed) {
    return fail(file.path(), parsed.error());
  }
  const NpyHeader& header = *parsed;

  const std::string& type = header.type;
  if (type.find('O') != std::string::npos) {
    return fail(file.path(), "expected ", wanted, ", came pickled Python objects ('", shown(type),
                "'), which are not read");
  }
  if (!type.empty() && type[0] == '>' && type != ">u1" && type != ">i1") {
    return fail(file.path(), "expected little-endian values, came big-endian ones ('", shown(type),
                "'); write it again with astype('<", shown(type.substr(1)), "')");
  }
  const bool is_known = type.size() == 3 && std::string_view("<>|=").find(type[0]) != std::string_view::npos &&
                        type[1] != ' ' && type[2] != ' ' && wanted_kinds.find(type.substr(1)) != std::string_view::npos;
  if (!is_known) {
    return fail(file.path(), "expected ", wanted, ", came '", shown(type), "'");
  }
  NpyLayout layout;
  layout.kind = type[1];
  layout.value_bytes = static_cast<std::size_t>(type[2] - '0');
  if (header.fortran_order) {
    return fail(file.path(), "expected rows one after the other (C order), came Fortran order; ",
                "write it again with numpy.ascontiguousarray");
  }
  if (header.shape.size() != 2) {
    return fail(file.path(), "expected 2 dimensions (rows, components), came ", header.shape.size());
  }
  const std::uint64_t rows = header.shape[0];
  const std::uint64_t cols = header.shape[1];
  if (cols == 0 || cols > max_dimensions) {
    return fail(file.path(), "expected 1 to ", max_dimensions, " components, came ", cols);
  }
  if (rows == 0) {
    return fail(file.path(), "it holds no rows (shape (0, ", cols, "))");
  }
  const std::uint64_t row_bytes = cols * layout.value_bytes;
  const bool fits = rows <= std::numeric_limits<std::uint64_t>::max() / row_bytes;
  if (!fits || rows * row_bytes != file.remaining_bytes()) {
    return fail(file.path(), "expected ", rows, " x ", cols, " values of ", layout.value_bytes, " bytes at offset ",
                file.offset_bytes(), ", came ", file.remaining_bytes(), " bytes (",
                fits && rows * row_bytes < file.remaining_bytes() ? "trailing bytes" : "the file is cut off", ")");
  }
  layout.rows = static_cast<std::size_t>(rows);
  layout.cols = static_cast<std::size_t>(cols);
  return layout;
}

}  // namespace shoal::datasets
