// The C++ half of beside_cpp.py: reads rows of floats from a file, and for each line on stdin builds an index of them
// and prints the seconds that batch_insert took, by the clock and of processor time. The same flags and headers as the
// module, and no Python.
//
//   shoal_python_cpp_side FILE ROWS DIMENSIONS THREADS

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iostream>
#include <numeric>
#include <string>
#include <vector>

#include <shoal/shoal.hpp>

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "expected FILE ROWS DIMENSIONS THREADS, got %d arguments\n", argc - 1);
    return 2;
  }
  const auto rows = static_cast<std::size_t>(std::strtoull(argv[2], nullptr, 10));
  const auto dimensions = static_cast<std::size_t>(std::strtoull(argv[3], nullptr, 10));
  const auto threads = static_cast<unsigned>(std::strtoul(argv[4], nullptr, 10));

  std::vector<float> values(rows * dimensions);
  std::ifstream file(argv[1], std::ios::binary);
  file.read(reinterpret_cast<char*>(values.data()), static_cast<std::streamsize>(values.size() * sizeof(float)));
  if (!file) {
    std::fprintf(stderr, "%s: expected %zu x %zu floats\n", argv[1], rows, dimensions);
    return 1;
  }
  std::vector<std::uint64_t> ids(rows);
  std::iota(ids.begin(), ids.end(), std::uint64_t{0});

  for (std::string line; std::getline(std::cin, line);) {
    shoal::HnswIndex<> index({.dimensions = dimensions});
    const std::clock_t processor_begin = std::clock();
    const auto begin = std::chrono::steady_clock::now();
    const auto inserted = index.batch_insert(ids, values, shoal::NoProgress{}, {.threads = threads});
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
    const auto processor_time = static_cast<double>(std::clock() - processor_begin) / CLOCKS_PER_SEC;
    if (!inserted || index.size() != rows) return 1;
    std::printf("%.9f %.9f\n", elapsed.count(), processor_time);
    std::fflush(stdout);
  }
  return 0;
}
