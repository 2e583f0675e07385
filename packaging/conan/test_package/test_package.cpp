// A vector goes in and is found.
#include <cstdio>

#include <shoal/shoal.hpp>

int main() {
  shoal::HnswIndex<> index({.dimensions = 2});
  const float vector[] = {1.0F, 2.0F};
  if (!index.insert(7, vector) || index.search(vector, 1).front().id != 7) return 1;
  std::printf("shoal %d.%d.%d\n", SHOAL_VERSION_MAJOR, SHOAL_VERSION_MINOR, SHOAL_VERSION_PATCH);
}
