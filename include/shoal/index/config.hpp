#pragma once
// How an index is set up, and what makes a setup valid.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>

#include "shoal/core/error.hpp"
#include "shoal/core/slot.hpp"

namespace shoal::inline v0 {

/// What becomes of a change of an index that another thread is changing.
enum class SecondWriter : std::uint8_t {
  waits,       ///< It goes on when the other has ended.
  is_refused,  ///< It ends at once with `busy`, and changed nothing.
};

/// Setup of an HnswIndex. Designated initialisers are the intended way: `{.dimensions = 768}`.
struct HnswConfig {
  std::size_t dimensions = 0;         ///< Components of every vector: 1 to 65,536. Has no default.
  std::size_t M = 16;                 ///< Links a new entry asks for; lists hold M, and 2 * M on level 0. 2 to 512.
  std::size_t ef_construction = 200;  ///< Candidates kept while an entry is linked: 1 to 100,000; at least M are kept.
  std::uint64_t seed = 0x5EED;        ///< Fixes the levels: the same seed and input give the same graph.
  std::size_t max_elements = 0;       ///< Refuse more live entries than this; 0: no limit. Reserves nothing.
  SecondWriter second_writer = SecondWriter::waits;
};

/// Setup of a BruteForceIndex.
struct BruteForceConfig {
  std::size_t dimensions = 0;    ///< Components of every vector: 1 to 65,536. Has no default.
  std::size_t max_elements = 0;  ///< Refuse more entries than this; 0: no limit.
  SecondWriter second_writer = SecondWriter::waits;
};

namespace detail {

inline std::optional<Error> out_of_range(const char* name, std::size_t value, std::size_t least, std::size_t most) {
  if (value >= least && value <= most) return std::nullopt;
  return make_error(ErrorCode::invalid_config, name, " must be ", least, " to ", most, ", got ", value);
}

/// What is wrong with a setup, if anything.
inline std::optional<Error> find_fault(const BruteForceConfig& config) {
  return out_of_range("dimensions", config.dimensions, 1, 65'536);
}
inline std::optional<Error> find_fault(const HnswConfig& config) {
  if (auto fault = out_of_range("dimensions", config.dimensions, 1, 65'536)) return fault;
  if (auto fault = out_of_range("M", config.M, 2, 512)) return fault;
  return out_of_range("ef_construction", config.ef_construction, 1, 100'000);
}

/// `config` itself when it is valid. Errors: std::invalid_argument (ends the program without exceptions).
template <class Config>
[[nodiscard]] const Config& require_valid(const Config& config) {
  if (const auto fault = find_fault(config)) raise<std::invalid_argument>(std::string(fault->message()).c_str());
  return config;
}

/// Errors: std::invalid_argument when no index can have so many entries (ends the program without exceptions).
inline void require_possible(std::size_t entries) {
  if (const auto fault = out_of_range("entries", entries, 0, max_slots)) {
    raise<std::invalid_argument>(std::string(fault->message()).c_str());
  }
}

}  // namespace detail
}  // namespace shoal::inline v0
