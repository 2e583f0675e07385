#pragma once
// What the tests of the store share: a folder of their own, records, and a connection that knows nothing of shoal.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../ingest/store_contract.hpp"
#include "shoal/sqlite/sqlite_vector_store.hpp"

namespace support {

using Store = shoal::SqliteVectorStore<>;
using Record = shoal::Record<>;

/// A new, empty folder that goes when its name does.
class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "shoal_test_XXXXXX").string();
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  [[nodiscard]] std::string file(const std::string& name = "store.db") const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

inline std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

/// The store at a path; the test ends where it cannot be opened.
template <class Id = std::uint64_t>
shoal::SqliteVectorStore<Id> open_store(const std::string& path,
                                        shoal::SqliteStoreOptions options = {.dimensions = 3}) {
  auto store = shoal::SqliteVectorStore<Id>::open(path, options);
  REQUIRE_MESSAGE(store.has_value(), (store ? "" : std::string(store.error().message())));
  return *std::move(store);
}

/// Why a store cannot be opened.
template <class Id = std::uint64_t>
shoal::Error open_error(const std::string& path, shoal::SqliteStoreOptions options = {.dimensions = 3}) {
  auto store = shoal::SqliteVectorStore<Id>::open(path, options);
  REQUIRE(!store.has_value());
  return store.error();
}

inline bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

/// Records first, first + 1, ... whose values tell `version`.
inline std::vector<Record> make_records(std::uint64_t first, std::size_t count, int version = 1) {
  std::vector<Record> records;
  for (std::size_t i = 0; i < count; ++i) {
    records.push_back(record_of<std::uint64_t>(first + i, static_cast<float>(version) + 0.25F * static_cast<float>(i),
                                               R"({"version":)" + std::to_string(version) + "}",
                                               "v" + std::to_string(version)));
  }
  return records;
}

/// A user with the SQLite shell.
class Shell {
 public:
  explicit Shell(const std::string& path) { REQUIRE(sqlite3_open(path.c_str(), &db_) == SQLITE_OK); }
  Shell(const Shell&) = delete;
  Shell& operator=(const Shell&) = delete;
  ~Shell() { sqlite3_close(db_); }

  /// Runs statements; the rows' columns with '|' between them, each row ended by ';'.
  std::string operator()(const std::string& sql) {
    std::string out;
    char* message = nullptr;
    const auto add_row = [](void* text, int count, char** values, char**) {
      auto& to = *static_cast<std::string*>(text);
      for (int i = 0; i < count; ++i) to += std::string(i == 0 ? "" : "|") + (values[i] == nullptr ? "" : values[i]);
      to += ';';
      return 0;
    };
    const int code = sqlite3_exec(db_, sql.c_str(), add_row, &out, &message);
    if (code != SQLITE_OK) out = std::string("error: ") + (message == nullptr ? "" : message);
    sqlite3_free(message);
    return out;
  }

 private:
  sqlite3* db_ = nullptr;
};

/// Runs `body` in a process of its own and gives its status, -1 where it was killed; what it writes to `acknowledge`
/// comes back in `said`.
template <class Body>
int in_child(const Body& body, std::string& said) {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::close(ends[0]);
    body(ends[1]);
    _exit(0);
  }
  ::close(ends[1]);
  said.clear();
  char byte = 0;
  while (::read(ends[0], &byte, 1) == 1) said += byte;
  ::close(ends[0]);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace support
