// What goes wrong while an index is saved: every operation fails in turn, the disk fills up at every byte, the program
// is killed. The file there was is there still, or the new one is, whole. F5 and F6 of what goes wrong in libraries
// like this one.

#include <algorithm>
#include <cstddef>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "faults.hpp"
#include "fixtures.hpp"
#include "platform.hpp"

using namespace io_tests;
using shoal::ErrorCode;
using support::random_items;

namespace {

using Index = shoal::HnswIndex<>;

Index index_of(std::size_t count, std::size_t dimensions = 4) {
  Index index({.dimensions = dimensions, .M = 4});
  REQUIRE(index.batch_insert(random_items(count, count, dimensions)));
  return index;
}

/// Operations of a save that goes well.
std::vector<std::string> operations_of(const Index& index) {
  const Folder folder;
  FaultyFiles files;
  REQUIRE(index.save(folder.file(), {}, files));
  return files.log;
}

}  // namespace

TEST_CASE("a save writes all, syncs, renames, and syncs the folder, in this order") {
  const auto log = operations_of(index_of(3'000, 100));
  REQUIRE(log.size() > 8);
  CHECK(log.front() == "create");
  CHECK(std::count(log.begin(), log.end(), "write") == static_cast<std::ptrdiff_t>(log.size()) - 6);
  const std::vector<std::string> last(log.end() - 5, log.end());
  CHECK(last == std::vector<std::string>{"write_first", "sync", "close", "rename", "sync_folder"});
}

TEST_CASE("when any operation of a save fails, once or for ever, that is said and the old file is intact") {
  const Index old_index = index_of(10), index = index_of(4'000, 60);
  const Bytes old_bytes = bytes_of(old_index), new_bytes = bytes_of(index);
  const std::size_t operations = operations_of(index).size();
  REQUIRE(operations > 8);
  for (const bool has_old : {true, false}) {
    for (const bool forever : {false, true}) {
      for (std::size_t allowed = 0; allowed < operations; ++allowed) {
        CAPTURE(allowed);
        const Folder folder;
        const std::string path = folder.file();
        if (has_old) REQUIRE(old_index.save(path));
        FaultyFiles files;
        files.allowed = allowed;
        files.forever = forever;
        const auto saved = index.save(path, {}, files);
        REQUIRE(files.failed);
        REQUIRE(!saved);
        REQUIRE(saved.error().code() == ErrorCode::io_error);
        const bool is_last = allowed + 1 == operations;  // the folder could not be synced: it is renamed already
        REQUIRE(folder.file_count() == (has_old || is_last ? 1 : 0));
        if (has_old || is_last) REQUIRE(read_bytes(path) == (is_last ? new_bytes : old_bytes));
        REQUIRE(index.save(path));  // and then it works
        REQUIRE(read_bytes(path) == new_bytes);
      }
    }
  }
}

TEST_CASE("when the disk is full at any byte, that is said and the old file is intact") {
  const Index old_index = index_of(10), index = index_of(25);
  const Bytes old_bytes = bytes_of(old_index);
  const std::size_t size = bytes_of(index).size();
  const Folder folder;
  const std::string path = folder.file();
  REQUIRE(old_index.save(path));
  for (std::size_t room = 0; room < size; ++room) {
    CAPTURE(room);
    FaultyFiles files;
    files.room = room;
    const auto saved = index.save(path, {}, files);
    REQUIRE(!saved);
    REQUIRE(saved.error().code() == ErrorCode::storage_full);
    REQUIRE(saved.error().message().find(path) != std::string::npos);
    REQUIRE(folder.file_count() == 1);
    if (room % 64 == 0) REQUIRE(read_bytes(path) == old_bytes);
  }
  REQUIRE(read_bytes(path) == old_bytes);
  FaultyFiles files;
  files.room = size;
  REQUIRE(index.save(path, {}, files));
  REQUIRE(read_bytes(path) == bytes_of(index));
}

TEST_CASE("a disk that is really full is an error") {
  if (access("/dev/full", W_OK) != 0) return;
  struct FullFiles : shoal::detail::SystemFiles {
    shoal::Expected<std::optional<File>, shoal::Error> create(const std::string&) {
      const int descriptor = ::open("/dev/full", O_WRONLY);
      REQUIRE(descriptor >= 0);
      return std::optional<File>(File(descriptor, "/dev/full"));
    }
  };
  const Folder folder;
  FullFiles files;
  const auto saved = index_of(20).save(folder.file(), {}, files);
  REQUIRE(!saved);
  CHECK(saved.error().code() == ErrorCode::storage_full);
  CHECK(folder.file_count() == 0);
}

TEST_CASE("a program that is killed during a save leaves the old file or the new one, whole" *
          support::needs_processes()) {
  const Index old_index = index_of(10), index = index_of(4'000, 60);
  const Bytes old_bytes = bytes_of(old_index), new_bytes = bytes_of(index);
  const std::size_t operations = operations_of(index).size();
  for (std::size_t allowed = 0; allowed < operations; ++allowed) {
    CAPTURE(allowed);
    const Folder folder;
    const std::string path = folder.file();
    REQUIRE(old_index.save(path));
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      FaultyFiles files;
      files.allowed = allowed;
      files.dies = true;
      (void)index.save(path, {}, files);
      _exit(0);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    REQUIRE(WEXITSTATUS(status) == FaultyFiles::exit_status_of_death);
    REQUIRE(read_bytes(path) == (allowed + 1 == operations ? new_bytes : old_bytes));
    REQUIRE(Index::load(path));
    REQUIRE(index.save(path));  // what the dead one left is in nobody's way
    REQUIRE(read_bytes(path) == new_bytes);
  }
}

TEST_CASE("of two programs and several threads that save to one path, one has written the file, whole" *
          support::needs_processes() * support::needs_threads()) {
  const std::vector<Index> indexes = [] {
    std::vector<Index> all;
    for (const std::size_t count : std::vector<std::size_t>{700, 900, 1'100}) all.push_back(index_of(count));
    return all;
  }();
  std::vector<Bytes> all_bytes;
  for (const Index& index : indexes) all_bytes.push_back(bytes_of(index));
  const Folder folder;
  const std::string path = folder.file();
  REQUIRE(indexes[0].save(path));
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    for (int i = 0; i < 30; ++i) {
      if (!indexes[2].save(path)) _exit(1);
    }
    _exit(0);
  }
  std::vector<int> failures(2);
  const auto save = [&](std::size_t which) {
    for (int i = 0; i < 30; ++i) {
      if (!indexes[which].save(path)) ++failures[which];
    }
  };
  std::thread first(save, 0), second(save, 1);
  for (int i = 0; i < 30; ++i) {
    const Bytes bytes = read_bytes(path);
    REQUIRE(std::find(all_bytes.begin(), all_bytes.end(), bytes) != all_bytes.end());
  }
  first.join();
  second.join();
  CHECK(failures == std::vector<int>(2));
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  CHECK(folder.file_count() == 1);
}

TEST_CASE("when any operation of a load fails, that is said") {
  const Folder folder;
  const std::string path = folder.file();
  REQUIRE(index_of(4'000, 60).save(path));
  FaultyFiles counting;
  REQUIRE(Index::load(path, {}, counting));
  REQUIRE(counting.log.size() > 10);
  for (const bool forever : {false, true}) {
    for (std::size_t allowed = 0; allowed < counting.log.size(); ++allowed) {
      FaultyFiles files;
      files.allowed = allowed;
      files.forever = forever;
      const auto loaded = Index::load(path, {}, files);
      REQUIRE(files.failed);
      REQUIRE(!loaded);
      REQUIRE(loaded.error().code() == ErrorCode::io_error);
    }
  }
}
