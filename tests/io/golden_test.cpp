// Files that earlier versions wrote are opened for ever. tests/data/v1 holds those of format 1; they are never written
// again. And the bytes are where docs/file-format.md says, read here by hand.
//
// To make the files of a new format: SHOAL_WRITE_GOLDEN=tests/data/vN and a folder of that name.

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "fixtures.hpp"

using namespace io_tests;

namespace {

constexpr std::size_t golden_dimensions = 5;

/// Small numbers that every machine has exactly; no two ids below 100 have the same.
std::vector<float> golden_vector(int id) {
  std::vector<float> vector(golden_dimensions);
  for (int j = 0; j < static_cast<int>(golden_dimensions); ++j) {
    vector[static_cast<std::size_t>(j)] = static_cast<float>((id * (2 * j + 3) + j * j) % 31 - 15) / 4.0F;
  }
  vector[0] += static_cast<float>(id) / 2.0F;
  return vector;
}

using SignedRefined = shoal::HnswIndex<shoal::InnerProduct, shoal::Refined<shoal::SQ8>, std::int64_t>;

template <class Index>
const char* golden_name() {
  if constexpr (std::is_same_v<Index, HnswL2>) return "hnsw_l2_float32.shoal";
  if constexpr (std::is_same_v<Index, HnswCosineSq8>) return "hnsw_cosine_sq8.shoal";
  if constexpr (std::is_same_v<Index, SignedRefined>) return "hnsw_inner_product_refined.shoal";
  if constexpr (std::is_same_v<Index, BruteCosine>) return "flat_cosine_float32.shoal";
}

/// Ids 0 to 69, of which 5, 10, 15, ... 65 and 40 to 69 are erased, so that some slots are dead and some were free.
template <class Index>
Index golden_index() {
  Index index = [] {
    if constexpr (requires { Index::create(shoal::HnswConfig{}); }) {
      return Index({.dimensions = golden_dimensions, .M = 4, .ef_construction = 32, .seed = 3, .max_elements = 1'000});
    } else {
      return Index({.dimensions = golden_dimensions, .max_elements = 1'000});
    }
  }();
  const auto insert = [&](int id) { REQUIRE(index.insert(id, golden_vector(id))); };
  for (int id = 30; id < 70; ++id) insert(id);
  std::vector<int> erased;
  for (int id = 36; id < 70; ++id) erased.push_back(id);
  REQUIRE(index.batch_erase(erased));
  for (int id = 0; id < 30; ++id) insert(id);
  for (int id = 5; id < 36; id += 5) REQUIRE(index.erase(id));
  return index;
}
bool is_in(int id) { return id < 36 && (id == 0 || id % 5 != 0); }

template <class Index>
void check_golden(const Index& index, double tolerance) {
  std::size_t count = 0;
  for (int id = 0; id < 80; ++id) {
    CAPTURE(id);
    REQUIRE(index.contains(id) == is_in(id));
    if (!is_in(id)) continue;
    ++count;
    const auto kept = index.get(id);
    REQUIRE(kept);
    auto vector = golden_vector(id);
    double norm = 1;
    if (Index::metric_type::unit_vectors) {
      norm = 0;
      for (const float value : vector) norm += double{value} * value;
      norm = std::sqrt(norm);
    }
    for (std::size_t i = 0; i < golden_dimensions; ++i) {
      REQUIRE(std::abs((*kept)[i] - vector[i] / norm) <= tolerance);
    }
    if constexpr (!std::is_same_v<typename Index::metric_type, shoal::InnerProduct>) {
      REQUIRE(index.search(vector, 1).front().id == static_cast<typename Index::id_type>(id));
    }
  }
  REQUIRE(index.size() == count);
  REQUIRE(index.check().ok());
  REQUIRE(index.stats().dead + index.stats().free > 0);
}

}  // namespace

TEST_CASE_TEMPLATE("files of format 1 are loaded and opened", Index, HnswL2, HnswCosineSq8, SignedRefined,
                   BruteCosine) {
  if (const char* folder = std::getenv("SHOAL_WRITE_GOLDEN")) {
    const Index index = golden_index<Index>();
    REQUIRE(index.save(std::string(folder) + "/" + golden_name<Index>(), {.last_sequence = 1'234'567'890'123}));
  }
  const std::string path = std::string("tests/data/v1/") + golden_name<Index>();
  const Bytes bytes = read_bytes(path);
  REQUIRE(bytes.size() > 1'024);
  const auto info = shoal::read_index_file_info(path);
  REQUIRE(info);
  CHECK(info->version == 1);
  CHECK(info->last_sequence == 1'234'567'890'123);
  CHECK(info->max_elements == 1'000);
  auto loaded = Index::load(path);
  REQUIRE_MESSAGE(loaded.has_value(), std::string(loaded ? "" : loaded.error().message()));
  // SQ8 is off by sqrt(d) / 254 of the largest rotated component at most, here 0.0088: docs/sq8.md.
  const double tolerance = std::is_same_v<Index, HnswCosineSq8> ? 0.0088 : 1e-6;
  check_golden(*loaded, tolerance);
  const auto opened = Index::open(path, {.verify = true});
  REQUIRE(opened);
  check_golden(*opened, tolerance);
  CHECK(bytes_of(*loaded, {.last_sequence = 1'234'567'890'123}) == bytes);  // as long as format 1 is written
  REQUIRE(loaded->insert(5, golden_vector(5)));
  CHECK(loaded->check().ok());
}

TEST_CASE("the bytes of a file are where its documentation says") {
  const Bytes bytes = read_bytes("tests/data/v1/hnsw_l2_float32.shoal");
  REQUIRE(bytes.size() > 1'024);
  const auto number = [&](std::size_t at, std::size_t count) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < count; ++i) value |= std::uint64_t{static_cast<std::uint8_t>(bytes[at + i])} << (8 * i);
    return value;
  };
  const auto text = [&](std::size_t at) { return std::string(reinterpret_cast<const char*>(bytes.data()) + at); };
  const auto checksum = [](const Bytes& some) {  // CRC-32C, a bit at a time
    std::uint32_t crc = 0xFFFF'FFFFU;
    for (const std::byte byte : some) {
      crc ^= static_cast<std::uint32_t>(byte);
      for (int i = 0; i < 8; ++i) crc = (crc & 1U) != 0 ? (crc >> 1) ^ 0x82F6'3B78U : crc >> 1;
    }
    return ~crc;
  };
  CHECK(std::memcmp(bytes.data(), "\x8E\x73\x68\x6F\x61\x6C\x0D\x0A", 8) == 0);
  CHECK(number(8, 4) == 1);
  Bytes header(bytes.begin(), bytes.begin() + 1'024);
  for (std::size_t i = 12; i < 16; ++i) header[i] = std::byte{0};
  CHECK(number(12, 4) == checksum(header));
  CHECK(number(16, 8) == 0);
  CHECK(number(24, 8) == bytes.size());
  CHECK(number(36, 4) == 8);
  CHECK(number(40, 4) == 0);
  CHECK(number(48, 8) == golden_dimensions);
  CHECK(number(56, 8) == 4);
  CHECK(number(64, 8) == 32);
  CHECK(number(72, 8) == 3);
  CHECK(number(80, 8) == 1'000);
  const std::uint64_t slots = number(88, 8), live = number(96, 8), last = number(112, 8);
  CHECK(live == 29);
  CHECK(last == 1'234'567'890'123);
  CHECK(text(128) == "hnsw");
  CHECK(text(160) == "l2_squared");
  CHECK(text(208) == "float32");
  const std::vector<std::uint64_t> kinds{1, 3, 4, 2, 10, 5, 6, 7, 8, 9};
  REQUIRE(number(32, 4) == kinds.size());
  std::uint64_t end = 1'024;
  std::size_t ids_at = 0, floats_at = 0, gone_at = 0;
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    const std::size_t at = 256 + 32 * i;
    REQUIRE(number(at, 4) == kinds[i]);
    const std::uint64_t offset = number(at + 8, 8), length = number(at + 16, 8);
    const std::uint64_t alignment = length >= 4'096 ? 4'096 : 64;
    REQUIRE(offset == (end + alignment - 1) / alignment * alignment);
    REQUIRE(number(at + 4, 4) == checksum(Bytes(bytes.begin() + static_cast<std::ptrdiff_t>(end),
                                                bytes.begin() + static_cast<std::ptrdiff_t>(offset + length))));
    end = offset + length;
    if (kinds[i] == 1) ids_at = static_cast<std::size_t>(offset);
    if (kinds[i] == 3) gone_at = static_cast<std::size_t>(offset);
    if (kinds[i] == 10) floats_at = static_cast<std::size_t>(offset);
    if (kinds[i] == 10) REQUIRE(number(at + 24, 8) == golden_dimensions * 4);
  }
  CHECK(end == bytes.size());
  std::uint64_t found = 0;
  for (std::size_t slot = 0; slot < slots; ++slot) {
    if ((number(gone_at + slot / 64 * 8, 8) >> (slot % 64) & 1) != 0) continue;
    ++found;
    const auto vector = golden_vector(static_cast<int>(number(ids_at + 8 * slot, 8)));
    CHECK(std::memcmp(bytes.data() + floats_at + slot * golden_dimensions * 4, vector.data(), golden_dimensions * 4) ==
          0);
  }
  CHECK(found == live);
}
