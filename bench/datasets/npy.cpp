#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include <datasets/file_reader.hpp>
#include <datasets/npy.hpp>
#include <datasets/npy_layout.hpp>

namespace shoal::datasets {

namespace {

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
Result<Rows<To>> read_rows(FileReader& file, const NpyLayout& layout, std::size_t max_rows, Read read_into) {
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
  const auto layout = read_npy_layout(*file, "f4 f8 u1 i1", "float32, float64, uint8 or int8 values");
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
  const auto layout = read_npy_layout(*file, "i4 i8 u4 u8", "int32, int64, uint32 or uint64 ids");
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
