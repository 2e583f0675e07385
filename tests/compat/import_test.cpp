// Files of hnswlib's: those that its versions wrote, kept in tests/data, and those that are damaged.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "../io/support.hpp"
#include "support.hpp"
#include <shoal/compat/import_hnswlib.hpp>
#include <shoal/storage/sq8.hpp>

using namespace compat_tests;
using io_tests::Bytes;
using io_tests::MemoryFiles;

namespace {

constexpr std::size_t few_dimensions = 5;

/// A file of several levels, with points that are marked as deleted.
Bytes small_file(std::size_t count = 60) {
  const auto points = random_points(21, count, few_dimensions);
  hnswlib::L2Space space(few_dimensions);
  hnswlib::HierarchicalNSW<float> index(&space, 64, 3, 20, 7);
  for (std::size_t i = 0; i < count; ++i) index.addPoint(points.data() + i * few_dimensions, 3 * i + 1);
  for (std::size_t i = 0; i < count; i += 9) index.markDelete(3 * i + 1);
  MemoryFiles files;
  index.save("file", files);
  return files.files.at("file");
}

template <class Index = shoal::HnswIndex<>>
shoal::Expected<Index, shoal::Error> import_bytes(Bytes bytes, const shoal::HnswlibImportOptions& options = {}) {
  MemoryFiles files;
  files.files["file"] = std::move(bytes);
  return shoal::import_hnswlib<Index>("file", options, files);
}

/// Refused with a reason, or an index in which all is in order, which can be searched, changed and saved.
bool is_refused_or_sound(const Bytes& bytes) {
  auto index = import_bytes(bytes);
  if (!index) {
    const shoal::ErrorCode code = index.error().code();
    return index.error().message().size() > 10 &&
           (code == shoal::ErrorCode::corrupt || code == shoal::ErrorCode::incompatible ||
            code == shoal::ErrorCode::not_finite || code == shoal::ErrorCode::norm_too_large);
  }
  if (!index->check().ok()) return false;
  const std::vector<float> query(index->dimensions(), 0.25F);
  const std::size_t live = index->size();
  if (index->search(query, live + 1).size() != live) return false;
  if (!index->insert(std::uint64_t{1} << 60, query) && !index->contains(std::uint64_t{1} << 60)) return false;
  return index->check().ok() && !io_tests::bytes_of(*index).empty();
}

/// The same for a program of hnswlib's.
bool is_an_error_or_sound(const Bytes& bytes) {
  MemoryFiles files;
  files.files["file"] = bytes;
  hnswlib::L2Space space(few_dimensions);
  hnswlib::HierarchicalNSW<float> index(&space);
  try {
    index.load("file", space, 0, files);
  } catch (const std::runtime_error& error) {
    return std::string(error.what()).size() > 10 && index.getCurrentElementCount() == 0;
  }
  index.checkIntegrity();
  const std::array<float, few_dimensions> query{};
  const std::size_t live = index.getCurrentElementCount() - index.getDeletedCount();
  return index.searchKnn(query.data(), live + 1).size() == live;
}

}  // namespace

TEST_CASE("a file becomes an index of shoal's with the same points, ids and links") {
  const auto points = random_points(21, 60, few_dimensions);
  const auto index = import_bytes(small_file());
  REQUIRE_MESSAGE(index, index.error().message());
  CHECK(index->check().ok());
  CHECK(index->size() == 53);
  CHECK(index->config().M == 3);
  CHECK(index->config().ef_construction == 20);
  CHECK(index->stats().levels.size() > 1);
  for (std::size_t i = 0; i < 60; ++i) {
    const auto vector = index->get(3 * i + 1);
    REQUIRE(vector.has_value() == (i % 9 != 0));
    if (vector) CHECK(std::equal(vector->begin(), vector->end(), points.data() + i * few_dimensions));
  }
  const std::vector<float> query(few_dimensions, 0.1F);
  CHECK(index->search(query, 100).size() == 53);
}

