// Sets of shards as files: what is saved is what is read, a set that is half written, mixed or damaged is refused, and
// whatever fails, the older set or the new one is there, whole.

#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

#include "../io/faults.hpp"
#include "platform.hpp"
#include "support.hpp"

using namespace shard_tests;
using io_tests::Bytes;
using io_tests::FaultyFiles;
using io_tests::Folder;
using io_tests::read_bytes;
using io_tests::write_bytes;
using shoal::ErrorCode;
using support::random_items;

namespace {

using Shards = shoal::ShardedIndex<Brute>;

template <class Index = Brute>
shoal::ShardedIndex<Index> filled(std::size_t shards, std::uint64_t seed, std::size_t count) {
  auto made = make_shards<Index>(shards);
  const auto inserted = made.batch_insert(random_items(seed, count, dimensions));
  REQUIRE(inserted);
  return made;
}

/// The files of a set, by its manifest.
std::vector<std::string> files_of(const std::string& path) {
  const auto set = shoal::read_shard_set_info(path);
  REQUIRE(set);
  std::vector<std::string> files;
  for (const auto& shard : set->shards) files.push_back(shoal::detail::shard_path(path, set->tag, shard.name));
  return files;
}

template <class A, class B>
bool are_alike(const A& a, const B& b) {
  if (!(a.plan() == b.plan()) || a.size() != b.size()) return false;
  for (const auto& query : make_queries(10)) {
    if (a.search(query, 10) != b.search(query, 10)) return false;
  }
  return true;
}

void check_refused(const std::string& path, ErrorCode code) {
  const auto loaded = Shards::load(path);
  REQUIRE(!loaded);
  CHECK(loaded.error().code() == code);
  const auto opened = Shards::open(path, {.verify = true});
  REQUIRE(!opened);
  CHECK(opened.error().code() == code);
}

/// Makes the checksum right again, as whoever wants to do harm would.
void mend_manifest(Bytes& bytes) { shoal::detail::put(bytes, 12, shoal::detail::header_checksum(bytes)); }

}  // namespace

TEST_CASE_TEMPLATE("what is loaded or opened is what was saved, and a save replaces the files of the one before", Index,
                   Hnsw, Brute) {
  const Folder folder;
  const std::string path = folder.file("set");
  for (const std::size_t shards : {5U, 1U, 3U}) {
    const auto saved = filled<Index>(shards, shards, 700);
    REQUIRE(saved.save(path, {.last_sequence = 4}));
    CHECK(folder.file_count() == shards + 1);
    const auto loaded = shoal::ShardedIndex<Index>::load(path);
    const auto opened = shoal::ShardedIndex<Index>::open(path);
    const auto verified = shoal::ShardedIndex<Index>::open(path, {.verify = true});
    REQUIRE(loaded);
    REQUIRE(opened);
    REQUIRE(verified);
    CHECK(are_alike(*loaded, saved));
    CHECK(are_alike(*opened, saved));
    CHECK(are_alike(*verified, saved));
    CHECK(shoal::read_shard_set_info(path)->live() == 700);
    CHECK(shoal::read_index_file_info(files_of(path).front())->last_sequence == 4);
  }
}

TEST_CASE("a loaded set goes on as the one that was saved") {
  const Folder folder;
  auto saved = filled(3, 1, 500);
  REQUIRE(saved.save(folder.file("set")));
  auto loaded = Shards::load(folder.file("set"));
  REQUIRE(loaded);
  const auto more = random_items(2, 300, dimensions, 500);
  REQUIRE(saved.batch_insert(more));
  REQUIRE(loaded->batch_insert(more));
  CHECK(are_alike(saved, *loaded));
}

TEST_CASE("a file of another save, or of another shard, is refused with its name") {
  const Folder folder;
  const std::string path = folder.file("set"), other = folder.file("other");
  REQUIRE(filled(3, 1, 300).save(path));
  REQUIRE(filled(3, 2, 300).save(other));
  const auto files = files_of(path), others = files_of(other);
  const Bytes first = read_bytes(files[0]);
  SUBCASE("of another save") { write_bytes(files[0], read_bytes(others[0])); }
  SUBCASE("of another shard") { write_bytes(files[0], read_bytes(files[1])); }
  SUBCASE("cut off") { write_bytes(files[0], Bytes(first.begin(), first.end() - 1)); }
  check_refused(path, ErrorCode::corrupt);
  CHECK(std::string(Shards::load(path).error().message()).find(files[0]) != std::string::npos);
  write_bytes(files[0], first);
  CHECK(Shards::load(path));
  std::filesystem::remove(files[2]);
  check_refused(path, ErrorCode::cannot_open);
}

