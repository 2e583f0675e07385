#pragma once
// What every level of instructions has to offer: one pointer for each kernel. A level fills a table at compile time,
// and level.hpp chooses one while the program runs. All take any alignment and any n or count, 0 included; rows come as
// arrays of pointers, so that one call serves a whole hop, wherever its rows lie. float_kernels.hpp, int8_kernels.hpp,
// hadamard.hpp, key_kernels.hpp and bit_kernels.hpp say what each computes.

#include <cstddef>
#include <cstdint>

#include "shoal/core/key.hpp"

namespace shoal::inline v0::simd {

/// Sets of instructions that kernels exist for, each including those before it. `portable` is what the compiler's flags
/// allow; `avx2` includes FMA, `avx512` is F, BW, DQ and VL.
enum class Level { portable, avx2, avx512, avx512_vnni };

/// What `enter_nearest` has done: how many keys there are, and below which place none has moved.
struct EnteredKeys {
  std::size_t size;
  std::size_t lowest;
};

namespace detail {

using shoal::detail::distance_of;
using shoal::detail::Key;
using shoal::detail::least_key;
using shoal::detail::no_key;
using shoal::detail::to_key;

/// *Shape*: out[i * out_stride + j] of a_rows[i] and b_rows[j].
template <class Element, class Result>
using BlockKernel = void (*)(const Element* const* a_rows, std::size_t a_count, const Element* const* b_rows,
                             std::size_t b_count, std::size_t n, Result* out, std::size_t out_stride) noexcept;
/// *Shape*: out[i] of the query and rows[i].
template <class Element, class Result>
using RowsKernel = void (*)(const Element* query, const Element* const* rows, std::size_t count, std::size_t n,
                            Result* out) noexcept;
template <class Element, class Result>
using PairKernel = Result (*)(const Element* a, const Element* b, std::size_t n) noexcept;

struct KernelTable {
  Level level;

  PairKernel<float, float> dot;
  PairKernel<float, float> l2_squared;
  RowsKernel<float, float> dot_rows;
  RowsKernel<float, float> l2_squared_rows;
  BlockKernel<float, float> dot_block;
  BlockKernel<float, float> l2_squared_block;

  PairKernel<std::int8_t, std::int32_t> dot_bytes;
  std::int32_t (*byte_offset)(const std::int8_t* query, std::size_t n) noexcept;
  void (*dot_bytes_rows)(const std::int8_t* query, std::int32_t offset, const std::int8_t* const* rows,
                         std::size_t count, std::size_t n, std::int32_t* out) noexcept;
  BlockKernel<std::int8_t, std::int32_t> dot_bytes_block;

  void (*scale_products)(const std::int32_t* products, const float* factors, float factor, std::size_t n,
                         float* out) noexcept;
  void (*multiply)(float* values, const float* factors, std::size_t n) noexcept;
  void (*hadamard)(float* values, std::size_t n) noexcept;
  std::uint32_t (*largest_magnitude_bits)(const float* values, std::size_t n) noexcept;
  void (*round_to_codes)(const float* values, std::size_t n, float factor, std::int8_t* codes) noexcept;

  std::uint64_t (*mask_within)(const float* values, std::size_t n, float limit) noexcept;
  EnteredKeys (*enter_nearest)(Key* keys, std::size_t size, std::size_t capacity, const float* distances,
                               const Slot* slots, std::size_t count) noexcept;
  std::size_t most_inserted;  // keys up to which insert_keys is worth it
  void (*insert_keys)(const Key* keys, std::size_t count, Key* out) noexcept;
  bool reads_planes;  // whether bit_sums does; if not, it reads levels
  void (*bit_sums)(const std::uint8_t* levels, const std::uint64_t* planes, const std::uint64_t* const* rows,
                   std::size_t count, std::size_t words, std::int32_t* out) noexcept;
};

}  // namespace detail

}  // namespace shoal::inline v0::simd
