// Signals and closed pipes, with shoal-ingest as a process of its own, whose input stays open: acknowledgements say
// when it waits for more.

#include <csignal>
#include <string>

#include <doctest/doctest.h>
#include <sched.h>

#include "process.hpp"
#include "support.hpp"

namespace {

using support::contains;
using support::Folder;
using support::ids_from;
using support::ids_in;
using support::lines_of;
using support::Process;
using support::summary_of;

TEST_CASE("the first signal writes what is buffered, and ends the program with its code") {
  for (const int signal : {SIGINT, SIGTERM}) {
    CAPTURE(signal);
    const Folder folder;
    Process process({folder.file(), "--store-batch-size", "4", "--acknowledge", "--progress-interval", "1"},
                    folder.file("err"));
    process.write(lines_of(0, 7));
    CHECK(process.read_line() == "persisted 4");
    // The other three were in the same write to the pipe, and are buffered once they are reported: no signal before.
    while (!contains(support::read_file(folder.file("err")), "generated 7 |")) sched_yield();
    process.signal(signal);
    CHECK(process.read_line() == "persisted 7");
    CHECK(contains(process.read_line(), summary_of(7, 7, 0, 0, 2)));
    CHECK(process.wait() == 128 + signal);
    CHECK(contains(support::read_file(folder.file("err")), "ended it; persisted: 7 records of this run"));
    CHECK(ids_in(folder.file()) == ids_from(0, 7));
  }
}

TEST_CASE("a signal before the first record ends the program too") {
  const Folder folder;
  Process process({folder.file(), "--progress-interval", "1", "--on-error", "skip"}, folder.file("err"));
  process.write("nonsense\n");
  while (!contains(support::read_file(folder.file("err")), "input:1")) sched_yield();
  process.signal(SIGTERM);
  CHECK(contains(process.read_line(), summary_of(0, 0, 0, 1, 0)));
  CHECK(process.wait() == 128 + SIGTERM);
}

TEST_CASE("a signal ends the waiting for a lock, and it is said what is not persisted") {
  const Folder folder;
  REQUIRE(support::ingest({folder.file()}, lines_of(0, 1)).code == 0);
  support::Shell other(folder.file());
  REQUIRE(other("BEGIN IMMEDIATE").empty());
  Process process({folder.file(), "--busy-timeout", "0", "--retry-delays", "86400", "--progress-interval", "1"},
                  folder.file("err"));
  process.write(lines_of(1, 3));
  while (!contains(support::read_file(folder.file("err")), "generated 3 |")) sched_yield();
  process.end_input();  // it tries to write, waits for a day, or is about to
  process.signal(SIGINT);
  CHECK(contains(process.read_line(), summary_of(3, 0, 0, 0, 0)));
  CHECK(process.wait() == 3);
  CHECK(contains(support::read_file(folder.file("err")), "not persisted: 3 records"));
}

TEST_CASE("a second signal ends the program at once") {
  const Folder folder;
  REQUIRE(support::ingest({folder.file()}, lines_of(0, 1)).code == 0);
  support::Shell other(folder.file());
  REQUIRE(other("BEGIN IMMEDIATE").empty());
  // The lock has it wait for an hour in its flush.
  Process process({folder.file(), "--busy-timeout", "3600", "--progress-interval", "1"}, folder.file("err"));
  process.write(lines_of(1, 3));
  while (!contains(support::read_file(folder.file("err")), "generated 3 |")) sched_yield();
  process.signal(SIGTERM);
  // Signals that are sent before the first was handled become one.
  int code = 0;
  while ((code = process.try_wait()) == Process::still_runs) {
    process.signal(SIGTERM);
    sched_yield();
  }
  CHECK(code == -SIGTERM);
}

TEST_CASE("whoever closes the pipe of acknowledgements ends the run, and what was read is persisted") {
  const Folder folder;
  const support::IgnoreBrokenPipes ignore;
  Process process({folder.file(), "--store-batch-size", "4", "--acknowledge"}, folder.file("err"));
  process.write(lines_of(0, 4));
  CHECK(process.read_line() == "persisted 4");
  process.close_output();
  process.write(lines_of(4, 4));  // its input stays open
  CHECK(process.wait() == 4);
  CHECK(contains(support::read_file(folder.file("err")), "standard output is closed, or full; persisted: 8 records"));
  CHECK(ids_in(folder.file()) == ids_from(0, 8));
}

TEST_CASE("who reads nothing of it loses nothing but its words") {
  const Folder folder;
  const support::IgnoreBrokenPipes ignore;
  Process process({folder.file(), "--store-batch-size", "4"}, "/dev/full");
  process.close_output();
  process.write(lines_of(0, 10));
  process.end_input();
  CHECK(process.wait() == 4);
  CHECK(ids_in(folder.file()) == ids_from(0, 10));
}

TEST_CASE("what tells of signals is not taken for a standard input that is closed") {
  const int kept = ::dup(STDIN_FILENO);
  REQUIRE(kept > STDERR_FILENO);
  ::close(STDIN_FILENO);
  int descriptor = 0;
  {
    const shoal::tools::Interrupt interrupt;
    descriptor = interrupt.descriptor();
  }
  ::dup2(kept, STDIN_FILENO);
  ::close(kept);
  CHECK(descriptor > STDERR_FILENO);
}

TEST_CASE("whoever closes the pipe of answers ends the search with a code and a reason") {
  const Folder folder;
  REQUIRE(support::ingest({folder.file()}, lines_of(0, 10)).code == 0);
  const support::IgnoreBrokenPipes ignore;
  Process process({folder.file(), "--quiet"}, folder.file("err"), 0, SHOAL_SEARCH_PROGRAM);
  process.write("{\"vector\":[1,1,0.5]}\n");
  CHECK(contains(process.read_line(), "{\"query\":1,"));
  process.close_output();
  process.write("{\"vector\":[1,1,0.5]}\n");  // its input stays open
  CHECK(process.wait() == 4);
  CHECK(support::read_file(folder.file("err")) == "shoal-search: standard output is closed, or full\n");
}

}  // namespace
