// shoal-search as a whole, called in this process: what it finds is what a scalar loop finds, however the index is
// made.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "random.hpp"
#include "support.hpp"

namespace {

using nlohmann::json;
using support::contains;
using support::Folder;
using support::ingest;
using support::Ran;
using support::search;

constexpr std::size_t dimensions = 6;
constexpr std::size_t records = 300;

std::vector<std::vector<float>> make_vectors(std::size_t count, std::uint64_t seed) {
  support::Random random(seed);
  std::vector<std::vector<float>> vectors(count, std::vector<float>(dimensions));
  for (auto& vector : vectors) {
    for (float& value : vector) value = static_cast<float>(random.unit()) * 2 - 1;
  }
  return vectors;
}

std::string text_of(const std::vector<float>& vector) {
  std::string text = "[";
  for (const float value : vector) text += fmt::format("{},", value);
  text.back() = ']';
  return text;
}

/// A store of `records` vectors; every second one has metadata.
struct Filled {
  Folder folder;
  std::vector<std::vector<float>> vectors = make_vectors(records, 1);
  std::string path = folder.file();

  Filled() {
    std::string lines;
    for (std::size_t id = 0; id < vectors.size(); ++id) {
      lines += fmt::format(R"({{"id":{},"vector":{}{}}})", id, text_of(vectors[id]),
                           id % 2 == 0 ? fmt::format(R"(,"metadata":{{"n":{}}})", id) : std::string()) +
               "\n";
    }
    REQUIRE(ingest({path}, lines).code == 0);
  }
};

double distance(const std::string& metric, const std::vector<float>& a, const std::vector<float>& b) {
  double dot = 0;
  double squared = 0;
  double norm_a = 0;
  double norm_b = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    dot += double{a[i]} * b[i];
    squared += (double{a[i]} - b[i]) * (double{a[i]} - b[i]);
    norm_a += double{a[i]} * a[i];
    norm_b += double{b[i]} * b[i];
  }
  if (metric == "l2") return squared;
  return metric == "ip" ? 1 - dot : 1 - dot / std::sqrt(norm_a * norm_b);
}

/// Ids, nearest first.
std::vector<std::uint64_t> nearest(const std::string& metric, const Filled& filled, const std::vector<float>& query) {
  std::vector<std::uint64_t> ids = support::ids_from(0, filled.vectors.size());
  std::sort(ids.begin(), ids.end(), [&](auto a, auto b) {
    return distance(metric, query, filled.vectors[a]) < distance(metric, query, filled.vectors[b]);
  });
  return ids;
}

std::vector<json> lines_of_json(const std::string& text) {
  std::vector<json> lines;
  std::size_t begin = 0;
  for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', begin)) {
    lines.push_back(json::parse(text.substr(begin, end - begin)));
    begin = end + 1;
  }
  CHECK(begin == text.size());
  return lines;
}

std::vector<std::uint64_t> ids_of(const json& answer) {
  std::vector<std::uint64_t> ids;
  for (const auto& neighbor : answer["neighbors"]) ids.push_back(neighbor["id"]);
  return ids;
}

TEST_CASE("every metric and storage finds what a scalar loop finds, with its distances and metadata") {
  const Filled filled;
  const auto queries = make_vectors(20, 2);
  std::string input;
  for (const auto& query : queries) input += R"({"vector":)" + text_of(query) + "}\n";
  for (const std::string metric : {"l2", "ip", "cosine"}) {
    for (const std::vector<std::string>& how : std::vector<std::vector<std::string>>{
             {"--exact"}, {}, {"--storage", "sq8"}, {"--storage", "refined", "--threads", "2", "--M", "8"}}) {
      CAPTURE(metric);
      CAPTURE(how.empty() ? "" : how.back());
      const bool is_rounded = std::find(how.begin(), how.end(), "sq8") != how.end();
      std::vector<std::string> arguments{filled.path, "--metric", metric, "--k", "5", "--ef", "300"};
      arguments.insert(arguments.end(), how.begin(), how.end());
      const Ran ran = search(arguments, input);
      CHECK(ran.code == 0);
      CHECK(contains(ran.err, "shoal-search: 300 vectors of 6 dimensions"));
      const auto answers = lines_of_json(ran.out);
      REQUIRE(answers.size() == queries.size());
      std::size_t found = 0;
      for (std::size_t i = 0; i < queries.size(); ++i) {
        CHECK(answers[i]["query"] == i + 1);
        auto expected = nearest(metric, filled, queries[i]);
        expected.resize(5);
        const auto ids = ids_of(answers[i]);
        REQUIRE(ids.size() == 5);
        for (const auto id : ids) found += std::count(expected.begin(), expected.end(), id) != 0 ? 1U : 0U;
        if (!is_rounded) CHECK(ids == expected);
        for (const auto& neighbor : answers[i]["neighbors"]) {
          const std::uint64_t id = neighbor["id"];
          const double error =
              std::abs(neighbor["distance"].get<double>() - distance(metric, queries[i], filled.vectors[id]));
          CHECK(error < (is_rounded ? 0.05 : 1e-5));  // a step of SQ8 here is about 2/255 a component
          CHECK(neighbor["metadata"] == (id % 2 == 0 ? json{{"n", id}} : json()));
        }
      }
      CHECK(found >= 95);  // of 100
    }
  }
}

