// What lies at the path of a save or a load: a link, a pipe, a folder, a file that not everyone may read.

#include <cstddef>
#include <filesystem>
#include <string>

#include <doctest/doctest.h>

#include "platform.hpp"
#include "support.hpp"
#include "vectors.hpp"
#include <shoal/shoal.hpp>

#if SHOAL_HAS_POSIX_FILES
#include <sys/stat.h>

using namespace io_tests;
using shoal::ErrorCode;
using support::random_items;

namespace {

shoal::HnswIndex<> index_with(std::size_t count) {
  shoal::HnswIndex<> index({.dimensions = 4, .M = 4});
  REQUIRE(index.batch_insert(random_items(1, count, 4)));
  return index;
}
std::size_t size_at(const std::string& path) {
  const auto loaded = shoal::HnswIndex<>::load(path);
  return loaded ? loaded->size() : 0;
}
/// That it is refused, early, and what is there stays.
void expect_no_file(const std::string& path, const std::string& part) {
  CAPTURE(path);
  const auto kind = std::filesystem::symlink_status(path).type();
  const auto saved = index_with(5).save(path);
  REQUIRE(!saved);
  CHECK(saved.error().code() == ErrorCode::cannot_open);
  CHECK_MESSAGE(saved.error().message().find(part) != std::string_view::npos, std::string(saved.error().message()));
  CHECK(std::filesystem::symlink_status(path).type() == kind);
}

}  // namespace

TEST_CASE("a save keeps who may read the file that it replaces") {
  const Folder folder;
  const std::string path = folder.file("private");
  REQUIRE(index_with(5).save(path));
  REQUIRE(::chmod(path.c_str(), 0600) == 0);
  REQUIRE(index_with(7).save(path));
  CHECK(size_at(path) == 7);
  CHECK(std::filesystem::status(path).permissions() ==
        (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
}

TEST_CASE("a save through a symbolic link replaces what it leads to") {
  const Folder folder;
  std::filesystem::create_directory(folder.file("versions"));
  const std::string real = folder.file("versions/first"), link = folder.file("current");
  REQUIRE(index_with(5).save(real));
  std::filesystem::create_symlink("versions/first", link);
  REQUIRE(index_with(7).save(link));
  CHECK(std::filesystem::is_symlink(link));
  CHECK(size_at(real) == 7);
  CHECK(size_at(link) == 7);
  std::filesystem::remove(real);
  expect_no_file(link, "No such file");
}

TEST_CASE("what is no regular file is refused by all, at once" * support::needs_processes()) {
  const Folder folder;
  const std::string pipe = folder.file("pipe");
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  for (const std::string& path : {pipe, folder.file("")}) {
    expect_no_file(path, "expected a regular file");
    const auto expect = [&](const auto& result) {
      REQUIRE(!result);
      CHECK(result.error().code() == ErrorCode::cannot_open);
      const std::string message(result.error().message());
      const std::size_t at = message.find(path);
      CHECK(at != std::string::npos);
      CHECK(message.find(path, at + 1) == std::string::npos);  // said once
    };
    expect(shoal::HnswIndex<>::load(path));
    expect(shoal::HnswIndex<>::open(path));
    expect(shoal::Session().open<shoal::HnswIndex<>>(path));
    expect(shoal::read_index_file_info(path));
  }
  CHECK(std::filesystem::is_fifo(pipe));
}

TEST_CASE("a path that is none is refused") {
  expect_no_file("", "got an empty one");
  const auto saved = index_with(5).save(std::string("a\0b", 3));
  REQUIRE(!saved);
  CHECK(saved.error().code() == ErrorCode::cannot_open);
  CHECK(!std::filesystem::exists("a"));
}

#endif
