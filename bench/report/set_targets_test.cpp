// The targets that are read off data sets, on results that were made up.
#include "set_targets.hpp"

#include <algorithm>

#include <doctest/doctest.h>

namespace shoal::report {
namespace {

/// A library whose curve has two points, of recall 0.96 and `second`, and which builds in `build_seconds`.
LibraryResult library(const std::string& name, double qps, double build_seconds, double second = 0.995) {
  LibraryResult result;
  result.name = name;
  result.build_seconds = {build_seconds, build_seconds, build_seconds};
  result.ef = {10, 20};
  result.recall = {0.96, second};
  result.qps = {{qps, qps / 2}, {qps, qps / 2}, {qps, qps / 2}};
  result.highest_recall = second;
  result.highest_recall_ef = 20;
  result.recall_at_equal_ef = {0.96, 0.97, 0.98, 0.99};
  return result;
}

SetResult set(const std::string& name) {
  SetResult result;
  result.name = name;
  result.libraries = {library("shoal Float32", 2000, 1), library("shoal SQ8", 5000, 0.5, 0.98),
                      library("shoal Refined<SQ8>", 6500, 0.5), library("hnswlib", 1000, 3)};
  return result;
}

const Target* find(const std::vector<Target>& targets, const std::string& name) {
  const auto found =
      std::find_if(targets.begin(), targets.end(), [&](const Target& target) { return target.name == name; });
  return found == targets.end() ? nullptr : &*found;
}

TEST_CASE("speeds and builds are divided within their rounds and judged") {
  const auto targets = set_targets(std::vector{set("debian-lsa768")});
  const Target* floats = find(targets, "search at 0.95, Float32");
  REQUIRE(floats != nullptr);
  CHECK(floats->reached->median == doctest::Approx(2));
  CHECK(floats->reached->count == 3);
  CHECK(verdict_of(*floats) == Verdict::floor);
  CHECK(find(targets, "build, 1 thread, SQ8")->reached->median == doctest::Approx(6));
  CHECK(verdict_of(*find(targets, "highest recall, SQ8")) == Verdict::below);
}

TEST_CASE("what vectors with both forms are to reach depends on the data") {
  const auto limits = [](const char* name, const char* row) {
    const auto targets = set_targets(std::vector{set(name)});
    const Target* target = find(targets, row);
    REQUIRE(target != nullptr);
    return std::pair(target->floor, target->aim);
  };
  using Limits = std::pair<std::optional<double>, std::optional<double>>;
  CHECK(limits("sutta-e5-384", "search at 0.95, Refined<SQ8>") == Limits(3, 6));
  CHECK(limits("debian-lsa768", "search at 0.99, Refined<SQ8>") == Limits(3, 7));
  CHECK(limits("fashion-mnist-784", "search at 0.99, Refined<SQ8>") == Limits(2.5, 4));
  CHECK(limits("sift5k-128", "search at 0.95, Refined<SQ8>") == Limits(2.5, 3));
  CHECK(limits("made-up clusters", "search at 0.95, Refined<SQ8>") == Limits());
}

TEST_CASE("a recall that only hnswlib reaches is below, one that hnswlib never reaches has no verdict") {
  SetResult both = set("sift5k-128");
  both.libraries[0] = library("shoal Float32", 2000, 1, 0.98);
  auto targets = set_targets(std::vector{both});
  CHECK(verdict_of(*find(targets, "search at 0.99, Float32")) == Verdict::below);
  both = set("sift5k-128");
  both.libraries[3] = library("hnswlib", 1000, 3, 0.98);
  targets = set_targets(std::vector{both});
  CHECK(verdict_of(*find(targets, "search at 0.99, Float32")) == Verdict::none);
  CHECK(find(targets, "search at 0.99, Float32")->remark == "hnswlib never gets there");
}

TEST_CASE("a build says by how much its recall at equal ef is below hnswlib's") {
  SetResult worse = set("sift5k-128");
  CHECK(find(set_targets(std::vector{worse}), "build, 1 thread, Float32")->remark == "recall at equal ef not below");
  worse.libraries[0].recall_at_equal_ef = {0.96, 0.95, 0.98, 0.995};
  CHECK(find(set_targets(std::vector{worse}), "build, 1 thread, Float32")->remark ==
        "recall at equal ef below by up to 0.0200 (ef 100)");
}

TEST_CASE("a build on several threads is reported, and not judged") {
  SetResult large = set("made-up large, 768-d");
  large.build_threads = 4;
  const auto targets = set_targets(std::vector{large});
  REQUIRE(find(targets, "build, 4 threads, Float32") != nullptr);
  CHECK(verdict_of(*find(targets, "build, 4 threads, Float32")) == Verdict::none);
}

TEST_CASE("there are no targets without hnswlib, nor of a library that is refused") {
  SetResult alone = set("sift5k-128");
  alone.libraries.pop_back();
  CHECK(set_targets(std::vector{alone}).empty());
  SetResult refused = set("sift5k-128");
  refused.libraries[0].refused = "wrong";
  const auto targets = set_targets(std::vector{refused});
  CHECK(find(targets, "search at 0.95, Float32") == nullptr);
  CHECK(find(targets, "search at 0.95, SQ8") != nullptr);
}

}  // namespace
}  // namespace shoal::report
