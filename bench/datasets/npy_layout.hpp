#pragma once
// What the head of a .npy file says of the values behind it: after it was read, the file stands at the first row, and
// the rows come to exactly the bytes that are left. For who reads row by row; npy.hpp reads a whole array, and says
// which files are read and which are refused.

#include <string_view>

#include <datasets/file_reader.hpp>
#include <datasets/result.hpp>

namespace shoal::datasets {

struct NpyLayout {
  char kind = 0;  // 'f', 'i' or 'u'
  std::size_t value_bytes = 0;
  std::size_t rows = 0;
  std::size_t cols = 0;
};

/// Reads the head. `wanted_kinds`: NumPy's names without the order of bytes, "f4 f8"; `wanted` names them in a message.
[[nodiscard]] Result<NpyLayout> read_npy_layout(FileReader& file, std::string_view wanted_kinds, const char* wanted);

}  // namespace shoal::datasets
