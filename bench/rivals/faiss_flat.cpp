// faiss with its vectors as floats.
#include <rivals/faiss_rival.hpp>
#include <rivals/makers.hpp>

namespace shoal::rivals {

namespace {

class FaissFlat final : public FaissRival {
  using FaissRival::FaissRival;
  [[nodiscard]] std::unique_ptr<faiss::IndexHNSW> make_index(int dimensions, int M) const override {
    return std::make_unique<faiss::IndexHNSWFlat>(dimensions, M);
  }
};

}  // namespace

std::unique_ptr<Rival> make_faiss_flat(const Setup& setup) { return std::make_unique<FaissFlat>(setup); }

std::string faiss_version() {
  return std::to_string(FAISS_VERSION_MAJOR) + "." + std::to_string(FAISS_VERSION_MINOR) + "." +
         std::to_string(FAISS_VERSION_PATCH);
}

}  // namespace shoal::rivals
