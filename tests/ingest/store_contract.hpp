#pragma once
// What every store is held to, whatever it is made of (ingest/vector_store.hpp says it in words). A Setup has a type
// Store and gives new, empty ones of so many dimensions:
//
//   struct Setup { using Store = ...; Store make(std::size_t dimensions); };

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "random.hpp"
#include "shoal/ingest/record.hpp"
#include "shoal/ingest/vector_store.hpp"

namespace support {

template <class Id>
shoal::Record<Id> record_of(Id id, float value, std::string metadata = {}, std::string content_hash = {}) {
  return {id, {value, -value, value * 0.5F}, std::move(metadata), std::move(content_hash)};
}

/// All changes after a transaction. The test ends where reading fails.
template <class Store>
std::vector<shoal::Change<typename Store::id_type>> changes_since(const Store& store, std::uint64_t sequence) {
  std::vector<shoal::Change<typename Store::id_type>> changes;
  auto cursor = store.read_since(sequence);
  REQUIRE_MESSAGE(cursor.has_value(), (cursor ? "" : std::string(cursor.error().message())));
  for (;;) {
    auto next = cursor->next();
    REQUIRE_MESSAGE(next.has_value(), (next ? "" : std::string(next.error().message())));
    if (*next == nullptr) return changes;
    changes.push_back(**next);
  }
}

/// "7@2 -9@3": id 7 came in transaction 2, id 9 went in 3.
template <class Id>
std::string print(const std::vector<shoal::Change<Id>>& changes) {
  std::string text;
  for (const auto& change : changes) {
    if (!text.empty()) text += ' ';
    text += (change.erased ? "-" : "") + std::to_string(change.record.id) + "@" + std::to_string(change.sequence);
  }
  return text;
}

/// One function for each sentence of the contract; each starts from a new store.
template <class Setup>
class Contract {
 public:
  using Store = typename Setup::Store;
  using Id = typename Store::id_type;
  using Ids = std::initializer_list<Id>;
  using Committed = shoal::Committed;
  using ErrorCode = shoal::ErrorCode;
  using Record = shoal::Record<Id>;

  void starts_empty() {
    CHECK(store.dimensions() == 3);
    CHECK(store.count().value() == 0);
    CHECK(store.last_sequence().value() == 0);
    CHECK(!store.get(1).value());
    CHECK(changes_since(store, 0).empty());
  }

  void reads_back_to_the_bit() {
    const float tiny = std::numeric_limits<float>::denorm_min();
    const float largest = std::numeric_limits<float>::max();
    const Record full{7, {-0.0F, tiny, -largest}, R"({"title":"na\u00efve \ud83d\udc1f","n":[1,2]})", "0a1b"};
    const Record bare{8, {1, 2, 3}};
    REQUIRE(store.write(full).has_value());
    REQUIRE(store.write(bare).has_value());
    const auto read = store.get(7).value();
    REQUIRE(read.has_value());
    CHECK(*read == full);
    CHECK(std::signbit(read->vector[0]));
    CHECK(store.get(8).value() == bare);
    CHECK(store.count().value() == 2);
  }

  void replaces() {
    REQUIRE(store.write(record_of<Id>(7, 1, R"({"a":1})", "old")).has_value());
    REQUIRE(store.write(record_of<Id>(7, 2)).has_value());
    CHECK(store.get(7).value() == record_of<Id>(7, 2));
    CHECK(store.count().value() == 1);
  }

  void takes_every_id() {
    const std::vector<Id> ids{0, 1, std::numeric_limits<Id>::min(), std::numeric_limits<Id>::max(),
                              static_cast<Id>(std::numeric_limits<Id>::max() / 2 + 1)};
    for (std::size_t i = 0; i < ids.size(); ++i) put(ids[i], static_cast<float>(i));
    for (std::size_t i = 1; i < ids.size(); ++i) {
      const auto last = ids[i] == ids[0] ? std::size_t{2} : i;  // the least of unsigned ones is 0 again
      CHECK(store.get(ids[i]).value() == record_of(ids[i], static_cast<float>(last)));
    }
    for (const Id id : ids) {
      REQUIRE(store.erase(id).has_value());
      CHECK(!store.get(id).value());
    }
    CHECK(store.count().value() == 0);
  }

