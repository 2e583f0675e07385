#pragma once
// One library with one way of keeping vectors, as the report sees all of them. Squared L2; the id of a vector is the
// number of its row. Everything is what a user of the library would call: no rival is entered through a back door.
//
// A virtual call a query is 2 ns of the 10,000 and more that a search takes, and the same for all.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace shoal::rivals {

/// The graph that is asked for, and on how many threads. `M` as in hnswlib: lists of 2 M on level 0.
struct Setup {
  std::size_t M = 16;
  std::size_t ef_construction = 200;
  unsigned threads = 1;           // that build
  bool counts_distances = false;  // for Rival::distances; slower
};

/// Vectors to build from. *Shape*: rows x cols, row-major; the memory stays while build() runs, no longer.
struct FloatMatrix {
  const float* values = nullptr;
  std::size_t rows = 0;
  std::size_t cols = 0;
};

/// *Threads*: build() uses those of the setup; search() may be called from several at once.
class Rival {
 public:
  Rival() = default;
  Rival(const Rival&) = delete;
  Rival& operator=(const Rival&) = delete;
  virtual ~Rival() = default;

  /// Everything from an empty index to one that can be searched, training included. Called once. Errors: exceptions.
  virtual void build(const FloatMatrix& base) = 0;

  /// Candidates kept by the searches that follow.
  virtual void set_ef(std::size_t ef) = 0;

  /// Leaves the rows of the k nearest in `ids`. The order is the library's.
  virtual void search(const float* query, std::size_t k, std::vector<std::uint64_t>& ids) const = 0;

  /// Nodes that no search can find, where the library lets us count.
  [[nodiscard]] virtual std::optional<std::size_t> unreachable() const { return std::nullopt; }

  /// What the library itself says that it owns, where it does. *Units*: bytes.
  [[nodiscard]] virtual std::optional<std::size_t> reported_bytes() const { return std::nullopt; }

  /// Distances that this thread has computed, of all rivals of the kind, where the library lets us count and the setup
  /// asked for it.
  [[nodiscard]] virtual std::optional<std::uint64_t> distances() const { return std::nullopt; }

  /// What is wrong with the built index by the library's own check, one line each.
  [[nodiscard]] virtual std::vector<std::string> faults() const { return {}; }
};

using MakeRival = std::unique_ptr<Rival> (*)(const Setup&);

}  // namespace shoal::rivals
