#pragma once
// Which files belong together: the base a path means, and the queries and the ground truth that lie beside it.
//
// The names in use out there:
//
//   base.fvecs          query.fvecs          gt.ivecs                     as in a folder of its own
//   sift_base.fvecs     sift_query.fvecs     sift_groundtruth.ivecs       TEXMEX
//   vectors.npy         queries.npy          ground_truth.npy             any other name of the base
//
// Also query, queries, test; gt, groundtruth, ground_truth, neighbors; with '_', '-' or '.' after the prefix. A file
// with the prefix of the base comes before one without.

#include <optional>
#include <vector>

#include <datasets/result.hpp>

namespace shoal::datasets {

enum class Format { fvecs, bvecs, ivecs, npy, hdf5 };

/// By the end of the name: .fvecs, .bvecs, .ivecs, .npy, .hdf5, .h5; nothing for any other.
[[nodiscard]] std::optional<Format> format_of(const std::filesystem::path& path);

/// The file of base vectors that `path` means: itself, or the one base file in the folder it names. *Errors*: missing,
/// a kind of file that holds no vectors, no base or several in the folder.
[[nodiscard]] Result<std::filesystem::path> find_base(const std::filesystem::path& path);

[[nodiscard]] std::optional<std::filesystem::path> find_queries(const std::filesystem::path& base);
[[nodiscard]] std::optional<std::filesystem::path> find_truth(const std::filesystem::path& base);

/// What to call the set: the prefix of the base, else its name, or that of its folder when it is just called "base".
[[nodiscard]] std::string name_of_set(const std::filesystem::path& base);

}  // namespace shoal::datasets
