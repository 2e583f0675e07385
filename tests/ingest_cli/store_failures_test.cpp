// A store that is locked, full, missing or not to be written: what is tried again, what is said, and that nothing is
// lost. Time is a function that is called: what it does is what happens while the program waits.

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "faulty_vfs.hpp"
#include "process.hpp"
#include "support.hpp"

namespace {

using support::contains;
using support::Folder;
using support::ids_from;
using support::ids_in;
using support::ingest;
using support::lines_of;
using support::Ran;
using support::Shell;
using support::summary_of;

/// A clock that notes how long it was asked to wait, and calls `on_wait(n)` at the nth time, from 1.
class Waits {
 public:
  explicit Waits(std::function<void(std::size_t)> on_wait = {}) : on_wait_(std::move(on_wait)) {}

  [[nodiscard]] shoal::tools::Console console() {
    shoal::tools::Console console;
    console.clock.wait = [this](std::chrono::nanoseconds duration, const shoal::StopToken&) {
      waits_.push_back(std::chrono::duration<double>(duration).count());
      if (on_wait_) on_wait_(waits_.size());
    };
    return console;
  }
  [[nodiscard]] const std::vector<double>& seconds() const { return waits_; }

 private:
  std::function<void(std::size_t)> on_wait_;
  std::vector<double> waits_;
};

std::vector<std::string> impatient(const std::string& store) { return {store, "--busy-timeout", "0"}; }

std::vector<std::string> with(std::vector<std::string> arguments, const std::vector<std::string>& more) {
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

std::size_t count_of(std::string_view text, std::string_view part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string_view::npos; at = text.find(part, at + part.size())) ++count;
  return count;
}

TEST_CASE("a store that stays locked is tried again as long as was asked for, then it is said what is lost") {
  const Folder folder;
  REQUIRE(ingest({folder.file()}, lines_of(0, 3)).code == 0);
  Shell other(folder.file());
  REQUIRE(other("BEGIN IMMEDIATE").empty());
  Waits waits;
  const Ran ran = ingest(with(impatient(folder.file()), {"--store-batch-size", "4", "--acknowledge"}), lines_of(3, 10),
                         waits.console());
  CHECK(ran.code == 3);
  CHECK(waits.seconds() == std::vector<double>{1, 2, 4});
  CHECK(contains(ran.err, "shoal-ingest: beginning a transaction: SQLITE_BUSY"));
  CHECK(contains(ran.err, "persisted: 0 records of this run"));
  CHECK(contains(ran.err, "not persisted: 4 records that were read, the first has id 3, the last id 6"));
  CHECK(contains(ran.out, summary_of(4, 0, 0, 0, 0)));
  CHECK(!contains(ran.out, "persisted 4\n"));
  CHECK(contains(ran.err, "run it again to write them"));
  for (const char* seconds : {"1", "2", "4"}) {
    const std::string end = std::string("), trying again in ") + seconds + " s\n";
    CHECK(count_of(ran.err, end) == 1);
  }
  CHECK(count_of(ran.err, "shoal-ingest: the store is busy (beginning a transaction: SQLITE_BUSY") == 3);

  Waits others;
  CHECK(
      ingest(with(impatient(folder.file()), {"--retry-delays", "0.5,0.25"}), lines_of(3, 10), others.console()).code ==
      3);
  CHECK(others.seconds() == std::vector<double>{0.5, 0.25});
  Waits none;
  const Ran at_once =
      ingest(with(impatient(folder.file()), {"--retry-delays", "none"}), lines_of(3, 10), none.console());
  CHECK(at_once.code == 3);
  CHECK(!contains(at_once.err, "trying again"));
  CHECK(none.seconds().empty());
  CHECK(other("COMMIT").empty());
  CHECK(ids_in(folder.file()) == ids_from(0, 3));  // what was said not to be written is not
}

TEST_CASE("a store that cannot be opened yet is waited for, and it is said why") {
  const Folder folder;
  Shell other(folder.file());
  REQUIRE(other("CREATE TABLE t(x); DROP TABLE t; BEGIN EXCLUSIVE").empty());
  Waits waits([&](std::size_t wait) {
    if (wait == 2) CHECK(other("COMMIT").empty());
  });
  const Ran ran = ingest(with(impatient(folder.file()), {"--quiet"}), lines_of(0, 3), waits.console());
  CAPTURE(ran.err);
  CHECK(ran.code == 0);
  CHECK(waits.seconds() == std::vector<double>{1, 2});
  CHECK(count_of(ran.err, "shoal-ingest: the store is busy (") == 2);
  CHECK(ids_in(folder.file()) == ids_from(0, 3));
}

TEST_CASE("of an error that does not pass, nobody is told to run it again") {
  const Folder folder;
  REQUIRE(ingest({folder.file()}, lines_of(0, 3)).code == 0);
  REQUIRE(Shell(folder.file())("CREATE TRIGGER no BEFORE INSERT ON vectors BEGIN SELECT raise(ABORT, 'no'); END") ==
          "");
  Waits waits;
  const Ran ran = ingest({folder.file()}, lines_of(3, 3), waits.console());
  CHECK(ran.code == 3);
  CHECK(waits.seconds().empty());
  CHECK(contains(ran.err, "not persisted: 3 records that were read, the first has id 3, the last id 5\n"));
}

TEST_CASE("a lock that goes away while the program waits costs nothing but the wait") {
  const Folder folder;
  for (const bool builds : {false, true}) {
    const std::string path = folder.file(builds ? "a.db" : "b.db");
    REQUIRE(ingest({path}, lines_of(0, 3)).code == 0);
    Shell other(path);
    REQUIRE(other("BEGIN IMMEDIATE").empty());
    Waits waits([&](std::size_t wait) {
      if (wait == 2) CHECK(other("COMMIT").empty());
    });
    auto arguments = with(impatient(path), {"--store-batch-size", "4", "--acknowledge"});
    if (builds) arguments.emplace_back("--build");
    const Ran ran = ingest(arguments, lines_of(3, 10), waits.console());
    CHECK(ran.code == 0);
    CHECK(waits.seconds() == std::vector<double>{1, 2});
    CHECK(ran.out.rfind("persisted 4\npersisted 8\npersisted 10\n", 0) == 0);
    CHECK(contains(ran.out, summary_of(10, 10, 0, 0, 3)));
    CHECK(ids_in(path) == ids_from(0, 13));
  }
}

TEST_CASE("a lock in the middle of a run keeps what was persisted before, and says which records were not") {
  const Folder folder;
  support::FaultyVfs vfs("faulty_cli");
  Waits waits;
  auto console = waits.console();
  console.vfs = "faulty_cli";
  // Two batches, then no lock any more: opening takes some, too, so that the number is found by trying.
  bool was_seen = false;
  for (std::int64_t allowed = 0; allowed < 200 && !was_seen; ++allowed) {
    const std::string path = folder.file(std::to_string(allowed) + ".db");
    static_cast<void>(support::open_store(path));
    vfs.fail(allowed, true, support::FaultyVfs::Kind::full_or_busy);
    const Ran ran =
        ingest(with(impatient(path), {"--store-batch-size", "4", "--acknowledge"}), lines_of(0, 10), console);
    if (!vfs.stop()) break;
    const std::size_t persisted = static_cast<std::size_t>(std::count(ran.out.begin(), ran.out.end(), '\n')) - 1;
    CAPTURE(allowed);
    CAPTURE(ran.err);
    REQUIRE((ran.code == 3 || ran.code == 0));  // closing may fail: then all is there
    const std::size_t count = std::min<std::size_t>(10, 4 * persisted);
    CHECK(ids_in(path) == ids_from(0, count));
    if (ran.code == 0) continue;
    CHECK(contains(ran.err, "persisted: " + std::to_string(count) + " records of this run"));
    if (persisted == 1) {
      was_seen = true;
      CHECK(contains(ran.err, "not persisted: 4 records that were read, the first has id 4, the last id 7"));
    }
  }
  CHECK(was_seen);
}

TEST_CASE("a disk that is full ends the run with what is persisted, and the next run writes the rest") {
  const Folder folder;
  support::FaultyVfs vfs("full_cli");
  Waits waits;
  auto console = waits.console();
  console.vfs = "full_cli";
  vfs.limit_growth(120'000);
  const std::vector<std::string> arguments{folder.file(), "--store-batch-size", "50", "--acknowledge"};
  const Ran ran = ingest(arguments, lines_of(0, 2000), console);
  CHECK(ran.code == 3);
  CHECK(waits.seconds() == std::vector<double>{1, 2, 4});
  CHECK(contains(ran.err, "SQLITE_FULL"));
  const std::size_t batches = support::count_lines(ran.out) - 1;
  CHECK(batches > 0);
  vfs.lift_limit();
  CHECK(ids_in(folder.file()) == ids_from(0, 50 * batches));
  CHECK(contains(ran.err, "persisted: " + std::to_string(50 * batches) + " records of this run"));
  CHECK(contains(ran.err, "not persisted: 50 records"));
  const Ran again = ingest(arguments, lines_of(0, 2000), console);
  CHECK(again.code == 0);
  CHECK(contains(again.out, summary_of(2000 - 50 * batches, 2000 - 50 * batches, 50 * batches, 0, 40 - batches)));
  CHECK(ids_in(folder.file()) == ids_from(0, 2000));
}

TEST_CASE("room that is made while the program waits is used") {
  const Folder folder;
  support::FaultyVfs vfs("room_cli");
  Waits waits([&](std::size_t) { vfs.lift_limit(); });
  auto console = waits.console();
  console.vfs = "room_cli";
  vfs.limit_growth(120'000);
  const Ran ran = ingest({folder.file(), "--store-batch-size", "50"}, lines_of(0, 2000), console);
  CHECK(ran.code == 0);
  CHECK(waits.seconds() == std::vector<double>{1});
  CHECK(ids_in(folder.file()) == ids_from(0, 2000));
}

TEST_CASE("a limit on the size of files is an error, not the end of the program") {
  const support::IgnoreBrokenPipes ignore;
  const Folder folder;
  support::Process process({folder.file(), "--store-batch-size", "50", "--acknowledge", "--retry-delays", "0.001"},
                           folder.file("err"), 200'000);
  process.write(lines_of(0, 4000));
  process.end_input();
  std::size_t batches = 0;
  for (std::string line = process.read_line(); line.rfind("persisted ", 0) == 0; line = process.read_line()) ++batches;
  CHECK(process.wait() == 3);
  CHECK(batches > 0);
  CHECK(contains(support::read_file(folder.file("err")), "not persisted: 50 records"));
  CHECK(ids_in(folder.file()) == ids_from(0, 50 * batches));
  CHECK(Shell(folder.file())("PRAGMA integrity_check") == "ok;");
}

TEST_CASE("a place where no store can be is an error of the store") {
  const Folder folder;
  const Ran missing = ingest({folder.file("no/such/store.db")}, lines_of(0, 3));
  CHECK(missing.code == 3);
  CHECK(contains(missing.err, "there is no such folder"));
  CHECK(contains(missing.err, "persisted: 0 records"));

  support::write_file(folder.file("text.db"), std::string(10'000, 'x'));
  const Ran text = ingest({folder.file("text.db")}, lines_of(0, 3));
  CHECK(text.code == 3);
  CHECK(contains(text.err, "SQLITE_NOTADB"));
  CHECK(support::read_file(folder.file("text.db")) == std::string(10'000, 'x'));

  const std::string here = std::filesystem::path(folder.file()).parent_path().string();
  const Ran directory = ingest({here}, lines_of(0, 3));
  CHECK(directory.code == 3);
  CHECK(contains(directory.err, "shoal-ingest: " + here + ": is a directory\n"));
  CHECK(contains(support::search({here, "--id", "1"}).err, "shoal-search: " + here + ": is a directory\n"));

  // Nobody can open a socket, and dimensions would not help.
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  folder.file("socket").copy(address.sun_path, sizeof address.sun_path - 1);
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  REQUIRE(::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  const Ran closed = ingest({folder.file("socket")}, lines_of(0, 3));
  ::close(socket);
  CHECK(closed.code == 3);
  CHECK(contains(closed.err, "SQLITE_CANTOPEN"));
  CHECK(!contains(closed.err, "dimensions"));
}

TEST_CASE("a folder or a store that may not be written is an error of the store" * doctest::skip(::geteuid() == 0)) {
  const Folder folder;
  REQUIRE(ingest({folder.file()}, lines_of(0, 3)).code == 0);
  std::filesystem::permissions(folder.file(), std::filesystem::perms::owner_read);
  CHECK(ingest({folder.file()}, lines_of(3, 3)).code == 3);
  std::filesystem::create_directory(folder.file("closed"));
  std::filesystem::permissions(folder.file("closed"), std::filesystem::perms::owner_read);
  CHECK(ingest({folder.file("closed/a.db")}, lines_of(3, 3)).code == 3);
  std::filesystem::permissions(folder.file("closed"), std::filesystem::perms::owner_all);
}

}  // namespace