  void numbers_transactions() {
    CHECK(put(5, 1) == Committed{1, 1});
    CHECK(put(6, 1) == Committed{2, 1});
    CHECK(put(5, 2) == Committed{3, 1});
    CHECK(store.erase(6).value() == Committed{4, 1});
    CHECK(store.last_sequence().value() == 4);
  }

  void erases_what_is_there() {
    put(5, 1);
    CHECK(store.erase(6).value() == Committed{1, 0});
    CHECK(store.erase(5).value() == Committed{2, 1});
    CHECK(store.erase(5).value() == Committed{2, 0});
    CHECK(store.last_sequence().value() == 2);
    CHECK(print(changes_since(store, 1)) == "-5@2");
  }

  void gives_everything_in_order() {
    for (const Id id : Ids{9, 3, 6, 1}) put(id, 1);
    put(3, 2);
    REQUIRE(store.erase(6).has_value());
    const auto all = changes_since(store, 0);
    CHECK(print(all) == "9@1 1@4 3@5");
    CHECK(all[2].record == record_of<Id>(3, 2));
  }

  void gives_changes_in_order() {
    for (const Id id : Ids{9, 3, 6, 1}) put(id, 1);
    REQUIRE(store.erase(3).has_value());
    put(9, 2);
    REQUIRE(store.erase(1).has_value());
    CHECK(print(changes_since(store, 1)) == "6@3 -3@5 9@6 -1@7");
    CHECK(print(changes_since(store, 5)) == "9@6 -1@7");
    CHECK(print(changes_since(store, 6)) == "-1@7");
    CHECK(changes_since(store, 7).empty());
    CHECK(changes_since(store, std::numeric_limits<std::uint64_t>::max()).empty());
    CHECK(changes_since(store, 6)[0].record == Record{.id = 1});
  }

  void forgets_erasure() {
    put(4, 1);
    REQUIRE(store.erase(4).has_value());
    put(4, 2);
    CHECK(print(changes_since(store, 1)) == "4@3");
    CHECK(store.get(4).value() == record_of<Id>(4, 2));
    REQUIRE(store.erase(4).has_value());
    CHECK(print(changes_since(store, 1)) == "-4@4");
  }

  void keeps_snapshots() {
    for (const Id id : Ids{1, 2, 3}) put(id, 1);
    auto cursor = store.read_since(0).value();
    put(2, 5);
    put(4, 5);
    REQUIRE(store.erase(3).has_value());
    for (const Id id : Ids{1, 2, 3}) {
      const auto* change = cursor.next().value();
      REQUIRE(change != nullptr);
      CHECK(change->record == record_of(id, 1.0F));
    }
    CHECK(cursor.next().value() == nullptr);
    CHECK(print(changes_since(store, 0)) == "1@1 2@4 4@5");
  }

  void ends_cursors() {
    put(1, 1);
    auto cursor = store.read_since(0).value();
    CHECK(cursor.next().value() != nullptr);
    CHECK(cursor.next().value() == nullptr);
    put(2, 1);
    CHECK(cursor.next().value() == nullptr);
  }

  void moves_cursors() {
    for (const Id id : Ids{1, 2}) put(id, 1);
    auto first = store.read_since(0).value();
    auto second = store.read_since(0).value();
    CHECK(first.next().value()->record.id == 1);
    CHECK(first.next().value()->record.id == 2);
    auto moved = std::move(second);
    CHECK(moved.next().value()->record.id == 1);
    CHECK(first.next().value() == nullptr);
    CHECK(moved.next().value()->record.id == 2);
  }