TEST_CASE("the neighbours of a stored record are found by its id, itself left out") {
  const Filled filled;
  const Ran ran = search({filled.path, "--id", "7", "--id", "200", "--k", "4", "--quiet"});
  CHECK(ran.code == 0);
  CHECK(ran.err.empty());
  const auto answers = lines_of_json(ran.out);
  REQUIRE(answers.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    const std::uint64_t id = i == 0 ? 7 : 200;
    auto expected = nearest("l2", filled, filled.vectors[id]);
    CHECK(answers[i]["query"] == id);
    CHECK(ids_of(answers[i]) == std::vector<std::uint64_t>(expected.begin() + 1, expected.begin() + 5));
  }
  const Ran absent = search({filled.path, "--id", "1000", "--id", "7"});
  CHECK(absent.code == 1);
  CHECK(contains(absent.err, "id 1000: expected the id of a record in the store"));
  CHECK(lines_of_json(absent.out).size() == 1);
}

TEST_CASE("--id takes one value each time, so that the store may stand behind it") {
  const Filled filled;
  const std::string expected = search({filled.path, "--id", "7", "--id", "8", "--k", "1"}).out;
  CHECK(support::count_lines(expected) == 2);
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"--id", "7", "--id", "8", filled.path, "--k", "1"},
                                             {"--id=7", filled.path, "--id=8", "--k", "1"},
                                             {"--k", "1", "--id=7", "--id=8", filled.path}}) {
    const Ran ran = search(arguments);
    CAPTURE(ran.err);
    CHECK(ran.code == 0);
    CHECK(ran.out == expected);
  }
}

TEST_CASE("all within a distance are found, or the nearest k of them") {
  const Filled filled;
  const auto query = make_vectors(1, 3)[0];
  const std::string input = R"({"vector":)" + text_of(query) + "}";
  auto expected = nearest("l2", filled, query);
  const auto beyond = std::find_if(expected.begin(), expected.end(),
                                   [&](auto id) { return distance("l2", query, filled.vectors[id]) > 1.0; });
  expected.erase(beyond, expected.end());
  REQUIRE(expected.size() > 3);
  CHECK(ids_of(lines_of_json(search({filled.path, "--within", "1", "--exact"}, input).out).at(0)) == expected);
  CHECK(ids_of(lines_of_json(search({filled.path, "--within", "1"}, input).out).at(0)) == expected);
  expected.resize(2);
  CHECK(ids_of(lines_of_json(search({filled.path, "--within", "1", "--k", "2"}, input).out).at(0)) == expected);
  CHECK(ids_of(lines_of_json(search({filled.path, "--within", "-1"}, input).out).at(0)).empty());
  const auto around = ids_of(lines_of_json(search({filled.path, "--within", "1e9", "--id", "3"}).out).at(0));
  CHECK(around.size() == records - 1);
  CHECK(std::count(around.begin(), around.end(), 3) == 0);
}

TEST_CASE("a line may want its own k, and is told what is wrong with it while the others are answered") {
  const Filled filled;
  const std::string vector = text_of(filled.vectors[0]);
  const Ran ran = search({filled.path, "--k", "3"},
                         R"({"vector":)" + vector + R"(,"k":1})" + "\n\n" + R"({"vector":[1,2]})" + "\nnonsense\n" +
                             R"({"vector":)" + vector + R"(,"k":0})" + "\n" + R"({"vector":)" + vector +
                             R"(,"k":18446744073709551615})" + "\n" + R"({"vector":)" + vector + "}\n");
  CHECK(ran.code == 1);
  const auto answers = lines_of_json(ran.out);
  REQUIRE(answers.size() == 3);
  CHECK(answers[0]["query"] == 1);
  CHECK(answers[0]["neighbors"].size() == 1);
  CHECK(answers[1]["query"] == 6);
  CHECK(answers[1]["neighbors"].size() == records);
  CHECK(answers[2]["query"] == 7);
  CHECK(answers[2]["neighbors"].size() == 3);
  for (const char* part : {"standard input:3: expected 6 components, got 2", "standard input:4: JSON at byte",
                           "standard input:5: k: expected at least 1, got 0"}) {
    CHECK(contains(ran.err, part));
  }
}

TEST_CASE("a key that no query has is a bad query, for it would have no effect") {
  const Filled filled;
  const Ran ran = search({filled.path}, R"({"vector":)" + text_of(filled.vectors[0]) + R"(,"limit":1})");
  CHECK(ran.code == 1);
  CHECK(ran.out.empty());
  CHECK(contains(ran.err, "standard input:1: expected the keys vector and k"));
}

