// Bytes as the operands of a kernel, on each level of instructions that this processor has: sums of floats within the
// bound of float_kernels.hpp of a loop in double, integers, codes, masks, keys and rotations exactly what plain loops
// give. Operands lie in memory of exactly their size, at any alignment that their type has.

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <new>
#include <type_traits>
#include <vector>

#include "input.hpp"
#include "levels.hpp"
#include <shoal/core/platform.hpp>
#include <shoal/simd/bit_kernels.hpp>
#include <shoal/simd/float_kernels.hpp>
#include <shoal/simd/hadamard.hpp>
#include <shoal/simd/int8_kernels.hpp>
#include <shoal/simd/key_kernels.hpp>

namespace {

namespace simd = shoal::simd;
using fuzz::expect;
using shoal::detail::Key;

/// n values of which AddressSanitizer knows the first and the last byte, up to 15 places behind a multiple of 64 bytes.
template <class T>
class Operand {
 public:
  Operand(std::size_t n, std::size_t offset) : first_(new (std::align_val_t{64}) T[n + offset]), offset_(offset) {}
  [[nodiscard]] T* data() const noexcept { return first_.get() + offset_; }

 private:
  struct Delete {
    void operator()(T* values) const noexcept { ::operator delete[](values, std::align_val_t{64}); }
  };
  std::unique_ptr<T[], Delete> first_;
  std::size_t offset_;
};

template <class T>
Operand<T> take_operand(fuzz::Input& input, std::size_t n) {
  Operand<T> operand(n, input.below(16));
  for (std::size_t i = 0; i < n; ++i) operand.data()[i] = input.take<T>();
  return operand;
}
/// What of them is finite; the rest becomes a small number.
Operand<float> take_finite(fuzz::Input& input, std::size_t n) {
  Operand<float> operand = take_operand<float>(input, n);
  for (std::size_t i = 0; i < n; ++i) {
    if (!std::isfinite(operand.data()[i])) operand.data()[i] = static_cast<float>(i % 7);
  }
  return operand;
}
/// -128 is no code.
Operand<std::int8_t> take_codes(fuzz::Input& input, std::size_t n) {
  Operand<std::int8_t> operand = take_operand<std::int8_t>(input, n);
  for (std::size_t i = 0; i < n; ++i) operand.data()[i] = std::max<std::int8_t>(operand.data()[i], -127);
  return operand;
}

/// Rows apart from each other, and pointers to them.
template <class T>
struct Rows {
  template <class Take>
  Rows(std::size_t count, const Take& take) {
    for (std::size_t i = 0; i < count; ++i) {
      operands.push_back(take());
      pointers.push_back(operands.back().data());
    }
  }
  std::vector<Operand<T>> operands;
  std::vector<const T*> pointers;
};

/// Runs `body` on each level that can be had.
template <class Body>
void on_every_level(const Body& body) {
  static const std::vector<simd::Level> levels = support::levels_here();
  for (const simd::Level level : levels) {
    expect(simd::use_level(level), "a level that is here can be used");
    body();
  }
}

/// To the last bit; any NaN is another.
bool is_same(std::int32_t a, std::int32_t b) { return a == b; }
bool is_same(float a, float b) {
  return shoal::detail::bit_cast<std::uint32_t>(a) == shoal::detail::bit_cast<std::uint32_t>(b) ||
         (std::isnan(a) && std::isnan(b));
}

// ---- products
// ----------------------------------------------------------------------------------------------------------

/// Within `roundings` roundings of the terms, each of which may also be too small for a float; of any value once the
/// terms may be too large for one.
bool is_near(float got, double sum, double magnitude, std::size_t roundings) {
  if (magnitude > 0x1p126) return true;
  const double nu = static_cast<double>(roundings) * 0x1p-24;
  return std::abs(got - sum) <= nu / (1 - nu) * magnitude + static_cast<double>(roundings) * 0x1p-149;
}

struct Dot {
  using Element = float;
  using Result = float;
  static constexpr auto take = take_finite;
  static constexpr auto pair = [](auto... all) { return simd::dot(all...); };
  static constexpr auto rows = [](auto... all) { simd::dot_rows(all...); };
  static constexpr auto block = [](auto... all) { simd::dot_block(all...); };
  static bool is_right(float got, const float* a, const float* b, std::size_t n) {
    double sum = 0, magnitude = 0;
    for (std::size_t i = 0; i < n; ++i) {
      sum += double{a[i]} * b[i];
      magnitude += std::abs(double{a[i]} * b[i]);
    }
    return is_near(got, sum, magnitude, n);
  }
};
struct L2 : Dot {
  static constexpr auto pair = [](auto... all) { return simd::l2_squared(all...); };
  static constexpr auto rows = [](auto... all) { simd::l2_squared_rows(all...); };
  static constexpr auto block = [](auto... all) { simd::l2_squared_block(all...); };
  static bool is_right(float got, const float* a, const float* b, std::size_t n) {
    double sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += (double{a[i]} - b[i]) * (double{a[i]} - b[i]);
    return is_near(got, sum, sum, n + 2) && (a != b || got == 0 || sum != 0);
  }
};
struct ByteDot : Dot {
  using Element = std::int8_t;
  using Result = std::int32_t;
  static constexpr auto take = take_codes;
  static bool is_right(std::int32_t got, const std::int8_t* a, const std::int8_t* b, std::size_t n) {
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += std::int64_t{a[i]} * b[i];
    return got == sum;
  }
};

/// A pair, the rows of a hop, a block: each right, and the same for the same two rows.
template <class Kernel>
void try_products(fuzz::Input& input) {
  using Result = typename Kernel::Result;
  const std::size_t n = input.below(300);
  const std::size_t a_count = 1 + input.below(5), b_count = input.below(12);
  const auto take = [&] { return Kernel::take(input, n); };
  const Rows<typename Kernel::Element> a(a_count, take), b(b_count, take);
  on_every_level([&] {
    // Plain `new`: what is written behind the last is seen.
    const auto pairs = std::make_unique<Result[]>(b_count);
    const auto block = std::make_unique<Result[]>(a_count * b_count);
    Kernel::block(a.pointers.data(), a_count, b.pointers.data(), b_count, n, block.get(), b_count);
    for (std::size_t i = 0; i < a_count; ++i) {
      Kernel::rows(a.pointers[i], b.pointers.data(), b_count, n, pairs.get());
      for (std::size_t j = 0; j < b_count; ++j) {
        const auto* const left = a.pointers[i];
        const auto* const right = b.pointers[j];
        expect(Kernel::is_right(pairs[j], left, right, n), "the product of a row of a hop is right");
        const Result one = Kernel::pair(left, right, n);
        expect(is_same(one, pairs[j]), "a pair gives what a row of a hop gives");
        expect(Kernel::is_right(block[i * b_count + j], left, right, n), "the product of a row of a block is right");
        Kernel::block(&left, std::size_t{1}, &right, std::size_t{1}, n, pairs.get() + j, std::size_t{1});
        const Result again = pairs[j];
        expect(is_same(again, block[i * b_count + j]), "a row of a block gives the same in any other");
      }
    }
    if constexpr (std::is_same_v<Kernel, L2>) {
      expect(simd::l2_squared(a.pointers[0], a.pointers[0], n) == 0, "a row is at distance 0 from itself");
    }
  });
}

void try_bit_sums(fuzz::Input& input) {
  const std::size_t words = 1 + input.below(20), count = input.below(10);
  Operand<std::uint8_t> levels = take_operand<std::uint8_t>(input, words * 64);
  for (std::size_t i = 0; i < words * 64; ++i) levels.data()[i] &= 15U;
  const Operand<std::uint64_t> planes(words * simd::bit_query_planes, input.below(8));
  simd::split_into_planes(levels.data(), words, planes.data());
  const Rows<std::uint64_t> rows(count, [&] { return take_operand<std::uint64_t>(input, words); });
  on_every_level([&] {
    const auto sums = std::make_unique<std::int32_t[]>(count);
    simd::bit_sums({levels.data(), planes.data()}, rows.pointers.data(), count, words, sums.get());
    for (std::size_t i = 0; i < count; ++i) {
      std::int32_t sum = 0;
      for (std::size_t j = 0; j < words * 64; ++j) {
        if ((rows.pointers[i][j / 64] >> (j % 64) & 1U) != 0) sum += levels.data()[j];
      }
      expect(sums[i] == sum, "a sum over set bits is right");
    }
  });
}

// ---- one array
// ---------------------------------------------------------------------------------------------------------

void try_arrays(fuzz::Input& input) {
  const std::size_t n = input.below(300);
  const Operand<float> values = take_operand<float>(input, n), factors = take_operand<float>(input, n);
  const Operand<std::int32_t> products = take_operand<std::int32_t>(input, n);
  const auto factor = input.take<float>();
  std::uint32_t largest = 0;
  for (std::size_t i = 0; i < n; ++i) {
    largest = std::max(largest, shoal::detail::bit_cast<std::uint32_t>(values.data()[i]) & 0x7FFF'FFFFU);
  }
  on_every_level([&] {
    expect(simd::largest_magnitude_bits(values.data(), n) == largest, "the largest magnitude is the largest");
    const auto out = std::make_unique<float[]>(n);
    std::copy_n(values.data(), n, out.get());
    simd::multiply(out.get(), factors.data(), n);
    for (std::size_t i = 0; i < n; ++i) {
      expect(is_same(out[i], values.data()[i] * factors.data()[i]), "a product is rounded once");
    }
    simd::scale_products(products.data(), values.data(), factor, n, out.get());
    for (std::size_t i = 0; i < n; ++i) {
      const float scale = values.data()[i] * factor;
      expect(is_same(out[i], scale * static_cast<float>(products.data()[i])), "a product is scaled");
    }
  });
}

/// The order of the sums is part of what is promised: the result is the same on every level, to the last bit.
void try_hadamard(fuzz::Input& input) {
  const std::size_t n = std::size_t{1} << input.below(9);
  const Operand<float> values = take_operand<float>(input, n);
  double magnitude = 0;
  for (std::size_t i = 0; i < n; ++i) magnitude += std::abs(double{values.data()[i]});
  std::vector<float> portable;
  on_every_level([&] {
    const Operand<float> out(n, n % 16);
    std::copy_n(values.data(), n, out.data());
    simd::hadamard(out.data(), n);
    if (portable.empty()) {
      portable.assign(out.data(), out.data() + n);
      // NaN where something is not finite.
      for (std::size_t i = 0; i < n && magnitude < 0x1p126; i += 1 + n / 16) {
        double sum = 0;
        for (std::size_t j = 0; j < n; ++j) sum += std::popcount(i & j) % 2 == 0 ? values.data()[j] : -values.data()[j];
        expect(is_near(portable[i], sum, magnitude, static_cast<std::size_t>(std::countr_zero(n)) + 1),
               "a transform is that of the matrix");
      }
    }
    for (std::size_t i = 0; i < n; ++i) expect(is_same(out.data()[i], portable[i]), "a transform is the same anywhere");
  });
}

void try_codes(fuzz::Input& input) {
  const std::size_t n = input.below(300);
  const Operand<float> values = take_finite(input, n);
  auto factor = input.take<float>();
  if (!std::isfinite(factor)) factor = 1;
  for (std::size_t i = 0; i < n; ++i) {
    if (!std::isfinite(values.data()[i] * factor)) values.data()[i] = 0;
  }
  on_every_level([&] {
    const auto codes = std::make_unique<std::int8_t[]>(n);
    simd::round_to_codes(values.data(), n, factor, codes.get());
    for (std::size_t i = 0; i < n; ++i) {
      const float product = values.data()[i] * factor;
      const float rounded = std::clamp(std::nearbyint(product), -127.0F, 127.0F);
      const bool is_representable = std::abs(product) < 0x1p31F;  // beyond, any code will do
      expect(is_representable ? static_cast<float>(codes[i]) == rounded : codes[i] >= -127, "a code is the nearest");
    }
  });
}

void try_mask(fuzz::Input& input) {
  const std::size_t n = input.below(65);
  const Operand<float> values = take_operand<float>(input, n);
  const auto take_number = [&](float value) { return std::isnan(value) ? 1.0F : value; };
  const float limit = take_number(input.take<float>());
  std::uint64_t mask = 0;
  for (std::size_t i = 0; i < n; ++i) {
    values.data()[i] = take_number(values.data()[i]);
    mask |= std::uint64_t{values.data()[i] <= limit ? 1U : 0U} << i;
  }
  on_every_level([&] { expect(simd::mask_within(values.data(), n, limit) == mask, "a mask has a bit for each"); });
}

// ---- keys
// --------------------------------------------------------------------------------------------------------------

/// Several hops enter what they scored; what is infinite or no number stays out.
void try_keys(fuzz::Input& input) {
  const std::size_t capacity = 1 + input.below(200);
  std::vector<std::vector<float>> hops(1 + input.below(8));
  for (auto& hop : hops) {
    hop.resize(input.below(80));
    const bool is_coarse = input.one_in(2);
    for (float& distance : hop) {
      distance = is_coarse ? static_cast<float>(input.take<std::int8_t>() % 16) : input.take<float>();
      if (std::isnan(distance)) distance = std::numeric_limits<float>::infinity();
    }
  }
  on_every_level([&] {
    const auto keys = std::make_unique<Key[]>(simd::key_room(capacity));
    std::fill_n(keys.get(), simd::key_room(capacity), Key{-7});
    std::vector<Key> expected;
    std::size_t size = 0;
    std::uint32_t next = 0;
    for (const auto& hop : hops) {
      const auto distances = std::make_unique<float[]>(hop.size());
      const auto slots = std::make_unique<shoal::Slot[]>(hop.size());
      for (std::size_t i = 0; i < hop.size(); ++i) {
        distances[i] = hop[i];
        slots[i] = shoal::Slot{next++ * 1'640'531'527U % 0x7FFF'FFFFU};
        if (hop[i] <= std::numeric_limits<float>::max()) {
          expected.push_back(shoal::detail::to_key(hop[i], slots[i]));
        }
      }
      const std::vector<Key> before(keys.get(), keys.get() + size);
      std::sort(expected.begin(), expected.end());
      expected.resize(std::min(expected.size(), capacity));
      const auto entered = simd::enter_nearest(keys.get(), size, capacity, distances.get(), slots.get(), hop.size());
      size = entered.size;
      expect(size == expected.size() && std::equal(expected.begin(), expected.end(), keys.get()),
             "the nearest are kept in order");
      const auto moved = std::mismatch(expected.begin(), expected.end(), before.begin(), before.end()).first;
      if (moved != expected.end()) {
        expect(entered.lowest <= static_cast<std::size_t>(moved - expected.begin()), "the lowest that moved is known");
      }
    }
    const auto sorted = std::make_unique<Key[]>(simd::key_room(size));
    std::reverse(keys.get(), keys.get() + size / 2);
    simd::sort_keys(keys.get(), size, sorted.get());
    expect(std::equal(expected.begin(), expected.end(), sorted.get()), "keys are sorted");
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  switch (input.below(9)) {
    case 0: try_products<Dot>(input); break;
    case 1: try_products<L2>(input); break;
    case 2: try_products<ByteDot>(input); break;
    case 3: try_bit_sums(input); break;
    case 4: try_arrays(input); break;
    case 5: try_hadamard(input); break;
    case 6: try_codes(input); break;
    case 7: try_mask(input); break;
    default: try_keys(input); break;
  }
  return 0;
}
