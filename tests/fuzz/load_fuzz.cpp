// Any bytes as an index file, and the same with their checksums made right. What is refused is refused with a reason,
// by `load` and by a verifying `open` alike. What is not is an index in which all is in order: it is searched, changed,
// emptied, filled and saved. What is opened without verification, mapped or in a session, may answer anything, but
// looks for it nowhere outside of the file.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "../io/support.hpp"
#include "input.hpp"
#include <shoal/shoal.hpp>

namespace {

using fuzz::expect;
using io_tests::Bytes;

// The types of tests/data/v1, whose files are inputs to start from.
using HnswL2 = shoal::HnswIndex<>;
using HnswCosineSq8 = shoal::HnswIndex<shoal::Cosine, shoal::SQ8, std::int32_t>;
using HnswRefined = shoal::HnswIndex<shoal::InnerProduct, shoal::Refined<shoal::SQ8>, std::int64_t>;
using BruteCosine = shoal::BruteForceIndex<shoal::Cosine, shoal::Float32, std::uint16_t>;

void expect_a_reason(const shoal::Error& error) {
  const shoal::ErrorCode code = error.code();
  expect(code == shoal::ErrorCode::corrupt || code == shoal::ErrorCode::incompatible, "a file is corrupt or foreign");
  expect(error.message().size() > 10, "an error has words");
}

template <class Index>
auto open_bytes(const Bytes& bytes, bool verify) {
  io_tests::MemoryFiles files;
  files.files["index"] = bytes;
  return Index::open("index", {.verify = verify}, files);
}

std::vector<float> some_vector(std::size_t dimensions) {
  std::vector<float> vector(dimensions);
  for (std::size_t i = 0; i < dimensions; ++i) vector[i] = static_cast<float>(i % 5) - 1.5F;
  return vector;
}

/// Asks for everything that can be asked. What comes out may be wrong.
template <class Mapped>
void ask_all(const Mapped& index) {
  const std::vector<float> query = some_vector(index.dimensions());
  (void)index.search(query, 3);
  (void)index.search(query, index.size() + 1);
  (void)index.search(query, {.k = 4, .filter = [](std::uint64_t id) { return id % 2 == 0; }});
  const std::vector<std::uint64_t> some{0, 3, 6, 9, 77};
  (void)index.search(query, {.k = 4, .among = some});
  (void)index.search_within(query, 5.0F);
  for (int id = 0; id < 100; ++id) {
    if (index.contains(id)) (void)index.get(id);
  }
  (void)index.stats();
  (void)index.check();
}

/// The same in a session, whose pages come from the file and go, within its bounds.
template <class Index>
void ask_all_in_session(const Bytes& bytes) {
  io_tests::MemoryFiles files;
  files.files["index"] = bytes;
  shoal::Session session({.index_bytes = std::size_t{64} << 10U});
  if (const auto handle = session.open<Index>("index", {}, files)) {
    const std::vector<float> query = some_vector(handle->dimensions());
    (void)handle->try_search(query, 3);
    (void)handle->try_search(query, handle->size() + 1);
    (void)handle->try_search(query, {.k = 4, .filter = [](std::uint64_t id) { return id % 2 == 0; }});
    (void)handle->try_search_within(query, 5.0F);
    for (int id = 0; id < 100; ++id) (void)handle->try_get(id);
  } else if (handle.error().code() != shoal::ErrorCode::capacity_exceeded) {
    expect_a_reason(handle.error());
  }
  const shoal::SessionStats stats = session.stats();
  expect(stats.index.peak_bytes <= stats.index.limit_bytes, "pages are within their bound");
  expect(stats.metadata.peak_bytes <= stats.metadata.limit_bytes, "metadata is within its bound");
}

template <class Found>
void expect_ranked(const Found& found) {
  expect(std::is_sorted(found.begin(), found.end()), "the nearest come first");
  expect(std::all_of(found.begin(), found.end(), [](const auto& one) { return std::isfinite(one.distance); }),
         "distances are numbers");
}

/// Not to the bytes that it came from: what lies between sections is not looked at.
template <class Index>
void expect_saved(const Index& index) {
  const Bytes saved = io_tests::bytes_of(index);
  const auto again = io_tests::load_bytes<Index>(saved);
  expect(again && io_tests::bytes_of(*again) == saved, "what is sound is saved, loaded, and saved to the same bytes");
}

/// Erases all, a half one by one; what is put in meanwhile stays.
template <class Index>
void change(Index& index) {
  const std::vector<float> vector = some_vector(index.dimensions());
  const auto all = index.search(vector, index.size() + 1);
  const bool is_full = index.config().max_elements != 0 && index.size() >= index.config().max_elements;
  const bool was_in = index.contains(100);
  const auto upserted = index.upsert(100, vector);
  expect(upserted.has_value() == (was_in || !is_full), "an entry goes in while there is room");
  expect(index.check().ok(), "the index is sound with one more");
  for (std::size_t i = 0; i < all.size() / 2; ++i) expect(index.erase(all[i].id).has_value(), "what is in can go");
  expect(index.check().ok(), "the index is sound with half erased");
  std::vector<typename Index::id_type> ids;
  ids.reserve(all.size());
  for (std::size_t i = all.size() / 2; i < all.size(); ++i) ids.push_back(all[i].id);
  expect(index.batch_erase(ids)->erased.size() == ids.size(), "what is in can go, many at once");
  expect(index.check().ok(), "the index is sound with all erased");
  for (int id = 0; id < 4; ++id) {
    const auto inserted = index.insert(id, vector);
    expect(inserted.has_value() || index.config().max_elements != 0, "an emptied index takes entries");
  }
  expect(index.check().ok() && index.compact().has_value() && index.check().ok(), "the index is sound when compact");
  expect(index.search(vector, 10).size() == index.size(), "everything is found");
}

template <class Index>
void try_index(const Bytes& bytes) {
  const auto mapped = open_bytes<Index>(bytes, false);
  if (mapped) {
    ask_all(*mapped);
  } else {
    expect_a_reason(mapped.error());
  }
  ask_all_in_session<Index>(bytes);
  auto index = io_tests::load_bytes<Index>(bytes);
  const auto verified = open_bytes<Index>(bytes, true);
  expect(index.has_value() == verified.has_value(), "a verifying open takes what load takes");
  if (!index) {
    expect_a_reason(index.error());
    expect_a_reason(verified.error());
    return;
  }
  expect(mapped.has_value(), "what is sound can be opened");
  expect(index->check().ok() && verified->check().ok(), "what was loaded is sound");
  expect_saved(*index);

  const std::vector<float> query = some_vector(index->dimensions());
  const auto found = index->search(query, index->size() + 1);
  expect(found.size() == index->size(), "everything is found");
  expect_ranked(found);
  expect(found == verified->search(query, index->size() + 1), "the file answers as the index does");
  for (const auto& one : found) expect(index->get(one.id) == verified->get(one.id), "and holds what it holds");
  if (!found.empty()) expect_ranked(index->search_within(query, found[found.size() / 2].distance));
  if (index->dimensions() > 256) return;  // takes long, and shows nothing new
  change(*index);
  expect_saved(*index);
}

/// By the type that the header names; what names none of them is foreign to any.
void try_file(const Bytes& bytes) {
  const auto names = [&](std::size_t at, std::string_view name) {
    return bytes.size() >= at + name.size() && std::memcmp(bytes.data() + at, name.data(), name.size()) == 0;
  };
  if (names(128, "flat")) return try_index<BruteCosine>(bytes);
  if (names(208, "sq8")) return try_index<HnswCosineSq8>(bytes);
#if !defined(SHOAL_TESTS_OF_FEWER_TYPES)
  if (names(208, "refined")) return try_index<HnswRefined>(bytes);
#endif
  try_index<HnswL2>(bytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes bytes(size);
  if (size != 0) std::memcpy(bytes.data(), data, size);
  Bytes mended = bytes;
  io_tests::mend_checksums(mended);
  try_file(bytes);
  if (mended != bytes) try_file(mended);
  return 0;
}
