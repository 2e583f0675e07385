// The other half of a program of two units: instantiates what main.cpp does, so a definition that is not inline is
// there twice and the link fails.
#include <cstdint>

#include <shoal/shoal.hpp>

// Every member of every kind of index, so that each compiler says what it thinks of them.
template class shoal::HnswIndex<shoal::L2Squared, shoal::SQ8>;
template class shoal::HnswIndex<shoal::InnerProduct, shoal::SQ8, std::int32_t>;
template class shoal::HnswIndex<shoal::Cosine, shoal::Float32>;
template class shoal::BruteForceIndex<shoal::L2Squared, shoal::Float32>;
template class shoal::BruteForceIndex<shoal::Cosine, shoal::SQ8, std::uint8_t>;

bool second_unit_can_build_an_index();

bool second_unit_can_build_an_index() {
  shoal::HnswIndex<shoal::L2Squared, shoal::Float32> index({.dimensions = 4, .M = 8, .ef_construction = 40});
  const float vector[] = {1.0F, 2.0F, 3.0F, 4.0F};
  return index.insert(1, vector).has_value() && index.search(vector, 1).size() == 1;
}
