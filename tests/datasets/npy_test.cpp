// Reading .npy: each version and type, and one line for each thing that is not read.

#include <cmath>

#include "support.hpp"
#include <datasets/npy.hpp>

namespace shoal::datasets {
namespace {
using support::bytes_of;
using support::check_message;
using support::message_of;
using support::npy;
using support::npy_header;

const support::TemporaryFolder& folder() {
  static const support::TemporaryFolder the_folder;
  return the_folder;
}

/// The message of reading a file that starts with this header and holds 2 x 3 floats.
std::string message_for_header(const std::string& header) {
  const auto values = bytes_of(std::vector<float>{1, 2, 3, 4, 5, 6});
  return message_of(read_npy(folder().write("header.npy", npy(header, values))));
}

template <class T>
std::vector<float> values_read(const std::string& type, const std::vector<T>& values) {
  const auto path = folder().write("type.npy", npy(npy_header(type, "(2, 2)"), bytes_of(values)));
  const auto read = read_npy(path);
  INFO(message_of(read));
  REQUIRE(read);
  CHECK(read->rows_in_file == 2);
  CHECK(read->matrix.cols == 2);
  return read->matrix.values;
}

}  // namespace

TEST_CASE("a npy file of float32, float64, uint8 or int8 gives its rows as floats") {
  const std::vector<float> expected{1, -2, 3, 4};
  CHECK(values_read<float>("<f4", {1, -2, 3, 4}) == expected);
  CHECK(values_read<double>("<f8", {1, -2, 3, 4}) == expected);
  CHECK(values_read<std::int8_t>("|i1", {1, -2, 3, 4}) == expected);
  CHECK(values_read<std::uint8_t>("|u1", {1, 255, 3, 4}) == std::vector<float>{1, 255, 3, 4});
}

TEST_CASE("versions 1, 2 and 3 of npy are read") {
  for (const int version : {1, 2, 3}) {
    const auto bytes = npy(npy_header("<f4", "(1, 2)"), bytes_of(std::vector<float>{7, 8}), version);
    const auto read = read_npy(folder().write("version.npy", bytes));
    REQUIRE(read);
    CHECK(read->matrix.values == std::vector<float>{7, 8});
  }
  const auto bytes = npy(npy_header("<f4", "(1, 2)"), bytes_of(std::vector<float>{7, 8}), 4);
  check_message(message_of(read_npy(folder().write("version.npy", bytes))), {"version 1, 2 or 3", "came 4"});
}

TEST_CASE("a npy header may hold its keys in any order and the long integers of Python 2") {
  CHECK(message_for_header(R"({"shape":(2L,3L),"descr":"<f4","fortran_order":False})").empty());
}

TEST_CASE("a limit reads the first rows of a npy file") {
  const auto path =
      folder().write("limit.npy", npy(npy_header("<f4", "(3, 1)"), bytes_of(std::vector<float>{1, 2, 3})));
  const auto read = read_npy(path, 2);
  REQUIRE(read);
  CHECK(read->rows_in_file == 3);
  CHECK(read->matrix.values == std::vector<float>{1, 2});
}

TEST_CASE("a float64 too large for a float becomes infinite rather than undefined") {
  const auto values = values_read<double>("<f8", {1e300, -1e300, 1e-300, 0});
  CHECK(values[0] == INFINITY);
  CHECK(values[1] == -INFINITY);
  CHECK(values[2] == 0);
}

TEST_CASE("a npy file of big-endian values is refused with the way out") {
  check_message(message_for_header(npy_header(">f4", "(2, 3)")), {"header.npy", "big-endian", "astype('<f4')"});
}

TEST_CASE("a npy file in Fortran order is refused with the way out") {
  check_message(message_for_header(npy_header("<f4", "(2, 3)", "True")), {"Fortran order", "ascontiguousarray"});
}

TEST_CASE("a npy file of pickled Python objects is refused") {
  check_message(message_for_header(npy_header("|O", "(2, 3)")), {"pickled Python objects"});
}

TEST_CASE("a npy file of another type is refused with that type") {
  for (const std::string type : {"<f2", "<i4", "<c8", "|S4", "<f>", "", "f", "float32", "<f4 ", "< u", "<4 "}) {
    check_message(message_for_header(npy_header(type, "(2, 3)")),
                  {"expected float32, float64, uint8 or int8 values, came '" + type + "'"});
  }
  check_message(message_for_header("{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (2, 3)}"),
                {"came '(structured)'"});
}

TEST_CASE("a npy array of one or three dimensions is refused") {
  check_message(message_for_header(npy_header("<f4", "(6,)")), {"expected 2 dimensions", "came 1"});
  check_message(message_for_header(npy_header("<f4", "(1, 2, 3)")), {"expected 2 dimensions", "came 3"});
  check_message(message_for_header(npy_header("<f4", "()")), {"expected 2 dimensions", "came 0"});
}

TEST_CASE("a npy array without rows or components is refused") {
  check_message(message_for_header(npy_header("<f4", "(0, 3)")), {"holds no rows"});
  check_message(message_for_header(npy_header("<f4", "(2, 0)")), {"expected 1 to 1048576 components, came 0"});
}

TEST_CASE("a npy shape that does not come to the bytes of the file is refused before anything is allocated") {
  check_message(message_for_header(npy_header("<f4", "(3, 3)")), {"expected 3 x 3 values", "came 24 bytes", "cut off"});
  check_message(message_for_header(npy_header("<f4", "(1, 3)")), {"came 24 bytes", "trailing bytes"});
  check_message(message_for_header(npy_header("<f4", "(1000000000000, 768)")), {"cut off"});
  // 2^62 x 4 x 4 bytes is 0 modulo 2^64.
  check_message(message_for_header(npy_header("<f4", "(4611686018427387904, 4)")), {"cut off"});
  check_message(message_for_header(npy_header("<f4", "(2, 4294967296)")), {"expected 1 to 1048576 components"});
}

TEST_CASE("a npy header that is not the dictionary of an array is refused with the place") {
  for (const std::string header :
       {"", "{", "}", "[]", "{'descr': '<f4'", "{'descr': '<f4'}", "{'descr' '<f4'}",
        "{'shape': (2, 3), 'shape': (2, 3)}", "{'descr': '<f4', 'fortran_order': 0, 'shape': (2, 3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2 3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-2, 3)}", "{'descr': '<f4, 'fortran_order': False}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3",
        "{'descr': '<f4', 'fortran_order': False, 'shape': 6}", "{'descr': [('x', '<f4'", "{'other': '<f4'}",
        "{'descr': '<f4' 'fortran_order': False, 'shape': (2, 3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999, 3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)} import os"}) {
    INFO("header: " << header);
    check_message(message_for_header(header), {"header.npy: bad header: expected", "at character"});
  }
}

TEST_CASE("a file that is no npy file, or is cut off in its header, is refused") {
  check_message(message_of(read_npy(folder().write("other.npy", "PK\x03\x04 this is a zip file"))),
                {"expected the bytes \\x93NUMPY", "not a .npy file"});
  const std::string whole = npy(npy_header("<f4", "(2, 3)"), "");
  check_message(message_of(read_npy(folder().write("empty.npy", ""))), {"empty"});
  for (std::size_t size = 1; size < whole.size(); ++size) {
    check_message(message_of(read_npy(folder().write("cut.npy", whole.substr(0, size)))), {"cut.npy", "cut off"});
  }
}

TEST_CASE("a npy header that claims to be huge is refused before it is read") {
  const std::string bytes = std::string("\x93NUMPY\x02", 7) + '\0' + "\xff\xff\xff\xff{";
  check_message(message_of(read_npy(folder().write("huge.npy", bytes))),
                {"expected a header of at most 65536 bytes, came 4294967295"});
}

TEST_CASE("ids are read from npy files of 4 and 8 byte integers, and from no others") {
  const auto ids = [](const std::string& type, const std::string& values) {
    return read_npy_ids(folder().write("ids.npy", npy(npy_header(type, "(1, 2)"), values)));
  };
  const std::vector<std::int64_t> expected{5, 70'000};
  CHECK(ids("<i4", bytes_of(std::vector<std::int32_t>{5, 70'000}))->matrix.values == expected);
  CHECK(ids("<u4", bytes_of(std::vector<std::uint32_t>{5, 70'000}))->matrix.values == expected);
  CHECK(ids("<i8", bytes_of(std::vector<std::int64_t>{5, 70'000}))->matrix.values == expected);
  CHECK(ids("<u8", bytes_of(std::vector<std::uint64_t>{5, 70'000}))->matrix.values == expected);
  check_message(message_of(ids("<f4", bytes_of(std::vector<float>{5, 7}))),
                {"expected int32, int64, uint32 or uint64 ids, came '<f4'"});
}

TEST_CASE("a npy file with any one byte damaged is read or refused, and never more than that") {
  const std::string whole = npy(npy_header("<f4", "(2, 3)"), bytes_of(std::vector<float>{1, 2, 3, 4, 5, 6}));
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const char byte : {'\0', '\n', ' ', '(', '9', '\'', '\x7f', '\xff'}) {
      std::string damaged = whole;
      damaged[at] = byte;
      const auto read = read_npy(folder().write("damaged.npy", damaged));
      if (read) {
        CHECK(read->matrix.values.size() == read->matrix.rows * read->matrix.cols);
      } else {
        CHECK(message_of(read).find("damaged.npy: ") != std::string::npos);
      }
    }
  }
}

}  // namespace shoal::datasets
