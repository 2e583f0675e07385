// A line of JSON as a record or a query: what is taken, and what is said of what is not.

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <json_line.hpp>

#include "../sqlite/support.hpp"

namespace {

using shoal::tools::JsonLine;
using shoal::tools::LineKind;
using shoal::tools::parse_json_line;
using support::contains;

JsonLine parse(std::string_view line, LineKind kind = LineKind::record) {
  auto parsed = parse_json_line(line, kind);
  REQUIRE_MESSAGE(parsed.has_value(), (parsed ? "" : parsed.error()));
  return *parsed;
}

std::string fault(std::string_view line, LineKind kind = LineKind::record) {
  auto parsed = parse_json_line(line, kind);
  REQUIRE_MESSAGE(!parsed.has_value(), "it was taken: ", line.substr(0, 100));
  CHECK(!parsed.error().empty());
  CHECK(parsed.error().size() < 300);
  for (const char c : parsed.error()) CHECK_MESSAGE((c >= ' ' && c <= '~'), "a byte that is not for a terminal");
  return parsed.error();
}

std::string metadata_of(const std::string& value) {
  return parse(R"({"id":1,"vector":[1],"metadata":)" + value + "}").metadata;
}

TEST_CASE("a record is an id, a vector, and what its owner wants to keep") {
  const JsonLine line =
      parse(R"( { "vector" : [ 1, -2.5 , 3e2, 0 ] , "id" : 7 , "content_hash" : "v1", "metadata": {"a": 1} } )");
  CHECK(line.id == 7);
  CHECK(line.vector == std::vector<float>{1, -2.5F, 300, 0});
  CHECK(line.content_hash == "v1");
  CHECK(line.metadata == R"({"a":1})");
}

TEST_CASE("any id of 64 bits is taken, as a number or as a text of digits") {
  CHECK(parse(R"({"id":0,"vector":[1]})").id == 0);
  CHECK(parse(R"({"id":18446744073709551615,"vector":[1]})").id == std::numeric_limits<std::uint64_t>::max());
  CHECK(parse(R"({"id":9007199254740993,"vector":[1]})").id == 9007199254740993U);  // 2^53 + 1, no double
  CHECK(parse(R"({"id":"18446744073709551615","vector":[1]})").id == std::numeric_limits<std::uint64_t>::max());
}

TEST_CASE("an id that is none is named") {
  for (const char* id :
       {"-1", "1.5", "1.0", "1e3", "18446744073709551616", R"("18446744073709551616")", R"("seven")", R"("")",
        R"(" 7")", R"("-7")", R"("7a")", R"("\u0000")", "null", "true", "[7]", R"({"n":7})"}) {
    CAPTURE(id);
    CHECK(contains(fault(R"({"id":)" + std::string(id) + R"(,"vector":[1]})"),
                   "id: expected a whole number from 0 to 18446744073709551615"));
  }
  CHECK(contains(fault(R"({"id":-1,"vector":[1]})"), "got -1"));
  CHECK(contains(fault(R"({"id":1.5,"vector":[1]})"), "got 1.5"));
  CHECK(contains(fault(R"({"id":"seven","vector":[1]})"), "got text 'seven'"));
}

TEST_CASE("what is missing is named") {
  CHECK(contains(fault("{}"), "id and vector"));
  CHECK(contains(fault(R"({"id":1})"), "the key vector"));
  CHECK(contains(fault(R"({"vector":[1]})"), "the key id"));
  CHECK(contains(fault(R"({"id":1,"vector":[]})"), "at least one number"));
}

TEST_CASE("a vector that is none is named, with the component") {
  CHECK(contains(fault(R"({"id":1,"vector":["a"]})"), "component 0 is text 'a'"));
  CHECK(contains(fault(R"({"id":1,"vector":[1,null]})"), "component 1 is null"));
  CHECK(contains(fault(R"({"id":1,"vector":[1,2,[3]]})"), "component 2 is an array"));
  CHECK(contains(fault(R"({"id":1,"vector":[[1,2]]})"), "component 0 is an array"));
  CHECK(contains(fault(R"({"id":1,"vector":[{"x":1}]})"), "component 0 is an object"));
  CHECK(contains(fault(R"({"id":1,"vector":[true]})"), "component 0 is true"));
  for (const char* vector : {"null", "1", R"("1,2")", R"({"0":1})", "true"}) {
    CAPTURE(vector);
    CHECK(contains(fault(R"({"id":1,"vector":)" + std::string(vector) + "}"), "vector: expected an array of numbers"));
  }
}

TEST_CASE("numbers beyond a double are refused, those beyond a float are infinite, and tiny ones are zero") {
  CHECK(contains(fault(R"({"id":1,"vector":[1e400]})"), "1e400"));
  CHECK(contains(fault(R"({"id":1,"vector":[NaN]})"), "invalid literal"));
  CHECK(contains(fault(R"({"id":1,"vector":[Infinity]})"), "invalid literal"));
  CHECK(std::isinf(parse(R"({"id":1,"vector":[-1e39]})").vector[0]));
  CHECK(parse(R"({"id":1,"vector":[1e-400]})").vector[0] == 0);
  CHECK(parse(R"({"id":1,"vector":[18446744073709551616]})").vector[0] == 0x1p64F);
  CHECK(parse(R"({"id":1,"vector":[-9223372036854775808]})").vector[0] == -0x1p63F);
}

TEST_CASE("what is no object is named") {
  for (const char* line : {"7", "[1,2]", "null", R"("text")", "true", "-1", "1.5"}) {
    CAPTURE(line);
    CHECK(contains(fault(line), "expected an object in braces"));
  }
}

TEST_CASE("what is not JSON is told with the place") {
  CHECK(contains(fault(R"({"id":1,"vector":[1})"), "JSON at byte 20"));
  CHECK(contains(fault(R"({"id":1,"vector":[1]} x)"), "JSON at byte"));
  CHECK(contains(fault(R"({"id":1,"vector":[1]}{"id":2,"vector":[1]})"), "JSON at byte 22"));
  CHECK(contains(fault(R"({'id':1})"), "JSON at byte 2"));
  CHECK(contains(fault(R"({"id":1,"vector":[1],})"), "JSON at byte"));
  CHECK(contains(fault(R"({"id":01,"vector":[1]})"), "JSON at byte"));
  CHECK(contains(fault("id,vector"), "JSON at byte 1"));
  CHECK(contains(fault("\xFF\xFE{"), "JSON at byte"));
  CHECK(contains(fault("{\"id\":1,\"vector\":[1],\"metadata\":\"\xC3(\"}"), "UTF-8"));
  CHECK(contains(fault("{\"id\":1,\"vector\":[1],\"metadata\":\"\xED\xA0\x80\"}"), "UTF-8"));  // half of a pair
  CHECK(contains(fault(R"({"id":1,"vector":[1],"metadata":"\ud800"})"), "surrogate"));
  CHECK(contains(fault(std::string("{\"id\":1,\0\"vector\":[1]}", 22)), "JSON at byte"));
  CHECK(contains(fault("{\"id\":1,\"vector\":[1],\"metadata\":\"\x1b[31m\"}"), "JSON at byte"));
}

TEST_CASE("a byte order mark is passed over") { CHECK(parse("\xEF\xBB\xBF{\"id\":1,\"vector\":[1]}").id == 1); }

TEST_CASE("a key that comes twice, or that would be lost, is refused") {
  CHECK(contains(fault(R"({"id":1,"id":1,"vector":[1]})"), "'id' twice"));
  CHECK(contains(fault(R"({"id":1,"vector":[1],"vector":[2]})"), "'vector' twice"));
  CHECK(contains(fault(R"({"id":1,"vector":[1],"metadata":1,"metadata":2})"), "'metadata' twice"));
  CHECK(contains(fault(R"({"id":1,"vector":[1],"content_hash":"a","content_hash":"b"})"), "'content_hash' twice"));
  CHECK(contains(fault(R"({"id":1,"vector":[1],"metdata":{}})"), "got 'metdata'"));
  CHECK(contains(fault(R"({"id":1,"vector":[1],"k":3})"), "got 'k'"));
  CHECK(contains(fault(R"({"id":1,"vector":[1],"content_hash":5})"), "content_hash: expected text, got 5"));
}

TEST_CASE("metadata is any JSON, kept to the digit, without its spaces") {
  CHECK(metadata_of(R"( {"b" : [1, 2.50, -3, {"c":null}] , "a":{} , "":[] } )") ==
        R"({"b":[1,2.50,-3,{"c":null}],"a":{},"":[]})");
  CHECK(metadata_of("12345678901234567890123") == "12345678901234567890123");
  CHECK(metadata_of("-0.10") == "-0.10");
  CHECK(metadata_of("0") == "0");
  CHECK(metadata_of("true") == "true");
  CHECK(metadata_of("false") == "false");
  CHECK(metadata_of(R"("a\"\\\/\b\n\u00e9\u0000 {")") == R"("a\"\\/\u0008\u000aé\u0000 {")");
  CHECK(metadata_of(R"(["{","[",":",","])") == R"(["{","[",":",","])");
  CHECK(metadata_of(R"({"a":1,"a":2})") == R"({"a":1,"a":2})");
  CHECK(metadata_of("[[],[[]],{},[{}]]") == "[[],[[]],{},[{}]]");
  CHECK(metadata_of("null").empty());
  CHECK(metadata_of("[null]") == "[null]");
}

TEST_CASE("a line of 10 MB, and one that is nested a million deep, are read like any other") {
  std::string vector = "[0.25";
  while (vector.size() < 10'000'000) vector += ",0.25";
  CHECK(parse(R"({"id":1,"vector":)" + vector + "]}").vector.size() == (vector.size() - 5) / 5 + 1);
  const std::string text(10'000'000, 'x');
  CHECK(metadata_of('"' + text + '"').size() == text.size() + 2);
  CHECK(contains(fault("{\"id\":1,\"vector\":[1],\"metadata\":\"" + text), "JSON at byte"));
  const std::size_t depth = 1'000'000;
  CHECK(metadata_of(std::string(depth, '[') + std::string(depth, ']')).size() == 2 * depth);
  CHECK(contains(fault(std::string(depth, '[')), "expected an object"));
  CHECK(contains(fault(R"({"id":1,"metadata":)" + std::string(depth, '[')), "JSON at byte"));
}

TEST_CASE("a query needs no more than a vector, and what else a record has does not matter to it") {
  const JsonLine line =
      parse(R"({"id":"x","vector":[1,2],"metadata":{"vector":"no","k":[[]]},"content_hash":[{}]})", LineKind::query);
  CHECK(line.vector == std::vector<float>{1, 2});
  CHECK(!line.k);
  CHECK(parse(R"({"k":5,"vector":[1]})", LineKind::query).k == 5);
  CHECK(contains(fault(R"({"k":-5,"vector":[1]})", LineKind::query), "k: expected a whole number, got -5"));
  CHECK(contains(fault(R"({"k":"5","vector":[1]})", LineKind::query), "k: expected a whole number, got text '5'"));
  CHECK(contains(fault(R"({"k":5})", LineKind::query), "the key vector"));
  CHECK(contains(fault(R"({"vector":[1],"K":5})", LineKind::query), "expected the keys vector and k, or those of a"));
  CHECK(contains(fault(R"({"vector":[1],"K":5})", LineKind::query), ", got 'K'"));
  CHECK(contains(fault(R"({"vector":[1],"vector":[1]})", LineKind::query), "'vector' twice"));
}

}  // namespace
