// The tables of files and sessions, on numbers whose answer is known.
#include "files.hpp"

#include <doctest/doctest.h>

namespace shoal::report {
namespace {

TEST_CASE("a session's speed stands beside that of the same rounds in memory") {
  FilesResult result{"made-up", 20'000, 768, 8};
  result.sessions.push_back(
      {"SQ8", 160'000'000, {10'000, 20'000, 40'000}, {}, 0.97, {{0.5, {5'000, 8'000, 20'000}, 0.9, 0.97, 1, 1}}});
  result.memory.push_back({"SQ8", 80'000'000, 50'000'000, 51'000'000, 52'500'000, 100'000});
  result.loaded.push_back({"SQ8", 20'000'000, 21'000'000});
  const std::string text = files_section({result});
  CHECK(text.find("| SQ8 | 160 MB | 0.9700 | 20,000 (1.00x) | - | 8,000 (0.50x), 90.0 % hits |") != std::string::npos);
  CHECK(text.find("| SQ8 | 80.0 MB | 50.0 MB | 51.0 MB | 52.5 MB | 100,000 | 1.050 |") != std::string::npos);
  CHECK(text.find("| SQ8 | 20.0 MB | 21.0 MB | 1.050 |") != std::string::npos);
}

TEST_CASE("a library's save and load are rates of its file") {
  FilesResult result{"made-up", 10, 4, 8};
  result.saving =
      SavingResult{"clusters", 100'000, 768, "ext4", {2e9}, {4e9}, {{"shoal SQ8", 1'000'000'000, {0.5}, {0.8}, {2}}}};
  const std::string text = files_section({result});
  CHECK(text.find("| shoal SQ8 | 1000 MB | 0.500 s, 2.00 GB/s | 0.800 s, 1.25 GB/s | 2.00 s, 0.500 GB/s |") !=
        std::string::npos);
  CHECK(text.find("2.00 GB/s, read from") != std::string::npos);
}

TEST_CASE("the time until a file is ready is a median, in a unit that can be read") {
  FilesResult result{"made-up", 10, 4, 8};
  result.opening = OpeningResult{"clusters",
                                 1'000'000,
                                 128,
                                 700'000'000,
                                 {{"open", {0.0003, 0.0001, 0.0002}, {0.002}, {0.00005}}, {"load", {1.5}, {}, {}}}};
  const std::string text = files_section({result});
  CHECK(text.find("| open | 200 us | 2.00 ms | 50.0 us |") != std::string::npos);
  CHECK(text.find("| load | 1.50 s | - | - |") != std::string::npos);
}

}  // namespace
}  // namespace shoal::report