  void moves() {
    put(1, 1);
    Store moved = std::move(store);
    CHECK(moved.write(record_of<Id>(2, 1)).value() == Committed{2, 1});
    CHECK(moved.count().value() == 2);
  }

  void refuses_other_dimensions() {
    put(1, 1);
    const auto refused = store.write(Record{1, {1, 2}});
    REQUIRE(!refused.has_value());
    CHECK(refused.error().code() == ErrorCode::dimension_mismatch);
    CHECK(refused.error().message().find("expected 3 components, got 2") != std::string_view::npos);
    CHECK(store.get(1).value() == record_of<Id>(1, 1));
    CHECK(store.last_sequence().value() == 1);
  }

  void writes_batches() {
    const std::vector<Record> batch{record_of<Id>(5, 1), record_of<Id>(3, 2), record_of<Id>(9, 3)};
    CHECK(store.batch_write(batch).value() == Committed{1, 3});
    CHECK(print(changes_since(store, 0)) == "5@1 3@1 9@1");
    const std::vector<Id> ids{9, 4, 5, 9};
    CHECK(store.batch_erase(ids).value() == Committed{2, 2});
    CHECK(print(changes_since(store, 0)) == "3@1");
    CHECK(print(changes_since(store, 1)) == "-9@2 -5@2");
  }

  void keeps_the_last_of_a_batch() {
    const std::vector<Record> batch{record_of<Id>(5, 1), record_of<Id>(3, 2), record_of<Id>(5, 3)};
    CHECK(store.batch_write(batch).value() == Committed{1, 3});
    CHECK(store.count().value() == 2);
    CHECK(print(changes_since(store, 0)) == "3@1 5@1");
    CHECK(store.get(5).value() == record_of<Id>(5, 3));
  }

  void ignores_empty_batches() {
    put(1, 1);
    CHECK(store.batch_write({}).value() == Committed{1, 0});
    CHECK(store.batch_erase({}).value() == Committed{1, 0});
    CHECK(store.last_sequence().value() == 1);
  }

  void refuses_bad_batches() {
    put(5, 1);
    std::vector<Record> batch{record_of<Id>(5, 2), record_of<Id>(3, 2), Record{4, {1}}, record_of<Id>(2, 2)};
    const auto refused = store.batch_write(batch);
    REQUIRE(!refused.has_value());
    CHECK(refused.error().code() == ErrorCode::dimension_mismatch);
    CHECK(print(changes_since(store, 0)) == "5@1");
    CHECK(store.get(5).value() == record_of<Id>(5, 1));
    batch.erase(batch.begin() + 2);
    CHECK(store.batch_write(batch).value() == Committed{2, 3});
  }

  void knows_content() {
    const std::string bytes("\0\xFF'a\0", 5);
    REQUIRE(store.write(record_of<Id>(1, 1, {}, bytes)).has_value());
    REQUIRE(store.write(record_of<Id>(2, 1)).has_value());
    CHECK(store.content_hash(1).value() == bytes);
    CHECK(store.get(1).value()->content_hash == bytes);
    CHECK(store.content_hash(2).value().empty());
    CHECK(store.content_hash(3).value().empty());
    REQUIRE(store.erase(1).has_value());
    CHECK(store.content_hash(1).value().empty());
  }

  void validates() {
    CHECK(!store.validate(record_of<Id>(1, 1)));
    const auto fault = store.validate(Record{1, {1, 2, 3, 4}});
    REQUIRE(fault.has_value());
    CHECK(fault->code() == ErrorCode::dimension_mismatch);
  }

