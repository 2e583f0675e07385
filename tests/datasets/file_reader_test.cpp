// What is no readable file is refused when it is opened, each with its own line.

#include "support.hpp"
#include <datasets/file_reader.hpp>

#if defined(__unix__) || defined(__APPLE__)
#include <sys/stat.h>
#include <unistd.h>
#endif

namespace {

using shoal::datasets::FileReader;
using support::check_message;
using support::message_of;

}  // namespace

TEST_CASE("a file that is not there is refused") {
  const support::TemporaryFolder folder;
  check_message(message_of(FileReader::open(folder.path() / "none.fvecs")), {"none.fvecs: no such file"});
}

TEST_CASE("a folder is refused where a file is expected") {
  const support::TemporaryFolder folder;
  check_message(message_of(FileReader::open(folder.path())), {"expected a file, came a directory"});
}

TEST_CASE("a reader knows where it is and refuses to read past the end") {
  const support::TemporaryFolder folder;
  auto reader = FileReader::open(folder.write("five", "12345"));
  REQUIRE(reader);
  CHECK(reader->size_bytes() == 5);
  char to[8] = {};
  REQUIRE(reader->read(to, 3, "the start"));
  CHECK(std::string(to) == "123");
  CHECK(reader->remaining_bytes() == 2);
  check_message(message_of(reader->read(to, 3, "the end")),
                {"five: the end at offset 3: expected 3 bytes, came 2", "cut off"});
  CHECK(reader->offset_bytes() == 3);
}

TEST_CASE("a name with a line break still gives a message of one line") {
  const support::TemporaryFolder folder;
  const std::string message = message_of(FileReader::open(folder.path() / "a\nb"));
  CHECK(message.find("a?b") != std::string::npos);
}

#if defined(__unix__) || defined(__APPLE__)
TEST_CASE("a pipe is refused rather than waited for") {
  const support::TemporaryFolder folder;
  const auto path = folder.path() / "pipe";
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  check_message(message_of(FileReader::open(path)), {"expected a regular file"});
}

TEST_CASE("a file that may not be read is refused with the system's reason") {
  const support::TemporaryFolder folder;
  const auto path = folder.write("secret.fvecs", "1234");
  REQUIRE(::chmod(folder.path().c_str(), 0755) == 0);
  REQUIRE(::chmod(path.c_str(), 0000) == 0);
  const bool is_root = ::geteuid() == 0;  // root may read everything: ask as somebody else
  if (is_root) {
    REQUIRE(::seteuid(65534) == 0);
  }
  const auto opened = FileReader::open(path);
  if (is_root) {
    REQUIRE(::seteuid(0) == 0);
  }
  check_message(message_of(opened), {"secret.fvecs: cannot be opened (Permission denied)"});
}

TEST_CASE("a file that becomes shorter while it is read is refused with the place") {
  const support::TemporaryFolder folder;
  const auto path = folder.write("shrinks", std::string(100'000, 'x'));
  auto reader = FileReader::open(path);
  REQUIRE(reader);
  std::filesystem::resize_file(path, 50'000);
  std::string to(100'000, '\0');
  check_message(message_of(reader->read(to.data(), to.size(), "the rows")),
                {"the rows at offset 0: expected 100000 bytes, came 50000", "became shorter"});
}
#endif
