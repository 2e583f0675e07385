#pragma once
// What the storage tests share: the dimensions they run over, vectors of every shape that has troubled a quantiser, and
// the bounds of rounding.

#include <algorithm>
#include <bit>
#include <cfloat>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "random.hpp"
#include <shoal/core/slot.hpp>
#include <shoal/metric/metric.hpp>

namespace support {

/// 1 to 70 has every block and rest of a rotation that is small; the others are widths of real embeddings.
inline std::vector<std::size_t> storage_dimensions() {
  std::vector<std::size_t> all;
  for (std::size_t n = 1; n <= 70; ++n) all.push_back(n);
  all.insert(all.end(), {96, 100, 128, 384, 768, 1000, 4096});
  return all;
}

/// What `roundings` roundings to float add up to (Higham, lemma 3.1: n u / (1 - n u), u = 2^-24).
inline double gamma(std::size_t roundings) noexcept {
  const double nu = static_cast<double>(roundings) * 0x1p-24;
  return nu / (1 - nu);
}

/// Roundings a component meets in a rotation, relative to the length of the vector: in each of two passes a product, a
/// factor that was itself rounded twice, and log2(block) additions. Each level of additions is orthogonal but for a
/// factor, so what was rounded before it is passed on and not enlarged.
inline std::size_t rotation_roundings(std::size_t dimensions) noexcept {
  return 2 * (static_cast<std::size_t>(std::bit_width(dimensions)) + 2);
}

template <class A, class B>
double dot(const A& a, const B& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += double{a[i]} * double{b[i]};
  return sum;
}
template <class A>
double norm(const A& a) {
  return std::sqrt(dot(a, a));
}
template <class A, class B>
double distance(const A& a, const B& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += (double{a[i]} - double{b[i]}) * (double{a[i]} - double{b[i]});
  return std::sqrt(sum);
}

/// The distances of a query to some rows.
template <class Rows, class Query>
std::vector<float> distances(const Rows& rows, const Query& query, std::span<const shoal::Slot> slots) {
  std::vector<float> out(slots.size());
  rows.distances(query, slots, out.data());
  return out;
}

struct NamedVector {
  std::string name;
  std::vector<float> values;
};

inline std::vector<float> of_norm(std::vector<float> vector, double wanted) {
  const double now = norm(vector);
  for (float& value : vector) value = static_cast<float>(value * (wanted / now));
  return vector;
}

/// Vectors that are fit to be kept: finite, squared norm at most max_squared_norm.
inline std::vector<NamedVector> vectors_of_every_shape(Random& random, std::size_t n) {
  std::vector<NamedVector> all;
  const auto normal = [&] { return random.normal_vector(n); };
  for (int i = 0; i < 3; ++i) all.push_back({"normal", normal()});
  for (const int exponent : {-90, -40, -10, 10, 40, 55}) {
    all.push_back({"normal times 2^" + std::to_string(exponent), of_norm(normal(), std::ldexp(1.3, exponent))});
  }
  all.push_back({"zero", std::vector<float>(n, 0.0F)});
  all.push_back({"negative zero", std::vector<float>(n, -0.0F)});
  all.push_back({"constant", std::vector<float>(n, 0.7F)});
  all.push_back({"constant negative", std::vector<float>(n, -3.0F)});
  all.push_back({"constant 1e-30", std::vector<float>(n, 1e-30F)});
  all.push_back({"constant denormal 1e-40", std::vector<float>(n, 1e-40F)});
  all.push_back({"constant smallest normal", std::vector<float>(n, FLT_MIN)});
  all.push_back({"normal of norm 1e-30", of_norm(normal(), 1e-30)});
  for (const std::size_t place : {std::size_t{0}, n / 2, n - 1}) {
    std::vector<float> one_hot(n, 0.0F);
    one_hot[place] = place % 2 == 0 ? 1.0F : -5.0F;
    all.push_back({"one-hot at " + std::to_string(place), one_hot});
    std::vector<float> outlier = normal();
    outlier[place] = 1'000;
    all.push_back({"outlier at " + std::to_string(place), outlier});
    one_hot[place] = 1e-45F;
    all.push_back({"one smallest denormal at " + std::to_string(place), one_hot});
  }
  const double largest_norm = std::sqrt(double{shoal::max_squared_norm}) * (1 - 1e-6);
  all.push_back({"largest norm", of_norm(normal(), largest_norm)});
  all.push_back({"largest norm, constant", of_norm(std::vector<float>(n, 1.0F), largest_norm)});
  std::vector<float> huge(n, 0.0F);
  huge[n - 1] = static_cast<float>(largest_norm);
  all.push_back({"largest norm, one-hot", huge});
  std::vector<float> ramp(n), alternating(n);
  for (std::size_t i = 0; i < n; ++i) {
    ramp[i] = static_cast<float>(i) - static_cast<float>(n) / 2;
    alternating[i] = i % 2 == 0 ? 1.0F : -1.0F;
  }
  all.push_back({"ramp", ramp});
  all.push_back({"alternating", alternating});
  return all;
}

}  // namespace support
