#pragma once
// The dictionary at the head of a .npy file, read with a parser for just the Python that NumPy writes there.
//
// It is hostile input: every number is checked for overflow, every key must be known, come once and be there, and
// nothing may follow. *Errors*: one line saying what was expected at which character of the header.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <datasets/result.hpp>

namespace shoal::datasets {

struct NpyHeader {
  std::string type;  // NumPy's name: '<f4'; "(structured)" when it is a list
  bool fortran_order = false;
  std::vector<std::uint64_t> shape;
};

[[nodiscard]] Result<NpyHeader> parse_npy_header(std::string_view header);

}  // namespace shoal::datasets
