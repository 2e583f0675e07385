// Reading .fvecs, .bvecs and .ivecs: what is in them comes out, and each kind of damage gets its own line.

#include "support.hpp"
#include <datasets/vecs.hpp>

namespace shoal::datasets {
namespace {
using support::bytes_of;
using support::check_message;
using support::message_of;
using support::vecs;
using support::vecs_row;

const support::TemporaryFolder& folder() {
  static const support::TemporaryFolder the_folder;
  return the_folder;
}

}  // namespace

TEST_CASE("an fvecs file gives its rows in order") {
  const auto path = folder().write("good.fvecs", vecs<float>({{1, 2, 3}, {-4, 5.5F, 6}}));
  const auto read = read_fvecs(path);
  REQUIRE(read);
  CHECK(read->rows_in_file == 2);
  CHECK(read->matrix.rows == 2);
  CHECK(read->matrix.cols == 3);
  CHECK(read->matrix.values == std::vector<float>{1, 2, 3, -4, 5.5F, 6});
}

TEST_CASE("a bvecs file gives unsigned bytes and an ivecs file signed integers") {
  const auto bytes = read_bvecs(folder().write("good.bvecs", vecs<std::uint8_t>({{0, 255}, {7, 128}, {1, 2}})));
  REQUIRE(bytes);
  CHECK(bytes->matrix.values == std::vector<std::uint8_t>{0, 255, 7, 128, 1, 2});
  const auto ids = read_ivecs(folder().write("good.ivecs", vecs<std::int32_t>({{-1, 2'000'000'000}})));
  REQUIRE(ids);
  CHECK(ids->matrix.values == std::vector<std::int32_t>{-1, 2'000'000'000});
}

TEST_CASE("a limit reads the first rows and says how many the file holds") {
  const auto path = folder().write("limit.fvecs", vecs<float>({{1}, {2}, {3}}));
  const auto read = read_fvecs(path, 2);
  REQUIRE(read);
  CHECK(read->rows_in_file == 3);
  CHECK(read->matrix.values == std::vector<float>{1, 2});
}

TEST_CASE("an empty vecs file is refused") {
  check_message(message_of(read_fvecs(folder().write("empty.fvecs", ""))), {"empty.fvecs", "empty"});
}

TEST_CASE("a vecs file shorter than one length is refused as cut off") {
  check_message(message_of(read_fvecs(folder().write("three.fvecs", "\x01\x02\x03"))),
                {"three.fvecs", "row 0", "offset 0", "expected 4 bytes", "came 3", "cut off"});
}

TEST_CASE("a negative, zero or absurd length in row 0 is refused before anything is allocated") {
  for (const std::int32_t length : {-1, 0, std::numeric_limits<std::int32_t>::min(), 1'048'577, 0x6c6c6568}) {
    const auto path = folder().write("length.fvecs", bytes_of(std::vector<std::int32_t>{length, 1, 2}));
    check_message(message_of(read_fvecs(path)),
                  {"row 0 at offset 0", "expected a length of 1 to 1048576", "came " + std::to_string(length)});
  }
}

TEST_CASE("a length that is plausible but larger than the file is refused") {
  const auto path = folder().write("plausible.fvecs", bytes_of(std::vector<std::int32_t>{1'000'000, 1, 2}));
  check_message(message_of(read_fvecs(path)), {"row 0 at offset 0", "expected 4000004 bytes", "came 12"});
}

TEST_CASE("a row of another length than row 0 is refused with its place") {
  const auto path = folder().write("ragged.fvecs", vecs<float>({{1, 2}, {3, 4}, {5, 6, 7}, {8, 9}}));
  check_message(message_of(read_fvecs(path)), {"row 2 at offset 24", "expected the length 2", "came 3"});
}

TEST_CASE("a vecs file whose last row is cut off is refused with the place of that row") {
  const std::string whole = vecs<float>({{1, 2}, {3, 4}});
  for (std::size_t cut = 1; cut < 12; ++cut) {
    const auto path = folder().write("cut.fvecs", whole.substr(0, whole.size() - cut));
    check_message(message_of(read_fvecs(path)),
                  {"row 1 at offset 12", "expected 12 bytes", "came " + std::to_string(12 - cut), "cut off"});
  }
}

TEST_CASE("bytes after the last row of a vecs file are refused, with a limit too") {
  const auto path = folder().write("trailing.bvecs", vecs<std::uint8_t>({{1, 2}, {3, 4}}) + "x");
  check_message(message_of(read_bvecs(path)), {"row 2 at offset 12", "trailing bytes", "13 bytes", "multiple of 6"});
  CHECK_FALSE(read_bvecs(path, 1));
}

TEST_CASE("a file of another format is refused by its first length") {
  CHECK_FALSE(read_fvecs(folder().write("text.fvecs", "id,name\n1,herring\n")));
}

TEST_CASE("a vecs file with any one byte of a length damaged is refused") {
  // 7 rows of 16 bytes: no other length makes whole rows of 112 bytes, except some that row 1 then contradicts.
  const std::string whole = vecs<float>(std::vector<std::vector<float>>(7, {1, 2, 3}));
  for (std::size_t row_offset = 0; row_offset < whole.size(); row_offset += 16) {
    for (std::size_t at = row_offset; at < row_offset + 4; ++at) {
      for (int bit = 0; bit < 8; ++bit) {
        std::string damaged = whole;
        damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
        CHECK_FALSE(message_of(read_fvecs(folder().write("damaged.fvecs", damaged))).empty());
      }
    }
  }
}

}  // namespace shoal::datasets
