// All kernels of a region, and its table. The namespace of a region is called what its level is.

#if defined(SHOAL_SIMD_REGION)

// Each needs those before it.
// clang-format off
#include "shoal/simd/generic/rows.hpp"
#include "shoal/simd/generic/float_kernels.hpp"
#include "shoal/simd/generic/int8_kernels.hpp"
#include "shoal/simd/generic/query_kernels.hpp"
#include "shoal/simd/generic/key_kernels.hpp"
#include "shoal/simd/generic/bit_kernels.hpp"
// clang-format on

namespace shoal::inline v0::simd::detail::SHOAL_SIMD_REGION {

inline constexpr KernelTable table{Level::SHOAL_SIMD_REGION,
                                   dot,
                                   l2_squared,
                                   dot_rows,
                                   l2_squared_rows,
                                   dot_block,
                                   l2_squared_block,
                                   dot_bytes,
                                   byte_offset,
                                   dot_bytes_rows,
                                   dot_bytes_block,
                                   scale_products,
                                   multiply,
                                   hadamard,
                                   largest_magnitude_bits,
                                   round_to_codes,
                                   mask_within,
                                   enter_nearest,
                                   most_inserted,
                                   insert_keys,
                                   BitSum::reads_planes,
                                   bit_sums};

}  // namespace shoal::inline v0::simd::detail::SHOAL_SIMD_REGION

#endif