TEST_CASE("queries come from files of rows too") {
  const Filled filled;
  support::write_file(filled.folder.file("q.fvecs"), support::vecs<float>({filled.vectors[5], filled.vectors[6]}));
  const Ran ran = search({filled.path, filled.folder.file("q.fvecs"), "--k", "1"});
  CHECK(ran.code == 0);
  const auto answers = lines_of_json(ran.out);
  REQUIRE(answers.size() == 2);
  CHECK(answers[1]["query"] == 1);
  CHECK(ids_of(answers[1]) == std::vector<std::uint64_t>{6});
}

TEST_CASE("metadata that another program wrote on several lines is printed on one") {
  const Filled filled;
  CHECK(support::Shell(filled.path)("UPDATE vectors SET metadata = '{' || char(10) || '\"a\":' || char(13) || '1}' "
                                    "WHERE id = 0") == "");
  const auto answers =
      lines_of_json(search({filled.path, "--k", "1"}, R"({"vector":)" + text_of(filled.vectors[0]) + "}").out);
  REQUIRE(answers.size() == 1);
  CHECK(answers[0]["neighbors"][0]["metadata"] == json{{"a", 1}});
}

TEST_CASE("a store that cannot be read, or not be searched under the metric, is an error of the store") {
  const Filled filled;
  const Ran missing = search({filled.folder.file("none.db"), "--id", "1"});
  CHECK(missing.code == 3);
  CHECK(missing.err == "shoal-search: " + filled.folder.file("none.db") + ": no such file\n");
  CHECK(!std::filesystem::exists(filled.folder.file("none.db")));
  REQUIRE(ingest({filled.path}, R"({"id":1000,"vector":[0,0,0,0,0,0]})").code == 0);
  CHECK(search({filled.path, "--id", "1"}).code == 0);
  const Ran zero = search({filled.path, "--id", "1", "--metric", "cosine"});
  CHECK(zero.code == 3);
  CHECK(contains(zero.err, "id 1000 of the store: expected a vector with a direction"));
}

TEST_CASE("answers that cannot be written end the search, and help too says why") {
  const Filled filled;
  std::FILE* const full = std::fopen("/dev/full", "w");
  REQUIRE(full != nullptr);
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{filled.path, "--id", "1", "--id", "2", "--quiet"}, {"--help"}}) {
    const support::Capture err;
    shoal::tools::Console console;
    console.out = full;
    console.err = err.stream();
    CHECK(shoal::tools::run_search(arguments, console) == 4);
    CHECK(err.text() == "shoal-search: standard output is closed, or full\n");
  }
  std::fclose(full);
}

TEST_CASE("an empty store answers that there is nothing") {
  const Folder folder;
  static_cast<void>(support::open_store(folder.file(), {.dimensions = 2}));
  CHECK(search({folder.file(), "--quiet"}, R"({"vector":[1,2]})").out == "{\"query\":1,\"neighbors\":[]}\n");
  CHECK(search({folder.file(), "--exact", "--within", "2"}, R"({"vector":[1,2]})").out ==
        "{\"query\":1,\"neighbors\":[]}\n");
}

TEST_CASE("help and version go to standard output, wrong options to stderr in one line, with exit code 2") {
  CHECK(contains(search({"--help"}).out, "Usage: shoal-search [OPTIONS] STORE [FILES...]"));
  CHECK(contains(search({"--help"}).out, "Examples:"));
  CHECK(contains(search({"--version"}).out, "shoal-search 0."));
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{},
                                             {"s", "--nonsense"},
                                             {"s", "--k", "0"},
                                             {"s", "--ef", "-1"},
                                             {"s", "--M", "1"},
                                             {"s", "--ef-construction", "0"},
                                             {"s", "--within", "near"},
                                             {"s", "--within", "nan"},
                                             {"s", "--id", "-1"},
                                             {"s", "--metric", "hamming"},
                                             {"s", "--metric", "1"},
                                             {"s", "--storage", "float16"},
                                             {"s", "--storage", "0"},
                                             {"s", "--format", "3"},
                                             {"s", "--id", "1", "q.npy"},
                                             {"s", "none.npy"}}) {
    const Ran ran = search(arguments);
    CAPTURE(ran.err);
    CHECK(ran.code == 2);
    CHECK(ran.out.empty());
    CHECK(support::count_lines(ran.err) == 1);
    CHECK(ran.err.find("shoal-search: ") == 0);
  }
  const Ran nameless = search({"", "--id", "1"});
  CHECK(nameless.code == 2);
  CHECK(contains(nameless.err, "shoal-search: STORE: expected the name of a file, got ''"));
  CHECK(contains(search({"s", "--storage", "float16"}).err, "--storage: expected one of float32, sq8, refined, got '"));
}

}  // namespace
