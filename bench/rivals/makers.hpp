#pragma once
// What each competitor's file defines, for the registry. Those of absent libraries are declared and never used.

#include <string>

#include <rivals/rival.hpp>

namespace shoal::rivals {

[[nodiscard]] std::unique_ptr<Rival> make_shoal_float32(const Setup& setup);
[[nodiscard]] std::unique_ptr<Rival> make_shoal_float32_by_codes(const Setup& setup);
[[nodiscard]] std::unique_ptr<Rival> make_shoal_sq8(const Setup& setup);
[[nodiscard]] std::unique_ptr<Rival> make_shoal_refined_sq8(const Setup& setup);
[[nodiscard]] std::unique_ptr<Rival> make_hnswlib(const Setup& setup);
[[nodiscard]] std::unique_ptr<Rival> make_hnswlib_in_place(const Setup& setup);
[[nodiscard]] std::string hnswlib_version();
[[nodiscard]] std::unique_ptr<Rival> make_faiss_flat(const Setup& setup);
[[nodiscard]] std::unique_ptr<Rival> make_faiss_sq8(const Setup& setup);
[[nodiscard]] std::string faiss_version();

}  // namespace shoal::rivals
