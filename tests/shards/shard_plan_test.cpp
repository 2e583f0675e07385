// The plan: even, the same for ever, and nothing moves that could stay.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <vector>

#include <doctest/doctest.h>

#include <shoal/shards/shard_plan.hpp>

using shoal::ErrorCode;
using shoal::ShardMove;
using shoal::ShardName;
using shoal::ShardPlan;

namespace {

std::vector<std::uint64_t> ids_below(std::uint64_t count) {
  std::vector<std::uint64_t> ids(count);
  for (std::uint64_t i = 0; i < count; ++i) ids[i] = i;
  return ids;
}

}  // namespace

TEST_CASE("ids that follow each other spread evenly over the shards, multiples and large ones too") {
  for (const std::size_t shards : {2U, 7U, 64U}) {
    const auto plan = *ShardPlan::of_count(shards);
    for (const std::uint64_t step : {std::uint64_t{1}, std::uint64_t{4'096}, std::uint64_t{0x1'0000'0000}}) {
      CAPTURE(shards);
      CAPTURE(step);
      constexpr std::uint64_t count = 64'000;
      std::vector<double> in(shards);
      for (std::uint64_t i = 0; i < count; ++i) ++in[plan.shard_of(i * step)];
      // Binomial: standard deviation below the root of the mean. Five of them, of at most 64 shards.
      const double mean = double{count} / static_cast<double>(shards);
      for (const double of_one : in) CHECK(std::abs(of_one - mean) < 5 * std::sqrt(mean));
    }
  }
}

TEST_CASE("an id belongs to the same shard in every release, for files depend on it") {
  // By another program, from the definition: the largest mix64(mix64(id) ^ mix64(~name)).
  const auto plan = *ShardPlan::of_names({3, 10, 4'000'000'000});
  std::vector<std::size_t> shards;
  for (const std::int64_t id : {-2, -1, 0, 1, 2, 3, 100, 1'000'000'007}) shards.push_back(plan.shard_of(id));
  CHECK(shards == std::vector<std::size_t>{2, 1, 1, 0, 1, 2, 1, 1});
}

TEST_CASE("a shard more takes its share from all others, and nothing else moves") {
  const auto before = *ShardPlan::of_count(5);
  const auto after = *before.with(17);
  const auto ids = ids_below(60'000);
  const auto moves = moves_between(before, after, ids);
  CHECK(static_cast<double>(moves.size()) / 60'000 == doctest::Approx(1.0 / 6).epsilon(0.05));
  std::map<ShardName, std::size_t> lost;
  for (const auto& move : moves) {
    REQUIRE(move.to == 17);
    REQUIRE(move.from == before.names()[before.shard_of(move.id)]);
    ++lost[move.from];
  }
  CHECK(lost.size() == 5);
  for (const auto& [name, count] : lost) CHECK(static_cast<double>(count) == doctest::Approx(2'000).epsilon(0.15));
}

TEST_CASE("of a shard that goes, its own ids move and no others; when it comes back, they do") {
  const auto before = *ShardPlan::of_count(5);
  const auto after = *before.without(2);
  const auto ids = ids_below(20'000);
  const auto away = moves_between(before, after, ids);
  const auto own = std::count_if(ids.begin(), ids.end(), [&](auto id) { return before.shard_of(id) == 2; });
  CHECK(away.size() == static_cast<std::size_t>(own));
  for (const auto& move : away) REQUIRE(move.from == 2);
  auto back = moves_between(after, *after.with(2), ids);
  for (auto& move : back) std::swap(move.from, move.to);
  CHECK(back == away);
  CHECK(*after.with(2) == before);
}

TEST_CASE("between equal plans nothing moves, in whatever order their names came") {
  CHECK(moves_between(*ShardPlan::of_names({9, 2, 5}), *ShardPlan::of_names({5, 9, 2}), ids_below(1'000)).empty());
}

TEST_CASE("a plan of no shards, of too many, or with a name twice is refused with the numbers") {
  const auto check = [](const auto& plan, const char* message) {
    REQUIRE(!plan);
    CHECK(plan.error().code() == ErrorCode::invalid_config);
    CHECK(plan.error().message() == message);
  };
  check(ShardPlan::of_count(0), "shards must be 1 to 4096, got 0");
  check(ShardPlan::of_count(4'097), "shards must be 1 to 4096, got 4097");
  check(ShardPlan::of_count(~std::size_t{0} / 2),
        ("shards must be 1 to 4096, got " + std::to_string(~std::size_t{0} / 2)).c_str());
  check(ShardPlan::of_names({1, 7, 1}), "expected shards of different names, two have the name 1");
  check(ShardPlan::of_count(3)->with(2), "expected shards of different names, two have the name 2");
  check(ShardPlan::of_count(3)->without(3), "expected a shard of the plan, none has the name 3");
  check(ShardPlan::of_count(1)->without(0), "shards must be 1 to 4096, got 0");
}