  void equals_a_map() {
    Random random(20);
    CAPTURE(random.seed());
    std::map<Id, Record> expected;
    std::map<Id, std::uint64_t> touched;  // by which transaction last
    std::uint64_t sequence = 0;
    for (int step = 0; step < 300; ++step) {
      const Id id = static_cast<Id>(random.below(40));
      if (random.chance(0.3)) {
        const bool known = expected.erase(id) != 0;
        sequence += known ? 1 : 0;
        if (known) touched[id] = sequence;
        REQUIRE(store.erase(id).value() == Committed{sequence, known ? std::size_t{1} : std::size_t{0}});
      } else {
        const auto record = record_of(id, random.uniform(-9, 9), R"({"step":)" + std::to_string(step) + "}");
        expected[id] = record;
        touched[id] = ++sequence;
        REQUIRE(store.write(record).value() == Committed{sequence, 1});
      }
    }
    CHECK(store.count().value() == expected.size());
    for (Id id = 0; id < 40; ++id) {
      const auto known = expected.find(id);
      CHECK(store.get(id).value() == (known == expected.end() ? std::optional<Record>() : known->second));
    }
    for (const std::uint64_t since : {std::uint64_t{0}, sequence / 3, sequence - 5, sequence}) {
      std::map<std::uint64_t, std::string> by_sequence;
      for (const auto& [id, when] : touched) {
        const bool erased = !expected.contains(id);
        if (when <= since || (erased && since == 0)) continue;
        by_sequence[when] = (erased ? "-" : "") + std::to_string(id) + "@" + std::to_string(when);
      }
      std::string in_order;
      for (const auto& [when, text] : by_sequence) in_order += (in_order.empty() ? "" : " ") + text;
      CHECK(print(changes_since(store, since)) == in_order);
    }
  }

 private:
  Committed put(Id id, float value) { return store.write(record_of(id, value)).value(); }

  Setup setup{};
  Store store = setup.make(3);
};

template <class Setup>
void check_contract() {
  using Store = typename Setup::Store;
  Contract<Setup> store;
  SUBCASE("a new store is empty, and before its first transaction") { store.starts_empty(); }
  SUBCASE("what is written is read back to the bit") { store.reads_back_to_the_bit(); }
  SUBCASE("a write replaces all there was under its id") { store.replaces(); }
  SUBCASE("every id of the type is one") { store.takes_every_id(); }
  SUBCASE("every write and every erase is the next transaction") { store.numbers_transactions(); }
  SUBCASE("to erase what is not there does nothing") { store.erases_what_is_there(); }
  SUBCASE("everything there is comes in the order of its last change, and nothing that went") {
    store.gives_everything_in_order();
  }
  SUBCASE("what changed after a transaction comes in order, each id once, as it is now") {
    store.gives_changes_in_order();
  }
  SUBCASE("what was erased and written again has only come") { store.forgets_erasure(); }
  SUBCASE("a cursor sees the store as it was when it was asked for") { store.keeps_snapshots(); }
  SUBCASE("a cursor that is at its end stays there, also when more is written") { store.ends_cursors(); }
  SUBCASE("two cursors go their own ways, and may be moved") { store.moves_cursors(); }
  SUBCASE("a store that moved goes on") { store.moves(); }
  SUBCASE("a vector of other dimensions is refused, and nothing changes") { store.refuses_other_dimensions(); }
  if constexpr (shoal::TransactionalStore<Store>) {
    SUBCASE("a batch is one transaction") { store.writes_batches(); }
    SUBCASE("of several records with one id in a batch the last counts") { store.keeps_the_last_of_a_batch(); }
    SUBCASE("an empty batch is no transaction") { store.ignores_empty_batches(); }
    SUBCASE("a batch with one bad record is not written at all") { store.refuses_bad_batches(); }
  }
  if constexpr (shoal::KnowsContent<Store, typename Store::id_type>) {
    SUBCASE("a content hash is known for who has one, and bytes of any kind are one") { store.knows_content(); }
  }
  if constexpr (shoal::ValidatesRecords<Store, typename Store::id_type>) {
    SUBCASE("what would be refused can be known before") { store.validates(); }
  }
  SUBCASE("after many changes the store holds what a map does") { store.equals_a_map(); }
}

}  // namespace support
