#include <rivals/makers.hpp>
#include <rivals/registry.hpp>

#include <shoal/core/version.hpp>

namespace shoal::rivals {

namespace {

std::string shoal_version() {
  return std::to_string(SHOAL_VERSION_MAJOR) + "." + std::to_string(SHOAL_VERSION_MINOR) + "." +
         std::to_string(SHOAL_VERSION_PATCH);
}

}  // namespace

std::vector<Library> libraries() {
  std::vector<Library> found{
      {"shoal Float32", shoal_version(), make_shoal_float32},
      {"shoal Float32 linked by codes", shoal_version(), make_shoal_float32_by_codes},
      {"shoal SQ8", shoal_version(), make_shoal_sq8},
      {"shoal Refined<SQ8>", shoal_version(), make_shoal_refined_sq8},
  };
#if defined(SHOAL_RIVALS_HNSWLIB)
  found.push_back({baseline_name, hnswlib_version(), make_hnswlib});
#endif
#if defined(SHOAL_RIVALS_FAISS)
  found.push_back({"faiss HNSWFlat", faiss_version(), make_faiss_flat});
  found.push_back({"faiss HNSW SQ8", faiss_version(), make_faiss_sq8});
#endif
  return found;
}

std::vector<ChangingLibrary> changing_libraries() {
  std::vector<ChangingLibrary> found{{"shoal Float32", "", make_shoal_float32}, {"shoal SQ8", "", make_shoal_sq8}};
#if defined(SHOAL_RIVALS_HNSWLIB)
  found.push_back({baseline_name, "new labels", make_hnswlib});
  found.push_back({baseline_name, "in place", make_hnswlib_in_place});
#endif
  return found;
}

std::vector<std::string> missing_libraries() {
  std::vector<std::string> missing;
#if !defined(SHOAL_RIVALS_HNSWLIB)
  missing.emplace_back("hnswlib is left out: not found when this was built (Debian: libhnswlib-dev)");
#endif
#if !defined(SHOAL_RIVALS_FAISS)
  missing.emplace_back("faiss is left out: not found when this was built (Debian: libfaiss-dev)");
#endif
  return missing;
}

}  // namespace shoal::rivals
