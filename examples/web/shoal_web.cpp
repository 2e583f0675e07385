// An index in a web page: 10,000 vectors go in while the page draws a bar, then some are searched for. It is compiled
// by Emscripten and runs in a worker (worker.js), so that the page stays alive. The vectors are made one by one as they
// are asked for; a real page would hand on what it fetched.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include <emscripten.h>

#include <shoal/shoal.hpp>

namespace {

/// Vectors around 100 centres, the same for the same id.
std::vector<float> make_vector(std::uint64_t id, std::size_t dimensions) {
  std::vector<float> vector(dimensions);
  std::uint32_t centre = static_cast<std::uint32_t>(id % 100) + 1, noise = static_cast<std::uint32_t>(id) + 12'345;
  const auto next = [](std::uint32_t& state) {
    state = state * 1'664'525U + 1'013'904'223U;  // Numerical Recipes
    return static_cast<float>(state >> 8) * 0x1p-23F - 1;
  };
  for (float& value : vector) value = next(centre) + 0.5F * next(noise);
  return vector;
}

/// A range of (id, vector) that holds one vector at a time.
struct MadeUp {
  struct Item {
    std::uint64_t id;
    std::vector<float> vector;
  };
  struct Iterator {
    using difference_type = std::ptrdiff_t;
    using value_type = Item;
    const MadeUp* source;
    std::uint64_t id;
    Item operator*() const { return {id, make_vector(id, source->dimensions)}; }
    Iterator& operator++() {
      ++id;
      return *this;
    }
    void operator++(int) { ++id; }
    bool operator==(std::default_sentinel_t) const { return id == source->count; }
  };
  std::size_t count, dimensions;
  [[nodiscard]] Iterator begin() const { return {this, 0}; }
  [[nodiscard]] std::default_sentinel_t end() const { return {}; }
  [[nodiscard]] std::size_t size() const { return count; }
};

std::optional<shoal::HnswIndex<>> index_of_page;
std::string message;

}  // namespace

// What the worker tells the page: so many of so many are in.
EM_JS(void, tell_progress, (double done, double total), { self.postMessage({progress : done / total}); });

extern "C" {

/// True when all are in; else `what_went_wrong` says why not.
EMSCRIPTEN_KEEPALIVE bool build(std::size_t count, std::size_t dimensions) {
  auto index = shoal::HnswIndex<>::create({.dimensions = dimensions});
  if (!index) {
    message = index.error().message();
    return false;
  }
  index_of_page.emplace(std::move(*index));
  const auto inserted = index_of_page->batch_insert(MadeUp{count, dimensions}, [](std::size_t done, std::size_t total) {
    if (done % 100 == 0 || done == total) tell_progress(static_cast<double>(done), static_cast<double>(total));
  });
  if (!inserted) message = inserted.error().what();
  return inserted.has_value();
}

EMSCRIPTEN_KEEPALIVE const char* what_went_wrong() { return message.c_str(); }

/// How many of the vectors 0, step, 2 * step, ... are found when they are searched for.
EMSCRIPTEN_KEEPALIVE std::size_t count_found(std::size_t step) {
  std::size_t found = 0;
  for (std::uint64_t id = 0; id < index_of_page->size(); id += step) {
    const auto nearest = index_of_page->search(make_vector(id, index_of_page->dimensions()), 10);
    found += !nearest.empty() && nearest.front().id == id ? 1 : 0;
  }
  return found;
}

/// What the index itself takes.
EMSCRIPTEN_KEEPALIVE std::size_t index_bytes() { return index_of_page->memory_usage().total(); }
}
