#pragma once
// What the tests of shoal-ingest and shoal-search share: a run of either as a call, with text for its standard input
// and its two outputs as text; and lines of records.

#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <ingest.hpp>
#include <search.hpp>
#include <unistd.h>

#include "../datasets/support.hpp"
#include "../sqlite/support.hpp"

namespace support {

/// What a run printed, and how it ended.
struct Ran {
  int code = -1;
  std::string out;
  std::string err;
};

/// A stream that becomes a text.
class Capture {
 public:
  Capture() : stream_(::open_memstream(&data_, &size_)) { REQUIRE(stream_ != nullptr); }
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;
  ~Capture() {
    std::fclose(stream_);
    std::free(data_);
  }
  [[nodiscard]] std::FILE* stream() const { return stream_; }
  [[nodiscard]] std::string text() const {
    std::fflush(stream_);
    return {data_, size_};
  }

 private:
  char* data_ = nullptr;
  std::size_t size_ = 0;
  std::FILE* stream_;
};

/// Runs one of the programs in this one. `console` says what is not its streams.
template <class Program>
Ran run(const Program& program, const std::vector<std::string>& arguments, const std::string& input = "",
        shoal::tools::Console console = {}) {
  const Capture out;
  const Capture err;
  std::FILE* const in = std::tmpfile();
  REQUIRE(in != nullptr);
  REQUIRE(std::fwrite(input.data(), 1, input.size(), in) == input.size());
  REQUIRE(std::fflush(in) == 0);
  REQUIRE(::lseek(::fileno(in), 0, SEEK_SET) == 0);
  console.in = ::fileno(in);
  console.out = out.stream();
  console.err = err.stream();
  const int code = program(arguments, console);
  std::fclose(in);
  return {code, out.text(), err.text()};
}

inline Ran ingest(const std::vector<std::string>& arguments, const std::string& input = "",
                  const shoal::tools::Console& console = {}) {
  return run(shoal::tools::run_ingest, arguments, input, console);
}
inline Ran search(const std::vector<std::string>& arguments, const std::string& input = "") {
  return run(shoal::tools::run_search, arguments, input);
}

/// {"id":ID,"vector":[ID,VERSION,0.5]}
inline std::string line_of(std::uint64_t id, int version = 1) {
  return R"({"id":)" + std::to_string(id) + R"(,"vector":[)" + std::to_string(id) + "," + std::to_string(version) +
         ",0.5]}\n";
}
inline std::string lines_of(std::uint64_t first, std::size_t count, int version = 1) {
  std::string lines;
  for (std::size_t i = 0; i < count; ++i) lines += line_of(first + i, version);
  return lines;
}

/// Ids of the records of a store, in the order in which they were written.
inline std::vector<std::uint64_t> ids_in(const std::string& path) {
  std::vector<std::uint64_t> ids;
  for (const auto& change : changes_since(open_store(path, {.read_only = true}), 0)) ids.push_back(change.record.id);
  return ids;
}
inline std::vector<std::uint64_t> ids_from(std::uint64_t first, std::size_t count) {
  std::vector<std::uint64_t> ids;
  for (std::size_t i = 0; i < count; ++i) ids.push_back(first + i);
  return ids;
}

/// The record of an id; the test ends where there is none.
inline Record record_in(const std::string& path, std::uint64_t id) {
  auto record = open_store(path, {.read_only = true}).get(id);
  REQUIRE(record.has_value());
  REQUIRE(record->has_value());
  return **record;
}

/// A record as it stands in a summary: "generated 3, persisted 3, skipped 0, errors 0, transactions 1".
inline std::string summary_of(std::size_t generated, std::size_t persisted, std::size_t skipped, std::size_t errors,
                              std::size_t transactions) {
  return "generated " + std::to_string(generated) + ", persisted " + std::to_string(persisted) + ", skipped " +
         std::to_string(skipped) + ", errors " + std::to_string(errors) + ", transactions " +
         std::to_string(transactions) + ", seconds ";
}

inline std::size_t count_lines(std::string_view text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

}  // namespace support
