// faiss with its vectors as bytes: 8 bits a component, scaled by the range that training saw in that component.
#include <rivals/faiss_rival.hpp>
#include <rivals/makers.hpp>

namespace shoal::rivals {

namespace {

class FaissSq8 final : public FaissRival {
  using FaissRival::FaissRival;
  [[nodiscard]] std::unique_ptr<faiss::IndexHNSW> make_index(int dimensions, int M) const override {
    return std::make_unique<faiss::IndexHNSWSQ>(dimensions, faiss::ScalarQuantizer::QT_8bit, M);
  }
};

}  // namespace

std::unique_ptr<Rival> make_faiss_sq8(const Setup& setup) { return std::make_unique<FaissSq8>(setup); }

}  // namespace shoal::rivals
