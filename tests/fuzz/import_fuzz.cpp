// Any bytes as a file of hnswlib's. What is refused is refused with a reason; what is not is an index in which all is
// in order, which is searched, changed and saved. The same bytes are loaded by hnswlib's names, where marks come back
// too.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <vector>

#include "../io/support.hpp"
#include "input.hpp"
#include <shoal/compat/hnswlib.hpp>
#include <shoal/compat/import_hnswlib.hpp>

namespace {

using fuzz::expect;
using io_tests::MemoryFiles;

void import(MemoryFiles& files) {
  auto index = shoal::import_hnswlib("file", {}, files);
  if (!index) {
    expect(index.error().message().size() > 10, "an error has words");
    expect(index.error().code() != shoal::ErrorCode::io_error, "a file in memory can be read");
    return;
  }
  expect(index->check().ok(), "what was imported is sound");
  if (index->dimensions() > 256) return;  // takes long, and shows nothing new
  const std::vector<float> query(index->dimensions(), 0.5F);
  expect(index->search(query, index->size() + 1).size() == index->size(), "everything is found");
  const std::uint64_t id = 1'234'567;
  expect(index->upsert(id, query).has_value(), "an entry goes in");
  expect(index->search(query, 1).front().distance <= 0, "and is found");
  expect(index->check().ok() && index->compact().has_value() && index->check().ok(), "the index is sound afterwards");
  const auto saved = io_tests::bytes_of(*index);
  expect(io_tests::load_bytes<shoal::HnswIndex<>>(saved).has_value(), "it is saved and loaded");
}

void load(MemoryFiles& files) {
  constexpr std::size_t dimensions = 5;  // of tests/data/hnswlib
  hnswlib::L2Space space(dimensions);
  hnswlib::HierarchicalNSW<float> index(&space);
  try {
    index.load("file", space, 0, files);
  } catch (const std::runtime_error&) {
    expect(index.getCurrentElementCount() == 0, "what was refused left nothing");
    return;
  }
  index.checkIntegrity();
  const std::array<float, dimensions> query{};
  const std::size_t live = index.getCurrentElementCount() - index.getDeletedCount();
  expect(index.searchKnn(query.data(), live + 1).size() == live, "what is not marked is found");
  for (const auto& [label, internal_id] : index.label_lookup_) {
    if (index.isMarkedDeleted(internal_id)) index.unmarkDelete(label);
  }
  expect(index.searchKnn(query.data(), index.getCurrentElementCount()).size() == index.getCurrentElementCount(),
         "what was marked comes back");
  files.files.erase("again");
  index.save("again", files);
  hnswlib::HierarchicalNSW<float> again(&space);
  again.load("again", space, 0, files);
  expect(again.getCurrentElementCount() == index.getCurrentElementCount(), "what is saved is loaded");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  MemoryFiles files;
  io_tests::Bytes& bytes = files.files["file"];
  bytes.resize(size);
  if (size != 0) std::memcpy(bytes.data(), data, size);
  import(files);
  load(files);
  return 0;
}
