#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include <datasets/file_reader.hpp>
#include <datasets/npy.hpp>
#include <datasets/npy_header.hpp>

namespace shoal::datasets {

namespace {

static_assert(std::endian::native == std::endian::little, "little-endian values are read as they are");

constexpr std::size_t max_header_bytes = std::size_t{1} << 16;  // NumPy pads to 64; what it writes here is below 200

/// Where the values are and what they are.
struct Layout {
  char kind = 0;  // 'f', 'i' or 'u'
  std::size_t value_bytes = 0;
  std::size_t rows = 0;
  std::size_t cols = 0;
};

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

Result<Layout> read_layout(FileReader& file, std::string_view wanted_kinds, const char* wanted) {
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
  Layout layout;
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

/// Reads `out.rows` rows of `From`, a buffer at a time, each value passed through `convert`.
template <class From, class To, class Convert>
Result<void> read_values(FileReader& file, Matrix<To>& out, Convert convert) {
  std::vector<From> buffer(out.cols);
  for (std::size_t i = 0; i < out.rows; ++i) {
    if (auto read = file.read(buffer.data(), buffer.size() * sizeof(From), text("row ", i)); !read) {
      return read;
    }
    for (std::size_t j = 0; j < out.cols; ++j) {
      out.row(i)[j] = convert(buffer[j]);
    }
  }
  return {};
}

template <class To, class Read>
Result<Rows<To>> read_rows(FileReader& file, const Layout& layout, std::size_t max_rows, Read read_into) {
  auto made = make_matrix<To>(std::min(max_rows, layout.rows), layout.cols, file.path());
  if (!made) {
    return Failure(std::move(made).error());
  }
  if (auto read = read_into(*made); !read) {
    return Failure(std::move(read).error());
  }
  return Rows<To>{std::move(*made), layout.rows};
}

}  // namespace

Result<Rows<float>> read_npy(const std::filesystem::path& path, std::size_t max_rows) {
  auto file = FileReader::open(path);
  if (!file) {
    return Failure(std::move(file).error());
  }
  const auto layout = read_layout(*file, "f4 f8 u1 i1", "float32, float64, uint8 or int8 values");
  if (!layout) {
    return Failure(layout.error());
  }
  const auto to_float = [](auto value) {
    if constexpr (std::is_same_v<decltype(value), double>) {  // too large for a float: infinite, and refused as such
      if (std::abs(value) > double{std::numeric_limits<float>::max()}) {
        return std::copysign(std::numeric_limits<float>::infinity(), value < 0 ? -1.0F : 1.0F);
      }
    }
    return static_cast<float>(value);
  };
  return read_rows<float>(*file, *layout, max_rows, [&](Matrix<float>& out) {
    switch (layout->kind) {
      case 'u': return read_values<std::uint8_t>(*file, out, to_float);
      case 'i': return read_values<std::int8_t>(*file, out, to_float);
      default:
        return layout->value_bytes == 4 ? read_values<float>(*file, out, to_float)
                                        : read_values<double>(*file, out, to_float);
    }
  });
}

Result<Rows<std::int64_t>> read_npy_ids(const std::filesystem::path& path, std::size_t max_rows) {
  auto file = FileReader::open(path);
  if (!file) {
    return Failure(std::move(file).error());
  }
  const auto layout = read_layout(*file, "i4 i8 u4 u8", "int32, int64, uint32 or uint64 ids");
  if (!layout) {
    return Failure(layout.error());
  }
  // An id of 2^63 or more becomes negative, which whoever uses the ids refuses.
  const auto to_id = [](auto value) { return static_cast<std::int64_t>(value); };
  return read_rows<std::int64_t>(*file, *layout, max_rows, [&](Matrix<std::int64_t>& out) {
    const bool is_short = layout->value_bytes == 4;
    if (layout->kind == 'u') {
      return is_short ? read_values<std::uint32_t>(*file, out, to_id) : read_values<std::uint64_t>(*file, out, to_id);
    }
    return is_short ? read_values<std::int32_t>(*file, out, to_id) : read_values<std::int64_t>(*file, out, to_id);
  });
}

}  // namespace shoal::datasets
