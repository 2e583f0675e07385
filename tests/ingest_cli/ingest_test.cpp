// shoal-ingest as a whole, called in this process: options, what is written, what is skipped, what is said, exit codes.

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include <command_line.hpp>
#include <doctest/doctest.h>

#include "support.hpp"
#include "terminal.hpp"

namespace {

using support::contains;
using support::Folder;
using support::ids_from;
using support::ids_in;
using support::ingest;
using support::line_of;
using support::lines_of;
using support::Ran;
using support::record_in;
using support::summary_of;
using support::write_file;

TEST_CASE("lines from standard input are in the store, with all they brought") {
  const Folder folder;
  const Ran ran = ingest({folder.file()}, line_of(3) + R"({"id":"18446744073709551615","vector":[1,2,3],)" +
                                              R"("metadata":{"title": "A"},"content_hash":"v7"})" + "\n");
  CHECK(ran.code == 0);
  CHECK(contains(ran.out, summary_of(2, 2, 0, 0, 1)));
  CHECK(ids_in(folder.file()) == std::vector<std::uint64_t>{3, ~std::uint64_t{0}});
  const auto record = record_in(folder.file(), ~std::uint64_t{0});
  CHECK(record.vector == std::vector<float>{1, 2, 3});
  CHECK(record.metadata == R"({"title":"A"})");
  CHECK(record.content_hash == "v7");
  CHECK(contains(record_in(folder.file(), 3).content_hash, "xxh3:"));
}

TEST_CASE("files of every format are written, rows with ids that are counted on") {
  const Folder folder;
  write_file(folder.file("a.fvecs"), support::vecs<float>({{1, 0, 0}, {2, 0, 0}}));
  write_file(folder.file("b.npy"),
             support::npy(support::npy_header("<f8", "(1, 3)"), support::bytes_of<double>({3, 0, 0})));
  write_file(folder.file("c.JSONL"), line_of(100));
  write_file(folder.file("d.vectors"), support::vecs<float>({{4, 0, 0}}));
  CHECK(ingest({folder.file(), folder.file("a.fvecs"), folder.file("b.npy"), folder.file("c.JSONL"), "--first-id", "7"})
            .code == 0);
  CHECK(ids_in(folder.file()) == std::vector<std::uint64_t>{7, 8, 9, 100});
  CHECK(record_in(folder.file(), 9).vector == std::vector<float>{3, 0, 0});

  const Ran unknown = ingest({folder.file(), folder.file("d.vectors")});
  CHECK(unknown.code == 2);
  CHECK(contains(unknown.err, "--format"));
  CHECK(ingest({folder.file(), folder.file("d.vectors"), "--format", "fvecs", "--first-id", "50"}).code == 0);
  CHECK(record_in(folder.file(), 50).vector[0] == 4);
}

TEST_CASE("ids of rows end with the largest id") {
  const Folder folder;
  write_file(folder.file("a.fvecs"), support::vecs<float>({{1}, {2}, {3}}));
  const Ran ran = ingest({folder.file(), folder.file("a.fvecs"), "--first-id", "18446744073709551614"});
  CHECK(ran.code == 1);
  CHECK(contains(ran.err, "a.fvecs: row 2: expected at most 2^64 ids"));
  CHECK(ids_in(folder.file()) == std::vector<std::uint64_t>{~std::uint64_t{0} - 1, ~std::uint64_t{0}});
}

TEST_CASE("lines may be empty, end with a carriage return, and the last one with the input") {
  const Folder folder;
  std::string input = "\xEF\xBB\xBF" + line_of(1) + "\n  \r\n" + line_of(2) + line_of(3);
  input.insert(input.size() - 1, "\r");
  input += line_of(4);
  input.pop_back();
  const Ran ran = ingest({folder.file()}, input);
  CHECK(ran.code == 0);
  CHECK(ids_in(folder.file()) == ids_from(1, 4));
}

TEST_CASE("batches are as large as was asked for, in records and in bytes") {
  const Folder folder;
  CHECK(contains(ingest({folder.file(), "--store-batch-size", "4"}, lines_of(0, 10)).out, summary_of(10, 10, 0, 0, 3)));
  CHECK(contains(ingest({folder.file("b.db"), "--store-batch-bytes", "1"}, lines_of(0, 10)).out,
                 summary_of(10, 10, 0, 0, 10)));
  CHECK(contains(ingest({folder.file("c.db")}, lines_of(0, 10)).out, summary_of(10, 10, 0, 0, 1)));
}

TEST_CASE("each commit is acknowledged, and nothing else stands between") {
  const Folder folder;
  const Ran ran = ingest({folder.file(), "--store-batch-size", "4", "--acknowledge", "--quiet"}, lines_of(0, 10));
  CHECK(ran.out == "persisted 4\npersisted 8\npersisted 10\n");
  CHECK(ran.err.empty());
}

TEST_CASE("a run that is repeated skips all, and one that was broken off goes on") {
  const Folder folder;
  CHECK(ingest({folder.file()}, lines_of(0, 5)).code == 0);
  CHECK(contains(ingest({folder.file()}, lines_of(0, 10)).out, summary_of(5, 5, 5, 0, 1)));
  const auto sequence = support::open_store(folder.file()).last_sequence().value();
  CHECK(contains(ingest({folder.file()}, lines_of(0, 10)).out, summary_of(0, 0, 10, 0, 0)));
  CHECK(support::open_store(folder.file()).last_sequence().value() == sequence);
  CHECK(ids_in(folder.file()) == ids_from(0, 10));
}

TEST_CASE("what changed is written again: the vector, the metadata, the content hash that a line brings") {
  const Folder folder;
  const auto run = [&](const std::string& line) { return ingest({folder.file()}, line).out; };
  CHECK(contains(run(line_of(1)), summary_of(1, 1, 0, 0, 1)));
  CHECK(contains(run(line_of(1, 2)), summary_of(1, 1, 0, 0, 1)));
  CHECK(contains(run(R"({"id":1,"vector":[1,2,0.5],"metadata":{"a": 1}})"), summary_of(1, 1, 0, 0, 1)));
  CHECK(contains(run(R"({"metadata":{"a":1}, "vector":[1.0,2,5e-1],"id":"1"})"), summary_of(0, 0, 1, 0, 0)));
  CHECK(contains(run(R"({"id":1,"vector":[9,9,9],"content_hash":"v1"})"), summary_of(1, 1, 0, 0, 1)));
  // The producer says that nothing changed.
  CHECK(contains(run(R"({"id":1,"vector":[7,7,7],"content_hash":"v1"})"), summary_of(0, 0, 1, 0, 0)));
  CHECK(record_in(folder.file(), 1).vector[0] == 9);
}

TEST_CASE("--force-all writes what is unchanged") {
  const Folder folder;
  CHECK(ingest({folder.file()}, lines_of(0, 5)).code == 0);
  CHECK(contains(ingest({folder.file(), "--force-all"}, lines_of(0, 5)).out, summary_of(5, 5, 0, 0, 1)));
}

TEST_CASE("the last of several records with one id is the one that stays") {
  const Folder folder;
  CHECK(ingest({folder.file()}, line_of(1) + line_of(1, 2) + line_of(1) + line_of(1, 3)).code == 0);
  CHECK(record_in(folder.file(), 1).vector[1] == 3);
}

// --- bad records ---

TEST_CASE("a bad line ends the run, with its place, and those before it are persisted") {
  const Folder folder;
  const Ran ran = ingest({folder.file()}, lines_of(0, 3) + "nonsense\n" + lines_of(3, 3));
  CHECK(ran.code == 1);
  CHECK(contains(ran.err, "shoal-ingest: standard input:4: JSON at byte"));
  CHECK(contains(ran.out, summary_of(3, 3, 0, 1, 1)));
  CHECK(ids_in(folder.file()) == ids_from(0, 3));
}

TEST_CASE("with --on-error skip bad lines are reported and the others are persisted") {
  const Folder folder;
  write_file(folder.file("a.jsonl"), "nonsense\n" + line_of(0) + "[]\n" + line_of(1) + R"({"id":2,"vector":[1,2]})" +
                                         "\n" + line_of(2) + R"({"id":3,"vector":[1e39,2,3]})" + "\n");
  const Ran ran = ingest({folder.file(), folder.file("a.jsonl"), "--on-error", "skip"});
  CHECK(ran.code == 0);
  CHECK(contains(ran.out, summary_of(3, 3, 0, 4, 1)));
  CHECK(ids_in(folder.file()) == ids_from(0, 3));
  for (const char* part :
       {"a.jsonl:1: JSON", "a.jsonl:3: expected an object", "a.jsonl:5: id 2: expected 3 components, got 2",
        "a.jsonl:7: id 3: expected finite components, component 0 is infinity"}) {
    CAPTURE(ran.err);
    CHECK(contains(ran.err, part));
  }
}

TEST_CASE("input without one good record makes no store") {
  const Folder folder;
  CHECK(ingest({folder.file(), "--on-error", "skip"}, "a\nb\n").code == 0);
  CHECK(ingest({folder.file()}, "a\nb\n").code == 1);
  CHECK(ingest({folder.file()}, "").code == 0);
  CHECK(ingest({folder.file(), "--dimensions", "3"}, "").code == 0);
  const std::string deep = std::string(5000, '[') + std::string(5000, ']');
  for (const std::string& bad :
       {std::string(R"({"id":1,"vector":[1,1e39]})"), std::string(R"({"id":1,"vector":[0,0]})"),
        R"({"id":1,"vector":[1,1],"metadata":)" + deep + "}"}) {
    const Ran ran = ingest({folder.file(), "--metric", "cosine"}, bad);
    CAPTURE(ran.err);
    CHECK(ran.code == 1);
    CHECK(contains(ran.err, "standard input:1: id 1: expected "));
    CHECK(contains(ran.out, summary_of(0, 0, 0, 1, 0)));
    CHECK(!std::filesystem::exists(folder.file()));
  }
  // What is good has the dimensions it wants.
  CHECK(contains(ingest({folder.file(), "--on-error", "skip"}, R"({"id":1,"vector":[1,1e39]})"
                                                               "\n" +
                                                                   lines_of(1, 2))
                     .out,
                 summary_of(2, 2, 0, 1, 1)));
  CHECK(support::open_store(folder.file(), {}).dimensions() == 3);
}

TEST_CASE("metadata that is nested deeper than SQLite allows is a bad record") {
  const Folder folder;
  const std::string deep =
      R"({"id":1,"vector":[1,1,1],"metadata":)" + std::string(5000, '[') + std::string(5000, ']') + "}\n";
  const Ran ran = ingest({folder.file(), "--on-error", "skip"}, line_of(0) + deep + line_of(2));
  CHECK(ran.code == 0);
  CHECK(contains(ran.err, "standard input:2: id 1: expected metadata that is JSON"));
  CHECK(ids_in(folder.file()) == std::vector<std::uint64_t>{0, 2});
}

TEST_CASE("a .fvecs file that changes its dimensions, or is cut off, loses no good row") {
  const Folder folder;
  write_file(folder.file("a.fvecs"), support::vecs<float>({{1, 1}, {1, 1, 1}, {2, 2}}));
  const Ran stopped = ingest({folder.file(), folder.file("a.fvecs")});
  CHECK(stopped.code == 1);
  CHECK(contains(stopped.err, "a.fvecs: row 1: id 1: expected 2 components, got 3"));
  CHECK(ids_in(folder.file()) == ids_from(0, 1));
  CHECK(ingest({folder.file(), folder.file("a.fvecs"), "--on-error", "skip"}).code == 0);
  CHECK(ids_in(folder.file()) == std::vector<std::uint64_t>{0, 2});  // ids are numbers of rows

  const std::string whole = support::vecs<float>({{1, 1}, {2, 2}});
  write_file(folder.file("b.fvecs"), whole.substr(0, whole.size() - 1));
  const Ran cut = ingest({folder.file("b.db"), folder.file("b.fvecs")});
  CHECK(cut.code == 1);
  CHECK(contains(cut.err, "cut off"));
  CHECK(ids_in(folder.file("b.db")) == ids_from(0, 1));
  const Ran skipped =
      ingest({folder.file("c.db"), folder.file("b.fvecs"), folder.file("a.fvecs"), "--on-error", "skip"});
  CHECK(skipped.code == 0);
  CHECK(contains(skipped.out, summary_of(3, 3, 0, 2, 1)));
}

TEST_CASE("files that cannot be used are refused before anything is written") {
  const Folder folder;
  write_file(folder.file("good.fvecs"), support::vecs<float>({{1, 1}}));
  write_file(folder.file("big.npy"),
             support::npy(support::npy_header(">f4", "(1, 2)"), support::bytes_of<float>({1, 2})));
  write_file(folder.file("cut.npy"),
             support::npy(support::npy_header("<f4", "(2, 2)"), support::bytes_of<float>({1, 2})));
  write_file(folder.file("order.npy"),
             support::npy(support::npy_header("<f4", "(1, 2)", "True"), support::bytes_of<float>({1, 2})));
  write_file(folder.file("int.npy"),
             support::npy(support::npy_header("<i4", "(1, 2)"), support::bytes_of<int>({1, 2})));
  for (const auto& [name, part] : std::vector<std::pair<std::string, std::string>>{{"big.npy", "big-endian"},
                                                                                   {"cut.npy", "cut off"},
                                                                                   {"order.npy", "Fortran"},
                                                                                   {"int.npy", "float32"},
                                                                                   {"none.npy", "no such file"},
                                                                                   {"none.jsonl", "No such file"},
                                                                                   {"none.fvecs", "no such file"}}) {
    CAPTURE(name);
    const Ran ran = ingest({folder.file(), folder.file("good.fvecs"), folder.file(name)});
    CHECK(ran.code == 2);
    CHECK(contains(ran.err, name));
    CHECK(contains(ran.err, part));
    CHECK(support::count_lines(ran.err) == 1);
    CHECK(!std::filesystem::exists(folder.file()));
  }
  CHECK(ingest({folder.file(), std::filesystem::temp_directory_path().string()}).code == 2);  // a folder
  CHECK(ingest({folder.file(), "-", "-"}).code == 2);
  CHECK(ingest({folder.file(), "-", "--format", "npy"}).code == 2);
}

// --- dimensions and metric ---

TEST_CASE("dimensions come from the option, from the store that is there, or from the first record") {
  const Folder folder;
  const Ran wrong = ingest({folder.file("a.db"), "--dimensions", "2"}, line_of(1));
  CHECK(wrong.code == 1);
  CHECK(contains(wrong.err, "standard input:1: id 1: expected 2 components, as --dimensions says, got 3"));
  CHECK(!std::filesystem::exists(folder.file("a.db")));
  CHECK(ingest({folder.file("a.db"), "--dimensions", "3"}, line_of(1)).code == 0);
  CHECK(support::open_store(folder.file("a.db"), {}).dimensions() == 3);

  CHECK(ingest({folder.file("b.db")}, line_of(1)).code == 0);
  const Ran other = ingest({folder.file("b.db")}, R"({"id":2,"vector":[1,2]})");
  CHECK(other.code == 1);
  CHECK(contains(other.err, "standard input:1: id 2: expected 3 components, got 2; the store has 3 dimensions"));

  const Ran contradicted = ingest({folder.file("b.db"), "--dimensions", "2"}, R"({"id":2,"vector":[1,2]})");
  CHECK(contradicted.code == 3);
  CHECK(contains(contradicted.err, "expected a store of 2 dimensions, got one of 3"));
  CHECK(ids_in(folder.file("b.db")) == ids_from(1, 1));

  const std::vector<float> row{1, 2};
  write_file(folder.file("two.fvecs"), support::vecs<float>({row}));
  write_file(folder.file("two.npy"), support::npy(support::npy_header("<f4", "(1, 2)"), support::bytes_of<float>(row)));
  for (const char* name : {"two.fvecs", "two.npy"}) {
    const Ran refused = ingest({folder.file("n.db"), folder.file(name), "--dimensions", "3"});
    CHECK(refused.code == 2);
    CHECK(contains(refused.err, std::string(name) + ": expected rows of 3 components, got 2 (--dimensions)\n"));
    CHECK(refused.out.empty());
    CHECK(!std::filesystem::exists(folder.file("n.db")));
  }

  write_file(folder.file("c.db"), "");  // as mktemp makes one
  CHECK(ingest({folder.file("c.db"), "--dimensions", "2"}, line_of(1)).code == 1);
  CHECK(support::read_file(folder.file("c.db")).empty());
  CHECK(ingest({folder.file("c.db")}, line_of(1)).code == 0);

  // What is left of a run that was killed before it had made its tables.
  CHECK(support::Shell(folder.file("d.db"))("PRAGMA journal_mode = WAL; CREATE TABLE t(x); DROP TABLE t") == "wal;");
  CHECK(ingest({folder.file("d.db")}, line_of(1)).code == 0);
  CHECK(ids_in(folder.file("d.db")) == ids_from(1, 1));
}

TEST_CASE("a vector that an index of the metric could not take is refused") {
  const Folder folder;
  const std::string zero = R"({"id":1,"vector":[0,0,0]})";
  const std::string huge = R"({"id":1,"vector":[3e38,0,0]})";
  CHECK(ingest({folder.file("a.db")}, zero).code == 0);
  CHECK(ingest({folder.file("b.db"), "--metric", "ip"}, zero).code == 0);
  const Ran refused = ingest({folder.file("c.db"), "--metric", "COSINE"}, zero);
  CHECK(refused.code == 1);
  CHECK(contains(refused.err, "standard input:1: id 1: expected a vector with a direction"));
  for (const char* metric : {"l2", "ip", "cosine"}) {
    const Ran too_large = ingest({folder.file("d.db"), "--metric", metric}, huge);
    CHECK(too_large.code == 1);
    CHECK(contains(too_large.err, "expected a squared norm of at most"));
  }
}

TEST_CASE("--build links all there is, and says how much that is") {
  const Folder folder;
  CHECK(ingest({folder.file()}, lines_of(0, 30)).code == 0);
  for (const char* metric : {"l2", "ip", "cosine"}) {
    const Ran ran = ingest({folder.file(), "--build", "--store-batch-size", "10", "--metric", metric, "--threads", "2",
                            "--acknowledge", "--force-all"},
                           lines_of(10, 40));
    CHECK(ran.code == 0);
    CHECK(contains(ran.out, "persisted 10\npersisted 20\npersisted 30\npersisted 40\nindex: 50 entries, "));
    CHECK(contains(ran.out, summary_of(40, 40, 0, 0, 4)));
  }
  CHECK(support::open_store(folder.file(), {}).count().value() == 50);
}

// --- what is said ---

TEST_CASE("progress goes to stderr, a line an event, and the last one has all persisted") {
  const Folder folder;
  const Ran ran =
      ingest({folder.file(), "--store-batch-size", "4", "--progress-interval", "3", "--total", "10"}, lines_of(0, 10));
  CHECK(support::count_lines(ran.err) == 4);
  CHECK(ran.err.substr(0, ran.err.find("/s")).find("30.0% | generated 3 | persisted 0 | ") == 0);
  CHECK(contains(ran.err, "60.0% | generated 6 | persisted 4 | "));
  CHECK(contains(ran.err, "90.0% | generated 9 | persisted 8 | "));
  CHECK(contains(ran.err, "100.0% | generated 10 | persisted 10 | "));
  CHECK(support::count_lines(ran.out) == 1);
}

TEST_CASE("on a terminal each result has a line of its own, and none is empty") {
  const Folder folder;
  const support::Terminal terminal;
  write_file(folder.file("a.jsonl"), lines_of(0, 10));
  shoal::tools::Console console;
  console.out = terminal.stream();
  console.err = terminal.stream();
  const std::vector<std::string> arguments{folder.file(), folder.file("a.jsonl"), "--progress-interval", "1"};
  CHECK(shoal::tools::run_ingest(arguments, console) == 0);
  const std::string text = terminal.read();
  CAPTURE(text);
  CHECK(contains(text, "\x1b[K\n" + summary_of(10, 10, 0, 0, 1)));
  CHECK(support::count_lines(text) == 2);
  CHECK(text.back() == '\n');

  auto more = arguments;
  for (const char* each : {"--acknowledge", "--build", "--store-batch-size", "4", "--force-all"})
    more.emplace_back(each);
  CHECK(shoal::tools::run_ingest(more, console) == 0);
  const std::string long_text = terminal.read();
  CAPTURE(long_text);
  for (const char* line : {"persisted 4\n", "persisted 8\n", "persisted 10\n"}) {
    const std::string before = long_text.substr(0, long_text.find(line));
    CAPTURE(line);
    CHECK((before.ends_with("\r\x1b[K") || before.ends_with('\n')));
  }
  CHECK(contains(long_text, "\x1b[K\nindex: 10 entries"));
  CHECK(contains(long_text, "\n" + summary_of(10, 10, 0, 0, 3)));
  CHECK(!contains(long_text, "\n\n"));
}

TEST_CASE("the total of files of rows is known") {
  const Folder folder;
  write_file(folder.file("a.fvecs"), support::vecs<float>({{1}, {2}, {3}, {4}}));
  CHECK(contains(ingest({folder.file(), folder.file("a.fvecs"), "--progress-interval", "1"}).err,
                 "25.0% | generated 1 | persisted 0 |"));
}

TEST_CASE("--quiet says nothing but what is wrong") {
  const Folder folder;
  const Ran good = ingest({folder.file(), "--quiet", "--build"}, lines_of(0, 10));
  CHECK(good.code == 0);
  CHECK(good.out.empty());
  CHECK(good.err.empty());
  const Ran bad = ingest({folder.file(), "--quiet", "--on-error", "skip"}, "x\n" + lines_of(0, 10));
  CHECK(bad.code == 0);
  CHECK(support::count_lines(bad.err) == 1);
}

TEST_CASE("output that cannot be written ends the run when what was read is persisted") {
  const Folder folder;
  std::FILE* const full = std::fopen("/dev/full", "w");
  REQUIRE(full != nullptr);
  const support::Capture err;
  for (const bool acknowledges : {false, true}) {
    const std::string store = folder.file(acknowledges ? "a.db" : "b.db");
    write_file(folder.file("a.jsonl"), lines_of(0, 10));
    std::vector<std::string> arguments{store, folder.file("a.jsonl"), "--store-batch-size", "4"};
    if (acknowledges) arguments.emplace_back("--acknowledge");
    shoal::tools::Console console;
    console.out = full;
    console.err = err.stream();
    CHECK(shoal::tools::run_ingest(arguments, console) == 4);
    CHECK(contains(err.text(), "standard output is closed"));
    // Nobody hears of more: it ends with the batch.
    CHECK(ids_in(store) == ids_from(0, acknowledges ? 4 : 10));
  }
  std::fclose(full);
}

TEST_CASE("help and version go to standard output, wrong options to stderr in one line, with exit code 2") {
  const Ran help = ingest({"--help"});
  CHECK(help.code == 0);
  CHECK(help.err.empty());
  for (const char* part :
       {"Usage: shoal-ingest [OPTIONS] STORE [FILES...]", "--store-batch-size N [5000]", "--retry-delays LIST [1,2,4]",
        "is resumed by running it again", "Exit codes:", "Examples:"}) {
    CHECK(contains(help.out, part));
  }
  CHECK(contains(ingest({"--version"}).out, "shoal-ingest 0."));
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{},
                                             {"s", "--nonsense"},
                                             {"s", "--store-batch-size", "0"},
                                             {"s", "--store-batch-size", "-5"},
                                             {"s", "--store-batch-size", "many"},
                                             {"s", "--store-batch-bytes", "0"},
                                             {"s", "--first-id", "-1"},
                                             {"s", "--first-id", "18446744073709551616"},
                                             {"s", "--dimensions", "0"},
                                             {"s", "--metric", "hamming"},
                                             {"s", "--metric", "2"},
                                             {"s", "--format", "csv"},
                                             {"s", "--format", "1"},
                                             {"s", "--on-error", "1"},
                                             {"s", "--on-error", "ignore"},
                                             {"s", "--retry-delays", "1,x"},
                                             {"s", "--retry-delays", "1,,2"},
                                             {"s", "--retry-delays", "-1"},
                                             {"s", "--retry-delays", "nan"},
                                             {"s", "--busy-timeout", "soon"},
                                             {"s", "--progress-interval", "0"},
                                             {"s", "--total", "all"},
                                             {"s", "--threads", "-1"},
                                             {"s", "--threads", "2"},
                                             {"s", "--first-id", "7"}}) {
    const Ran ran = ingest(arguments);
    CAPTURE(ran.err);
    CHECK(ran.code == 2);
    CHECK(ran.out.empty());
    CHECK(support::count_lines(ran.err) == 1);
    CHECK(ran.err.find("shoal-ingest: ") == 0);
    if (arguments.size() > 1) CHECK(contains(ran.err, arguments[1]));
  }
  const Ran nameless = ingest({""}, line_of(1));
  CHECK(nameless.code == 2);
  CHECK(contains(nameless.err, "shoal-ingest: STORE: expected the name of a file, got ''"));
  CHECK(ingest({"s", "--format", "csv"}).err ==
        "shoal-ingest: --format: expected one of jsonl, npy, fvecs, got 'csv' (--help lists the options)\n");
}

TEST_CASE("delays are seconds, whole or not") {
  using shoal::tools::parse_delays;
  using Delays = std::vector<std::chrono::milliseconds>;
  using std::chrono::milliseconds;
  CHECK((parse_delays("1,2,4").value() == Delays{milliseconds(1000), milliseconds(2000), milliseconds(4000)}));
  CHECK((parse_delays("0.25,0").value() == Delays{milliseconds(250), milliseconds(0)}));
  CHECK((parse_delays("").value() == Delays{}));
  CHECK((parse_delays("none").value() == Delays{}));
  CHECK(!parse_delays("1,"));
  CHECK(!parse_delays("1 2"));
  CHECK(!parse_delays("1e9"));
}

}  // namespace
