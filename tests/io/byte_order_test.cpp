// Numbers in files are little-endian. Where the processor's are too, this is a file that goes out and comes in; where
// they are not, each way in or out is one error, and the index is as it was.

#include <string>

#include <doctest/doctest.h>

#include "support.hpp"
#include "vectors.hpp"
#include <shoal/index/hnsw_index.hpp>
#include <shoal/session/session.hpp>

namespace {

using shoal::ErrorCode;
using Index = shoal::HnswIndex<>;

constexpr bool can_be_read = shoal::detail::lies_as_in_files;
const std::string golden = "tests/data/v1/hnsw_l2_float32.shoal";

template <class Result>
void check_allowed_or_incompatible(const Result& result) {
  REQUIRE(result.has_value() == can_be_read);
  if (result) return;
  CHECK(result.error().code() == ErrorCode::incompatible);
  CHECK(result.error().message().find("big-endian") != std::string_view::npos);
}

}  // namespace

TEST_CASE("an index is saved where numbers lie as in files, elsewhere that is refused and nothing is written") {
  const io_tests::Folder folder;
  Index index({.dimensions = 4});
  REQUIRE(index.batch_insert(support::random_items(1, 20, 4)));
  const auto saved = index.save(folder.file());
  check_allowed_or_incompatible(saved);
  CHECK(folder.file_count() == (can_be_read ? 1 : 0));
  CHECK(index.check().ok());
  CHECK(Index::can_be_saved == can_be_read);
}

TEST_CASE("an index file is loaded, opened and opened in a session where numbers lie as in files, elsewhere refused") {
  check_allowed_or_incompatible(Index::load(golden));
  check_allowed_or_incompatible(Index::open(golden));
  check_allowed_or_incompatible(Index::open(golden, {.verify = true}));
  shoal::Session session(shoal::SessionConfig{});
  check_allowed_or_incompatible(session.open<Index>(golden));
}

TEST_CASE("what the header of a file says can be read anywhere") {
  const auto info = shoal::read_index_file_info(golden);
  REQUIRE(info);
  CHECK(info->metric == "l2_squared");
  CHECK(info->live == 29);
}
