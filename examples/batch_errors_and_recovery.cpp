// A batch with bad items in it, and three ways to deal with them: go on behind each, take all or nothing, or say
// beforehand what to do with ids that are there already.
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <iostream>
#include <span>
#include <vector>

#include <shoal/shoal.hpp>

using Index = shoal::HnswIndex<shoal::L2Squared, shoal::Float32>;

struct Item {
  std::uint64_t id;
  std::vector<float> vector;
};

namespace {

/// Ten items with ids from 10; the fourth holds a NaN and the eighth is too short.
std::vector<Item> make_items() {
  std::vector<Item> items;
  for (std::uint64_t i = 0; i < 10; ++i) items.push_back({10 + i, {static_cast<float>(i), 1, 2, 3}});
  items[3].vector[2] = std::nanf("");
  items[7].vector.pop_back();
  return items;
}

/// Inserts what can be inserted: after a bad item, on from the one behind it. Gives the ids that went in.
std::vector<std::uint64_t> insert_the_good_ones(Index& index, std::span<const Item> items) {
  std::vector<std::uint64_t> ids;
  for (std::size_t next = 0; next < items.size();) {
    const auto inserted = index.batch_insert(items.subspan(next));
    const std::vector<std::uint64_t>& done = inserted ? *inserted : inserted.error().successful_ids;
    ids.insert(ids.end(), done.begin(), done.end());
    if (inserted) break;
    const auto& error = inserted.error();
    std::cout << "  " << error << '\n';
    if (!error.item_is_bad()) break;  // cancelled, or out of memory: skipping an item would lose it
    next += *error.failed_index + 1;
  }
  return ids;
}

bool recovers() {
  Index index({.dimensions = 4});
  const std::vector<Item> items = make_items();
  std::cout << "going on behind each bad item:\n";
  const std::vector<std::uint64_t> ids = insert_the_good_ones(index, items);
  std::cout << "  " << ids.size() << " of " << items.size() << " are in\n";
  const std::vector<std::uint64_t> good = {10, 11, 12, 14, 15, 16, 18, 19};
  return ids == good && index.size() == 8 && !index.contains(13) && !index.contains(17);
}

bool takes_all_or_nothing() {
  Index index({.dimensions = 4});
  const auto inserted =
      index.batch_insert(make_items(), shoal::NoProgress{}, {.atomicity = shoal::Atomicity::all_or_nothing});
  if (inserted) return false;
  std::cout << "all or nothing:\n  " << inserted.error() << "; " << index.size() << " are in\n";
  return index.empty() && inserted.error().successful_ids.empty() && inserted.error().failed_index == 3U &&
         inserted.error().failed_id == 13U && inserted.error().cause.code() == shoal::ErrorCode::not_finite;
}

bool deals_with_duplicates() {
  Index index({.dimensions = 2});
  const std::vector<Item> first = {{1, {0, 0}}, {2, {0, 0}}};
  const std::vector<Item> second = {{2, {5, 5}}, {3, {5, 5}}};
  if (!index.batch_insert(first)) return false;

  const auto refused = index.batch_insert(second);  // OnDuplicate::fail
  if (refused || refused.error().cause.code() != shoal::ErrorCode::duplicate_id) return false;

  const auto skipped = index.batch_insert(second, shoal::NoProgress{}, {.on_duplicate = shoal::OnDuplicate::skip});
  if (!skipped || *skipped != std::vector<std::uint64_t>{3}) return false;
  if (index.get(2) != std::vector<float>{0, 0}) return false;

  const auto overwritten =
      index.batch_insert(second, shoal::NoProgress{}, {.on_duplicate = shoal::OnDuplicate::overwrite});
  if (!overwritten || *overwritten != std::vector<std::uint64_t>{2, 3}) return false;
  std::cout << "duplicates:\n  " << refused.error() << "\n  skip put in " << skipped->size() << ", overwrite "
            << overwritten->size() << '\n';
  return index.get(2) == std::vector<float>{5, 5} && index.size() == 3;
}

}  // namespace

int main() { return recovers() && takes_all_or_nothing() && deals_with_duplicates() ? 0 : 1; }
