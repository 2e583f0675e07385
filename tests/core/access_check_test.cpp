// The rule "any number of searches at once, or one writer": a change inside a change is refused, and debug builds end
// the program when two threads break the rule (tested in a child process).

#include <csignal>
#include <optional>
#include <thread>

#include <doctest/doctest.h>

#include <shoal/core/access_check.hpp>

#if (defined(__unix__) || defined(__APPLE__)) && !defined(NDEBUG) && SHOAL_HAS_THREADS
#include <sys/wait.h>
#include <unistd.h>
#define SHOAL_TEST_ASSERTIONS 1
#else
#define SHOAL_TEST_ASSERTIONS 0
#endif

namespace shoal {
namespace {

using detail::AccessCheck;

#if SHOAL_TEST_ASSERTIONS
/// Does `body`, run in a child process, end in abort()?
template <class Body>
bool aborts(const Body& body) {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    std::signal(SIGABRT, SIG_DFL);
    close(STDERR_FILENO);  // the assertion's message is expected
    body();
    _exit(0);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

/// Runs `body` on another thread and waits for it.
template <class Body>
void elsewhere(const Body& body) {
  std::thread(body).join();
}
#endif

}  // namespace

TEST_CASE("a change inside a change is refused, until the first has ended") {
  AccessCheck check;
  {
    const AccessCheck::Write outer(check);
    CHECK(outer.entered());
    {
      const AccessCheck::Write inner(check);
      CHECK_FALSE(inner.entered());
    }
    const AccessCheck::Write again(check);  // the end of the refused one freed nothing
    CHECK_FALSE(again.entered());
  }
  const AccessCheck::Write next(check);
  CHECK(next.entered());
}

TEST_CASE("the thread that changes the index may search it meanwhile, and change it again afterwards") {
  AccessCheck check;
  {
    const AccessCheck::Write write(check);
    const AccessCheck::Read read(check);
    const AccessCheck::Read nested(check);
    CHECK(write.entered());
  }
  {
    const AccessCheck::Read read(check);
    const AccessCheck::Read nested(check);
  }
  const AccessCheck::Write write(check);
  CHECK(write.entered());
}

TEST_CASE("two checks know nothing of each other") {
  AccessCheck one;
  AccessCheck other;
  const AccessCheck::Write first(one);
  const AccessCheck::Write second(other);
  CHECK(first.entered());
  CHECK(second.entered());
}

#if SHOAL_HAS_THREADS
TEST_CASE("threads may search at once, and one after the other change") {
  AccessCheck check;
  {
    const AccessCheck::Read here(check);
    std::thread([&] { const AccessCheck::Read there(check); }).join();
  }
  bool entered = false;
  std::thread([&] { entered = AccessCheck::Write(check).entered(); }).join();
  CHECK(entered);
  const AccessCheck::Write write(check);
  CHECK(write.entered());
}
#endif

#if SHOAL_TEST_ASSERTIONS
TEST_CASE("debug builds end the program when two threads change one index at once") {
  CHECK(aborts([] {
    AccessCheck check;
    const AccessCheck::Write here(check);
    elsewhere([&] { const AccessCheck::Write there(check); });
  }));
}

TEST_CASE("debug builds end the program when an index is searched while another thread changes it") {
  CHECK(aborts([] {
    AccessCheck check;
    const AccessCheck::Write here(check);
    elsewhere([&] { const AccessCheck::Read there(check); });
  }));
}

TEST_CASE("debug builds end the program when an index is changed while another thread searches it") {
  CHECK(aborts([] {
    AccessCheck check;
    const AccessCheck::Read here(check);
    elsewhere([&] { const AccessCheck::Write there(check); });
  }));
}

TEST_CASE("debug builds let everything pass that keeps the rule") {
  CHECK_FALSE(aborts([] {
    AccessCheck check;
    for (int round = 0; round < 3; ++round) {
      elsewhere([&] {
        const AccessCheck::Write write(check);
        const AccessCheck::Read read(check);
      });
      const AccessCheck::Read here(check);
      elsewhere([&] { const AccessCheck::Read there(check); });
    }
  }));
}
#endif

}  // namespace shoal
