#include <cmath>

#include <datasets/clustered.hpp>
#include <datasets/random.hpp>

namespace shoal::datasets {

namespace {

// Chosen so that 10,000 x 768 are as hard as as many real text vectors (latent semantic analysis, M = 16,
// ef_construction = 200): recall@10 at ef = 10, 100, 400 is 0.825, 0.993, 1.000 here and 0.876, 0.992, 0.998 there, as
// bytes 0.989 and 0.986 at ef = 100; the 10th neighbour lies at 0.60 and 0.59 of the median squared distance.
constexpr std::uint32_t topics = 512;
constexpr std::uint32_t directions = 512;        // shared by all topics
constexpr std::uint32_t directions_of_one = 48;  // in which a topic spreads, each less than the one before
constexpr float spread = 1.3F;                   // of a topic, against the distance of its centre from the origin
constexpr float noise = 1.0F;
constexpr std::uint32_t one_in_is_large = 100;
constexpr float large = 8.0F;

/// What all vectors of one seed have in common.
class Topics {
 public:
  Topics(std::size_t dims, std::uint64_t seed) : dims_(dims), scales_(dims) {
    Random random(seed_of(seed, 0));
    for (float& scale : scales_) {
      scale = random.below(one_in_is_large) == 0 ? large : 1.0F;
    }
    centres_ = unit_vectors(topics, random);
    directions_ = unit_vectors(directions, random);
  }

  void fill(std::span<float> vector, Random random) const {
    // The square of a uniform number: the first topic has 4 % of the vectors, the last ones 0.1 % each.
    const std::uint64_t uniform = random.next() >> 32U;
    const auto topic = static_cast<std::uint32_t>(((uniform * uniform >> 32U) * topics) >> 32U);
    const auto centre = centres_.row(topic);
    const float noise_each = noise / std::sqrt(static_cast<float>(dims_));
    for (std::size_t i = 0; i < dims_; ++i) {
      vector[i] = centre[i] + noise_each * scales_[i] * random.normal();
    }
    Random choice(seed_of(topic, 1));  // the same directions for all vectors of the topic
    float total = 0;
    for (std::uint32_t j = 0; j < directions_of_one; ++j) {
      total += 1.0F / static_cast<float>(j + 1);
    }
    for (std::uint32_t j = 0; j < directions_of_one; ++j) {
      const auto direction = directions_.row(choice.below(directions));
      const float amount = spread * std::sqrt(1.0F / static_cast<float>(j + 1) / total) * random.normal();
      for (std::size_t i = 0; i < dims_; ++i) {
        vector[i] += amount * direction[i];
      }
    }
    normalise(vector);
  }

 private:
  [[nodiscard]] Matrix<float> unit_vectors(std::size_t count, Random& random) const {
    Matrix<float> vectors{count, dims_, std::vector<float>(count * dims_)};
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t j = 0; j < dims_; ++j) {
        vectors.row(i)[j] = scales_[j] * random.normal();
      }
      normalise(vectors.row(i));
    }
    return vectors;
  }

  static void normalise(std::span<float> vector) {
    double squares = 0;
    for (const float x : vector) {
      squares += double{x} * double{x};
    }
    const double scale = squares > 0 ? 1 / std::sqrt(squares) : 0;
    for (float& x : vector) {
      x = static_cast<float>(x * scale);
    }
    if (squares <= 0) {  // all components drew zero: any direction will do
      vector[0] = 1;
    }
  }

  std::size_t dims_;
  std::vector<float> scales_;
  Matrix<float> centres_;
  Matrix<float> directions_;
};

}  // namespace

Dataset clustered(std::size_t rows, std::size_t dims, std::uint64_t seed, std::size_t queries) {
  Dataset dataset;
  dataset.name = "made-up clusters";
  dataset.base = {rows, dims, std::vector<float>(rows * dims)};
  dataset.queries = {queries, dims, std::vector<float>(queries * dims)};
  const Topics common(dims, seed);
  for (std::size_t i = 0; i < rows; ++i) {
    common.fill(dataset.base.row(i), Random(seed_of(seed, 2 * i + 2)));
  }
  for (std::size_t i = 0; i < queries; ++i) {
    common.fill(dataset.queries.row(i), Random(seed_of(seed, 2 * i + 3)));
  }
  return dataset;
}

}  // namespace shoal::datasets
