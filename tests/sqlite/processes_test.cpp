// Several programs and one file: those that write at the same time, and those that are killed.

#include <csignal>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "random.hpp"
#include "shoal/sqlite/sqlite_vector_store.hpp"
#include "support.hpp"

namespace {

using shoal::ErrorCode;
using support::Folder;
using support::Store;

constexpr std::size_t batch_size = 20;

/// Batch n: records n * 100, ..., all new, and record 7, which tells n.
std::vector<support::Record> batch(std::uint64_t n) {
  auto records = support::make_records(n * 100, batch_size - 1, static_cast<int>(n));
  records.push_back(support::record_of<std::uint64_t>(7, static_cast<float>(n)));
  return records;
}

/// Every batch up to the last is there whole, and nothing else; returns how many there are.
std::uint64_t check_whole_batches(const Store& store) {
  const std::uint64_t last = store.last_sequence().value();
  REQUIRE(store.count().value() == last * (batch_size - 1) + (last != 0 ? 1 : 0));
  std::vector<std::size_t> of_sequence(last + 1);
  for (const auto& change : support::changes_since(store, 0)) {
    REQUIRE(change.sequence <= last);
    ++of_sequence[change.sequence];
    if (change.record.id == 7) {
      REQUIRE(change.sequence == last);
      REQUIRE(change.record.vector[0] == static_cast<float>(last));
    } else {
      REQUIRE(change.record.id / 100 == change.sequence);
    }
  }
  for (std::uint64_t n = 1; n <= last; ++n) REQUIRE(of_sequence[n] == batch_size - 1 + (n == last ? 1 : 0));
  return last;
}

TEST_CASE("a program that is killed while it writes keeps what was acknowledged, and no half batch") {
  const Folder folder;
  const std::string path = folder.file();
  support::Random random(18);
  CAPTURE(random.seed());
  for (int kill = 0; kill < 20; ++kill) {
    CAPTURE(kill);
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      close(ends[0]);
      auto store = Store::open(path, {.dimensions = 3});
      if (!store) _exit(1);
      for (std::uint64_t n = store->last_sequence().value() + 1;; ++n) {
        if (!store->batch_write(batch(n))) _exit(2);
        if (write(ends[1], &n, sizeof n) != sizeof n) _exit(3);
      }
    }
    close(ends[1]);
    std::uint64_t acknowledged = 0;
    const std::size_t wanted = 1 + random.below(5);
    for (std::size_t i = 0; i < wanted; ++i)
      REQUIRE(read(ends[0], &acknowledged, sizeof acknowledged) == sizeof acknowledged);
    for (std::size_t i = random.below(200); i > 0; --i) static_cast<void>(getppid());  // into the next batch
    REQUIRE(::kill(child, SIGKILL) == 0);
    while (read(ends[0], &acknowledged, sizeof acknowledged) == sizeof acknowledged) {
    }
    close(ends[0]);
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));

    const Store store = support::open_store(path);
    const std::uint64_t last = check_whole_batches(store);
    CHECK(last >= acknowledged);
    CHECK(last <= acknowledged + 1);
  }
  CHECK(support::Shell(path)("PRAGMA integrity_check") == "ok;");
}

TEST_CASE("what a killed program left in the log is there, for reading alone too") {
  const Folder folder;
  for (const bool read_only : {false, true}) {
    const std::string path = folder.file(read_only ? "read.db" : "write.db");
    std::string said;
    support::in_child(
        [&](int out) {
          auto store = Store::open(path, {.dimensions = 3});
          if (store && store->batch_write(batch(1)) && store->batch_write(batch(2))) {
            static_cast<void>(write(out, "y", 1) == 1);
          }
          _exit(0);  // nothing is closed
        },
        said);
    REQUIRE(said == "y");
    REQUIRE(std::filesystem::file_size(path + "-wal") > 0);
    CHECK(check_whole_batches(support::open_store(path, {.dimensions = 3, .read_only = read_only})) == 2);
  }
}

/// Runs `body` in so many processes at once; all of them give 0.
template <class Body>
void in_children(std::uint64_t count, const Body& body) {
  std::vector<pid_t> children;
  for (std::uint64_t i = 0; i < count; ++i) {
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) _exit(body(i));
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
  }
}

template <class Call>
auto try_until_not_busy(const Call& call) {
  for (;;) {
    auto result = call();
    if (result || result.error().code() != ErrorCode::store_busy) return result;
  }
}

TEST_CASE("programs that make the same store at the same time make one") {
  for (int round = 0; round < 40; ++round) {
    CAPTURE(round);
    const Folder folder;
    const std::string path = folder.file();
    in_children(3, [&](std::uint64_t id) {
      auto store = try_until_not_busy([&] { return Store::open(path, {.dimensions = 3}); });
      if (!store) return 1;
      return try_until_not_busy([&] { return store->write(support::record_of(id, 1.0F)); }) ? 0 : 2;
    });
    const Store store = support::open_store(path);
    CHECK(store.count().value() == 3);
    CHECK(store.last_sequence().value() == 3);
  }
}

TEST_CASE("two programs that write at the same time leave no gap in the sequence") {
  const Folder folder;
  const std::string path = folder.file();
  constexpr std::uint64_t batches = 40;
  in_children(2, [&](std::uint64_t writer) {
    auto store = try_until_not_busy([&] { return Store::open(path, {.dimensions = 3}); });
    if (!store) return 1;
    for (std::uint64_t i = 0; i < batches; ++i) {
      const auto records = support::make_records((writer * batches + i) * 10, 3);
      if (!try_until_not_busy([&] { return store->batch_write(records); })) return 2;
    }
    return 0;
  });
  const Store store = support::open_store(path);
  CHECK(store.last_sequence().value() == 2 * batches);
  std::vector<std::size_t> of_sequence(2 * batches + 1);
  for (const auto& change : support::changes_since(store, 0)) ++of_sequence.at(change.sequence);
  for (std::uint64_t n = 1; n <= 2 * batches; ++n) CHECK(of_sequence[n] == 3);
}

}  // namespace
