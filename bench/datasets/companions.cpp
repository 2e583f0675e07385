#include <algorithm>
#include <array>
#include <string_view>

#include <datasets/companions.hpp>

namespace shoal::datasets {

namespace fs = std::filesystem;

namespace {

constexpr std::array query_names{"query", "queries", "test"};
constexpr std::array truth_names{"gt", "groundtruth", "ground_truth", "neighbors"};
constexpr std::array vector_endings{".fvecs", ".bvecs", ".npy"};
constexpr std::array id_endings{".ivecs", ".npy"};
constexpr std::string_view separators = "_-.";
constexpr const char* known_endings = ".fvecs, .bvecs, .npy, .hdf5 or .h5";

/// A stem "sift_base" has the prefix "sift_"; "base" has none (""); any other stem X is one: "X_", "X-" and "X." are
/// tried.
struct Stem {
  bool is_base = false;
  std::vector<std::string> prefixes;
};

Stem stem_of(const fs::path& base) {
  const std::string stem = base.stem().string();
  for (const std::string_view word : {"base", "train"}) {
    if (stem == word) {
      return {true, {""}};
    }
    const std::string_view view = stem;
    if (view.size() > word.size() + 1 && view.substr(view.size() - word.size()) == word &&
        separators.find(view[view.size() - word.size() - 1]) != std::string_view::npos) {
      return {true, {stem.substr(0, stem.size() - word.size()), ""}};
    }
  }
  return {false, {stem + "_", stem + "-", stem + ".", ""}};
}

template <class Names, class Endings>
std::optional<fs::path> find_beside(const fs::path& base, const Names& names, const Endings& endings) {
  for (const std::string& prefix : stem_of(base).prefixes) {
    for (const char* name : names) {
      for (const char* ending : endings) {
        fs::path candidate = base.parent_path() / (prefix + name + ending);
        std::error_code error;
        if (candidate != base && fs::exists(candidate, error)) {
          return candidate;
        }
      }
    }
  }
  return std::nullopt;
}

bool holds_vectors(const fs::path& path) {
  const auto format = format_of(path);
  return format && *format != Format::ivecs;
}

Result<fs::path> find_base_in(const fs::path& folder) {
  std::vector<fs::path> bases;
  std::vector<fs::path> hdf5_files;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (!holds_vectors(it->path())) {
      continue;
    }
    if (format_of(it->path()) == Format::hdf5) {
      hdf5_files.push_back(it->path());
    } else if (stem_of(it->path()).is_base) {
      bases.push_back(it->path());
    }
  }
  if (error) {
    return fail(folder, "the folder cannot be read (", error.message(), ")");
  }
  if (bases.empty()) {
    bases = hdf5_files;
  }
  std::sort(bases.begin(), bases.end());
  if (bases.empty()) {
    return fail(folder, "expected a file base.* or *_base.* of the kind ", known_endings, " in this folder, came none");
  }
  if (bases.size() > 1) {
    return fail(folder, "expected one base file in this folder, came ", bases.size(), " (", shown(bases[0].filename()),
                ", ", shown(bases[1].filename()), bases.size() > 2 ? ", ..." : "", "); name the one to read");
  }
  return bases.front();
}

}  // namespace

std::optional<Format> format_of(const fs::path& path) {
  std::string ending = path.extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  if (ending == ".fvecs") return Format::fvecs;
  if (ending == ".bvecs") return Format::bvecs;
  if (ending == ".ivecs") return Format::ivecs;
  if (ending == ".npy") return Format::npy;
  if (ending == ".hdf5" || ending == ".h5") return Format::hdf5;
  return std::nullopt;
}

Result<fs::path> find_base(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (status.type() == fs::file_type::not_found) {
    return fail(path, "no such file or folder");
  }
  if (status.type() == fs::file_type::directory) {
    return find_base_in(path);
  }
  if (format_of(path) == Format::ivecs) {
    return fail(path, "expected vectors (", known_endings, "), came .ivecs, which holds ids");
  }
  if (!holds_vectors(path)) {
    return fail(path, "expected a file of the kind ", known_endings, ", came '", shown(path.extension()), "'");
  }
  return path;
}

std::optional<fs::path> find_queries(const fs::path& base) { return find_beside(base, query_names, vector_endings); }

std::optional<fs::path> find_truth(const fs::path& base) { return find_beside(base, truth_names, id_endings); }

std::string name_of_set(const fs::path& base) {
  const Stem stem = stem_of(base);
  if (!stem.is_base) {
    return shown(base.stem());
  }
  std::string name = stem.prefixes.front();
  if (!name.empty()) {
    name.pop_back();  // the separator
    return shown(name);
  }
  std::error_code error;
  const fs::path folder = fs::absolute(base, error).lexically_normal().parent_path().filename();
  return folder.empty() ? shown(base.stem()) : shown(folder);
}

}  // namespace shoal::datasets