TEST_CASE("an id in a shard where it does not belong is refused, though every checksum is right") {
  const Folder folder;
  const std::string path = folder.file("set");
  const auto plan = *shoal::ShardPlan::of_count(2);
  Brute wrong(make_config<Brute>());
  for (const auto& [id, vector] : random_items(1, 100, dimensions)) {
    if (plan.shard_of(id) == 1) REQUIRE(wrong.insert(id, vector));
  }
  shoal::detail::SystemFiles files;
  shoal::ShardSetInfo set{"0-0", {}};
  for (const shoal::ShardName name : plan.names()) {
    set.shards.push_back(*shoal::detail::save_shard(files, {path}, set.tag, name, wrong, shoal::SaveOptions{}));
  }
  bool is_placed = false;
  REQUIRE(shoal::detail::commit_set(files, path, set, is_placed));
  check_refused(path, ErrorCode::corrupt);
}

TEST_CASE("a manifest that is damaged in any byte is refused, and one cut off or with a byte more") {
  const Folder folder;
  const std::string path = folder.file("set");
  REQUIRE(filled(3, 1, 60).save(path));
  const Bytes good = read_bytes(path);
  CHECK(good.size() == 96 + 3 * 32);
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (const unsigned bit : {0U, 3U, 7U}) {
      Bytes bytes = good;
      bytes[i] ^= static_cast<std::byte>(1U << bit);
      CAPTURE(i);
      const auto parsed = shoal::detail::parse_manifest(bytes);
      REQUIRE(!parsed);
      REQUIRE(parsed.error().code() == ErrorCode::corrupt);
    }
  }
  for (std::size_t size = 0; size < good.size(); ++size) {
    REQUIRE(!shoal::detail::parse_manifest(Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size))));
  }
  Bytes longer = good;
  longer.emplace_back();
  write_bytes(path, longer);
  check_refused(path, ErrorCode::corrupt);
  write_bytes(path, {});
  check_refused(path, ErrorCode::corrupt);
  write_bytes(path, Bytes(1 << 20, std::byte{0x8E}));
  check_refused(path, ErrorCode::corrupt);
}