TEST_CASE("the file that hnswlib 0.6.2 and 0.8.0 write, byte for byte the same, is read with what they found in it") {
  // 60 points of 5 floats, M = 4, ef_construction = 30, every tenth marked as deleted, and a search at ef = 60.
  const std::string path = "tests/data/hnswlib/l2.bin";
  const std::vector<float> query{0.1F, -0.2F, 0.3F, -0.4F, 0.5F};
  const std::vector<std::pair<float, labeltype>> truth{{0.388000071F, 1'378},
                                                       {0.529999971F, 1'238},
                                                       {0.560000062F, 1'294},
                                                       {0.594000041F, 1'084},
                                                       {0.882000089F, 1'147}};
  const auto imported = shoal::import_hnswlib(path);
  REQUIRE_MESSAGE(imported, imported.error().message());
  CHECK(imported->check().ok());
  CHECK(imported->size() == 54);
  CHECK(!imported->contains(1'000));
  const auto found = imported->search(query, {.k = 5, .ef = 60});
  hnswlib::L2Space space(few_dimensions);
  hnswlib::HierarchicalNSW<float> loaded(&space, path);
  loaded.setEf(60);
  CHECK(loaded.getMaxElements() == 80);
  CHECK(loaded.getDeletedCount() == 6);
  const auto loaded_found = loaded.searchKnnCloserFirst(query.data(), 5);
  REQUIRE(found.size() == 5);
  REQUIRE(loaded_found.size() == 5);
  for (std::size_t i = 0; i < 5; ++i) {
    CHECK(found[i].id == truth[i].second);
    CHECK(found[i].distance == doctest::Approx(truth[i].first).epsilon(1e-6));
    CHECK(loaded_found[i].second == truth[i].second);
  }
  loaded.unmarkDelete(1'000);
  CHECK(loaded.getDataByLabel<float>(1'000)[1] == doctest::Approx(61 / 50.0 - 1));
}

TEST_CASE("a file becomes an index of another storage, metric or type of id, and of the first floats of a point") {
  const Bytes bytes = small_file();
  const auto coded = import_bytes<shoal::HnswIndex<shoal::L2Squared, shoal::SQ8, std::int32_t>>(bytes);
  REQUIRE_MESSAGE(coded, coded.error().message());
  CHECK(coded->check().ok());
  const auto cosine = import_bytes<shoal::HnswIndex<shoal::Cosine>>(bytes);
  REQUIRE_MESSAGE(cosine, cosine.error().message());
  CHECK(cosine->check().ok());
  const auto short_ids = import_bytes<shoal::HnswIndex<shoal::L2Squared, shoal::Float32, std::int8_t>>(bytes);
  REQUIRE(!short_ids);
  CHECK(short_ids.error().code() == shoal::ErrorCode::id_out_of_range);
  const auto first = import_bytes(bytes, {.dimensions = 2});
  REQUIRE_MESSAGE(first, first.error().message());
  CHECK(first->dimensions() == 2);
  const auto wide = import_bytes(bytes, {.dimensions = 6});
  REQUIRE(!wide);
  CHECK(wide.error().code() == shoal::ErrorCode::incompatible);
}

TEST_CASE("files without points, and with one, are read and written") {
  for (const std::size_t count : {0, 1, 2}) {
    CAPTURE(count);
    const Bytes bytes = small_file(count);
    CHECK(is_refused_or_sound(bytes));
    const auto index = import_bytes(bytes);
    REQUIRE(index);
    CHECK(index->size() == count - std::min<std::size_t>(count, 1));  // the first is marked as deleted
    CHECK(is_an_error_or_sound(bytes));
  }
}

TEST_CASE("a file that was cut off anywhere, or has a byte too many, is refused, and what was loaded stays") {
  const Bytes bytes = small_file(20);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    CAPTURE(size);
    const Bytes shorter(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    REQUIRE(!import_bytes(shorter));
    REQUIRE(is_an_error_or_sound(shorter));
  }
  Bytes longer = bytes;
  longer.push_back(std::byte{0});
  CHECK(!import_bytes(longer));

  MemoryFiles files;
  files.files["good"] = bytes;
  files.files["bad"] = longer;
  hnswlib::L2Space space(few_dimensions);
  hnswlib::HierarchicalNSW<float> index(&space);
  index.load("good", space, 0, files);
  CHECK(error_of([&] { index.load("bad", space, 0, files); }) == "1 bytes more than expected: bad");
  CHECK(index.getCurrentElementCount() == 20);
}

TEST_CASE("a file with any byte made another is refused, or gives a sound index") {
  const Bytes good = small_file(30);
  std::size_t sound = 0;
  for (std::size_t at = 0; at < good.size(); ++at) {
    CAPTURE(at);
    std::vector<std::byte> others{std::byte{0}, std::byte{0xFF}};
    for (std::size_t bit = at % 3; bit < 8; bit += 3) others.push_back(good[at] ^ static_cast<std::byte>(1U << bit));
    for (const std::byte other : others) {
      if (other == good[at]) continue;
      Bytes bytes = good;
      bytes[at] = other;
      REQUIRE(is_refused_or_sound(bytes));
      REQUIRE(is_an_error_or_sound(bytes));
      sound += import_bytes(bytes) ? 1 : 0;
    }
  }
  CHECK(sound > 0);
}

TEST_CASE("a file with any number of several bytes made anything is refused, or gives a sound index") {
  const Bytes good = small_file(30);
  support::Random random(5);
  for (int i = 0; i < 3'000; ++i) {
    CAPTURE(i);
    Bytes bytes = good;
    const std::size_t count = std::size_t{1} << random.below(7);
    const std::size_t from = i % 2 == 0 ? random.below(shoal::detail::HnswlibHead::bytes) : random.below(bytes.size());
    for (std::size_t at = from; at < std::min(from + count, bytes.size()); ++at) {
      bytes[at] = static_cast<std::byte>(i % 3 == 0 ? random.next() : random.below(40));
    }
    REQUIRE(is_refused_or_sound(bytes));
    REQUIRE(is_an_error_or_sound(bytes));
  }
}

TEST_CASE("a list of more links than it has room for is refused, though what lies behind it could be links") {
  constexpr std::size_t element = 4, capacity = 6;  // 2M
  Bytes bytes = small_file(30);
  const std::size_t at = shoal::detail::HnswlibHead::bytes + element * (4 * (1 + capacity + few_dimensions) + 8);
  const auto put = [&](std::size_t place, std::uint32_t word) { std::memcpy(&bytes[at + 4 * place], &word, 4); };
  for (std::uint32_t i = 0; i < capacity + few_dimensions; ++i) put(1 + i, 10 + i);  // floats just above zero, too
  put(0, capacity);
  CHECK(import_bytes(bytes));
  for (std::uint32_t count = capacity + 1; count <= capacity + few_dimensions; ++count) {
    CAPTURE(count);
    put(0, count);
    const auto refused = import_bytes(bytes);
    REQUIRE(!refused);
    CHECK(refused.error().code() == shoal::ErrorCode::corrupt);
    CHECK(refused.error().message() ==
          "element 4 level 0: " + std::to_string(count) + " links, expected at most 6: file");
    CHECK(is_an_error_or_sound(bytes));
  }
}

TEST_CASE("a label that hnswlib wrote twice belongs to the point that is not deleted, else to the first") {
  // Elements of small_file(20): their labels lie at the end of each.
  Bytes bytes = small_file(20);
  constexpr std::size_t element_bytes = 7 * 4 + few_dimensions * 4 + 8;
  const auto set_label = [&](std::size_t element, std::uint64_t label) {
    shoal::detail::put(std::span(bytes), shoal::detail::HnswlibHead::bytes + (element + 1) * element_bytes - 8, label);
  };
  set_label(3, 500);
  set_label(9, 500);  // deleted, as 0 and 18 are
  set_label(4, 600);
  set_label(5, 600);
  set_label(0, 700);
  set_label(18, 700);
  const auto points = random_points(21, 20, few_dimensions);
  const auto is_point = [&](const auto& vector, std::size_t i) {
    return std::equal(vector.begin(), vector.end(), points.data() + i * few_dimensions);
  };
  const auto index = import_bytes(bytes);
  REQUIRE_MESSAGE(index, index.error().message());
  CHECK(index->check().ok());
  CHECK(index->size() == 16);
  CHECK(is_point(*index->get(500), 3));
  CHECK(is_point(*index->get(600), 5));
  CHECK(!index->contains(700));

  MemoryFiles files;
  files.files["file"] = bytes;
  hnswlib::L2Space space(few_dimensions);
  hnswlib::HierarchicalNSW<float> loaded(&space);
  loaded.load("file", space, 0, files);
  CHECK(loaded.getDeletedCount() == 1);
  CHECK(is_point(loaded.getDataByLabel<float>(500), 3));
  loaded.unmarkDelete(700);
  CHECK(is_point(loaded.getDataByLabel<float>(700), 0));
}

TEST_CASE("an imported index goes on as any other: it takes more, gives some up, and closes up") {
  auto index = import_bytes(small_file());
  REQUIRE(index);
  const auto more = random_points(22, 500, few_dimensions);
  for (std::size_t i = 0; i < 500; ++i) {
    REQUIRE(index->insert(1'000 + i, std::span(more).subspan(i * few_dimensions, few_dimensions)));
  }
  CHECK(index->check().ok());
  for (std::size_t i = 0; i < 500; i += 2) REQUIRE(index->erase(1'000 + i));
  REQUIRE(index->compact());
  CHECK(index->check().ok());
  const auto again = io_tests::load_bytes<shoal::HnswIndex<>>(io_tests::bytes_of(*index));
  REQUIRE(again);
  CHECK(again->search(std::vector<float>(few_dimensions), 20) == index->search(std::vector<float>(few_dimensions), 20));
}

TEST_CASE("a damaged file of exact search is refused, or holds what it says") {
  hnswlib::L2Space space(few_dimensions);
  hnswlib::BruteforceSearch<float> exact(&space, 12);
  add_all(exact, random_points(23, 10, few_dimensions), few_dimensions);
  MemoryFiles files;
  exact.save("file", files);
  const Bytes good = files.files.at("file");
  CHECK(good.size() == 24 + 12 * (few_dimensions * 4 + 8));
  const auto is_refused_or_holds = [&](const Bytes& bytes) {
    MemoryFiles damaged;
    damaged.files["file"] = bytes;
    hnswlib::BruteforceSearch<float> loaded(&space);
    try {
      loaded.load("file", space, damaged);
    } catch (const std::runtime_error& error) {
      return loaded.cur_element_count == 0 && std::string(error.what()).size() > 10;
    }
    const std::array<float, few_dimensions> query{};
    return loaded.searchKnn(query.data(), 20).size() == loaded.cur_element_count && loaded.cur_element_count <= 12;
  };
  for (std::size_t at = 0; at < good.size(); ++at) {
    CAPTURE(at);
    REQUIRE(is_refused_or_holds(Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(at))));
    for (const std::byte other : {std::byte{0}, std::byte{0xFF}, good[at] ^ std::byte{4}}) {
      Bytes bytes = good;
      bytes[at] = other;
      REQUIRE(is_refused_or_holds(bytes));
    }
  }
}