TEST_CASE("a manifest whose checksum was made right again opens as a sound set, or is refused") {
  const Folder folder;
  const std::string path = folder.file("set");
  const auto saved = filled(3, 1, 60);
  REQUIRE(saved.save(path));
  const Bytes good = read_bytes(path);
  for (std::size_t i = 0; i < good.size(); ++i) {
    if (i >= 12 && i < 16) continue;
    for (const auto value : {std::byte{0}, std::byte{1}, std::byte{'/'}, std::byte{0xFF}}) {
      Bytes bytes = good;
      if (bytes[i] == value) continue;
      bytes[i] = value;
      mend_manifest(bytes);
      write_bytes(path, bytes);
      CAPTURE(i);
      const auto loaded = Shards::load(path);
      REQUIRE(!loaded);
    }
  }
  // What it refers to is below the folder that it is in, whatever it says.
  Bytes bytes = good;
  std::memcpy(bytes.data() + 40, "../../e", 8);
  mend_manifest(bytes);
  CHECK(shoal::detail::parse_manifest(bytes).error().message() == "manifest: its tag, or what has to be zero, is not");
  Bytes many(96 + 4'097 * 32);
  std::memcpy(many.data(), good.data(), 96);
  shoal::detail::put(many, 16, std::uint64_t{many.size()});
  shoal::detail::put(many, 24, std::uint32_t{4'097});
  mend_manifest(many);
  CHECK(shoal::detail::parse_manifest(many).error().code() == ErrorCode::corrupt);
  bytes = good;
  shoal::detail::put(bytes, 8, std::uint32_t{2});
  mend_manifest(bytes);
  CHECK(shoal::detail::parse_manifest(bytes).error().code() == ErrorCode::incompatible);
}

TEST_CASE("when any operation of a save fails, once or for ever, the older set or the new one is there, whole") {
  const auto older = filled(2, 1, 40), newer = filled(3, 2, 50);
  std::size_t operations = 0;
  {
    const Folder folder;
    REQUIRE(older.save(folder.file("set")));
    FaultyFiles files;
    REQUIRE(newer.save(folder.file("set"), {}, files));
    operations = files.log.size();
  }
  REQUIRE(operations > 30);
  for (const bool has_old : {true, false}) {
    for (const bool forever : {false, true}) {
      for (std::size_t allowed = 0; allowed < operations; ++allowed) {
        CAPTURE(has_old);
        CAPTURE(forever);
        CAPTURE(allowed);
        const Folder folder;
        const std::string path = folder.file("set");
        if (has_old) REQUIRE(older.save(path));
        FaultyFiles files;
        files.allowed = allowed;
        files.forever = forever;
        const auto saved = newer.save(path, {}, files);
        if (!files.failed) continue;  // it was to be removed, which cannot fail
        const auto loaded = Shards::load(path);
        if (saved) {
          // Only what the older manifest said could not be read: its files stay.
          REQUIRE(!forever);
          REQUIRE(loaded);
          REQUIRE(are_alike(*loaded, newer));
          continue;
        }
        REQUIRE(saved.error().code() == ErrorCode::io_error);
        if (!loaded) {
          REQUIRE(!has_old);
          REQUIRE(loaded.error().code() == ErrorCode::cannot_open);
          if (!forever) REQUIRE(folder.file_count() == 0);
        } else {
          REQUIRE((are_alike(*loaded, newer) || (has_old && are_alike(*loaded, older))));
          if (!forever && are_alike(*loaded, older)) REQUIRE(folder.file_count() == 3);
        }
        REQUIRE(newer.save(path));  // and then it works
        REQUIRE(are_alike(*Shards::load(path), newer));
      }
    }
  }
}

TEST_CASE("when the program is killed at any operation of a save, the older set or the new one is there, whole" *
          support::needs_processes()) {
  const auto older = filled(2, 1, 40), newer = filled(2, 2, 50);
  for (std::size_t allowed = 0;; ++allowed) {
    CAPTURE(allowed);
    const Folder folder;
    const std::string path = folder.file("set");
    REQUIRE(older.save(path));
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      FaultyFiles files;
      files.allowed = allowed;
      files.dies = true;
      const auto saved = newer.save(path, {}, files);
      _exit(saved ? 0 : 1);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    const auto loaded = Shards::load(path);
    REQUIRE(loaded);
    if (WEXITSTATUS(status) == 0) {
      REQUIRE(are_alike(*loaded, newer));
      REQUIRE(allowed > 20);
      break;
    }
    REQUIRE(WEXITSTATUS(status) == FaultyFiles::exit_status_of_death);
    REQUIRE((are_alike(*loaded, newer) || are_alike(*loaded, older)));
  }
}

TEST_CASE("two saves to one place leave one of the two sets, whole" * support::needs_processes()) {
  const auto first = filled(2, 1, 200), second = filled(3, 2, 200);
  for (std::size_t allowed = 0; allowed < 60; ++allowed) {
    CAPTURE(allowed);
    const Folder folder;
    const std::string path = folder.file("set");
    REQUIRE(first.save(path));
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) _exit(second.save(path) ? 0 : 1);
    const auto saved = first.save(path);
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(WEXITSTATUS(status) == 0);
    REQUIRE(saved);
    const auto loaded = Shards::load(path);
    REQUIRE(loaded);
    REQUIRE((are_alike(*loaded, first) || are_alike(*loaded, second)));
    if (allowed > 8) break;
  }
}

TEST_CASE("there is nothing at a path, or something else") {
  const Folder folder;
  check_refused(folder.file("nothing"), ErrorCode::cannot_open);
  REQUIRE(filled(1, 1, 10).shards().front().save(folder.file("index")));
  check_refused(folder.file("index"), ErrorCode::corrupt);
  const auto info = shoal::read_shard_set_info(folder.file("index"));
  REQUIRE(!info);
  CHECK(info.error().message() ==
        "expected the manifest of a set of shards, it begins otherwise: " + folder.file("index"));
}

TEST_CASE("a save of another plan leaves the new set, whose files have names of their own") {
  const Folder folder;
  const std::string path = folder.file("set");
  const auto items = random_items(5, 300, dimensions);
  const auto saved_over = [&](const shoal::ShardPlan& plan) {
    auto made = shoal::ShardedIndex<Brute>::create(make_config<Brute>(), plan);
    REQUIRE(made);
    REQUIRE(made->batch_insert(items));
    REQUIRE(made->save(path));
    const auto loaded = Shards::load(path);
    REQUIRE_MESSAGE(loaded.has_value(), std::string(loaded ? "" : loaded.error().message()));
    CHECK(are_alike(*loaded, *made));
    return files_of(path);
  };
  const auto two = *shoal::ShardPlan::of_names({1, 2});
  const auto before = saved_over(two), after = saved_over(*two.with(0)), last = saved_over(two);
  for (const std::string& file : before) CHECK(!std::filesystem::exists(file));
  for (const std::string& file : after) CHECK(!std::filesystem::exists(file));
  for (const std::string& file : last) CHECK(std::filesystem::exists(file));
}

TEST_CASE("a set lies where a symbolic link leads, and its files are for those who may read its manifest") {
  const Folder folder;
  std::filesystem::create_directory(folder.file("versions"));
  const std::string real = folder.file("versions/first"), link = folder.file("current");
  REQUIRE(filled(2, 1, 50).save(real));
  std::filesystem::permissions(real, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  std::filesystem::create_symlink("versions/first", link);
  const auto newer = filled(3, 2, 70);
  REQUIRE(newer.save(link));
  for (const std::string& path : {real, link}) {
    const auto loaded = Shards::load(path);
    REQUIRE_MESSAGE(loaded.has_value(), std::string(loaded ? "" : loaded.error().message()));
    CHECK(are_alike(*loaded, newer));
    CHECK(Shards::open(path).has_value());
  }
  CHECK(std::filesystem::is_symlink(link));
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.file("versions"))) {
    ++files;
    CHECK(entry.status().permissions() == (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
  }
  CHECK(files == 4);  // the manifest and its shards; those before are gone
}
