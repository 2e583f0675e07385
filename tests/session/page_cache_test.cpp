// The cache of pages against a model of it: which pages are there, which one goes, and how many bytes that is.

#include "shoal/io/page_cache.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <map>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "random.hpp"

#if SHOAL_HAS_THREADS
#include <atomic>
#include <thread>
#endif

using shoal::detail::PageCache;
using support::Random;

namespace {

constexpr std::size_t page_bytes = PageCache::page_bytes;
using Page = std::array<std::byte, page_bytes>;

constexpr std::byte byte_of(std::size_t file, std::size_t page, std::size_t at) {
  return static_cast<std::byte>((file * 131 + page * 17 + at * (at / 256 + 3)) & 0xFFU);
}
Page page_of(std::size_t file, std::size_t page) {
  Page bytes;
  for (std::size_t i = 0; i < page_bytes; ++i) bytes[i] = byte_of(file, page, i);
  return bytes;
}
bool copies_right(const PageCache& cache, const PageCache::Table& table, std::size_t file, std::size_t page,
                  std::size_t from, std::size_t count) {
  std::vector<std::byte> out(count + 2, std::byte{0xA5});
  if (!cache.copy(table, page, from, std::span(out).subspan(1, count))) return false;
  bool right = out.front() == std::byte{0xA5} && out.back() == std::byte{0xA5};
  for (std::size_t i = 0; i < count; ++i) right = right && out[i + 1] == byte_of(file, page, from + i);
  REQUIRE(right);
  return true;
}

/// What the cache should do: when each page that is there was used, in misses.
class Model {
 public:
  explicit Model(std::size_t frames) : frames_(frames) {}

  std::map<std::pair<std::size_t, std::size_t>, std::size_t> used{};  // by file and page
  std::size_t now = 0;
  std::uint64_t evictions = 0;
  std::size_t peak = 0;

  [[nodiscard]] std::size_t held_by(std::size_t file) const {
    return static_cast<std::size_t>(
        std::count_if(used.begin(), used.end(), [&](const auto& page) { return page.first.first == file; }));
  }
  /// Of whom has one to go before `file` gets another? Nothing: of nobody.
  template <class Check>
  void put(const PageCache& cache, const std::vector<std::unique_ptr<PageCache::Table>>& tables,
           std::pair<std::size_t, std::size_t> page, std::size_t cap, const Check& check) {
    const bool is_own = cap != 0 && held_by(page.first) == cap;
    if (is_own || used.size() == frames_) {
      std::size_t oldest = now, gone = 0;
      for (const auto& [other, when] : used) {
        if (!is_own || other.first == page.first) oldest = std::min(oldest, when);
      }
      for (auto it = used.begin(); it != used.end();) {
        if (cache.has(*tables[it->first.first], it->first.second)) {
          ++it;
          continue;
        }
        ++gone;
        check(it->second == oldest);
        check(!is_own || it->first.first == page.first);
        it = used.erase(it);
      }
      check(gone == 1);
      ++evictions;
    }
    used[page] = ++now;
    peak = std::max(peak, used.size());
  }

 private:
  std::size_t frames_;
};

}  // namespace

TEST_CASE("the page that goes is the one used longest ago, of its own file where that has its share") {
  constexpr std::size_t files = 4, pages = 40;
  for (const std::size_t frames : std::initializer_list<std::size_t>{1, 2, 7, 30, 100}) {
    Random random(frames);
    CAPTURE(frames);
    const std::size_t limit = frames * PageCache::frame_bytes + PageCache::frame_bytes / 2;
    PageCache cache(limit);
    Model model(frames);
    std::vector<std::unique_ptr<PageCache::Table>> tables(files);
    std::vector<std::size_t> caps(files);  // 0: none
    const auto open = [&](std::size_t file) {
      const std::size_t share = file == 0 ? 1 : file == 1 ? 5 : 1'000;
      tables[file] = std::make_unique<PageCache::Table>(cache, pages * page_bytes, share * PageCache::frame_bytes);
      caps[file] = share < frames ? share : 0;
    };
    for (std::size_t i = 0; i < files; ++i) open(i);
    const auto require = [](bool holds) { REQUIRE(holds); };
    for (std::size_t round = 0; round < 30'000; ++round) {
      // Some pages more often than others.
      const std::size_t file = random.below(files), page = random.below(random.chance(0.5) ? pages / 4 : pages);
      const auto known = model.used.find({file, page});
      REQUIRE(cache.has(*tables[file], page) == (known != model.used.end()));
      if (random.chance(0.0005)) {
        tables[file].reset();
        model.evictions += std::erase_if(model.used, [&](const auto& one) { return one.first.first == file; });
        REQUIRE(cache.counts().bytes == model.used.size() * PageCache::frame_bytes);
        open(file);
        for (std::size_t i = 0; i < pages; ++i) REQUIRE(!cache.has(*tables[file], i));
        continue;
      }
      const std::size_t from = random.below(page_bytes),
                        count = 1 + random.below(std::min<std::size_t>(page_bytes - from, 50));
      const bool found = copies_right(cache, *tables[file], file, page, from, count);
      REQUIRE(found == (known != model.used.end()));
      if (found) {
        known->second = model.now;
        continue;
      }
      if (random.chance(0.3)) continue;
      cache.put(*tables[file], page, page_of(file, page));
      model.put(cache, tables, {file, page}, caps[file], require);
      cache.put(*tables[file], page, page_of(file, page + 1));  // another thread was first: nothing happens
      const PageCache::Counts counts = cache.counts();
      REQUIRE(counts.bytes == model.used.size() * PageCache::frame_bytes);
      REQUIRE(counts.bytes <= limit);
      REQUIRE(counts.peak_bytes == model.peak * PageCache::frame_bytes);
      REQUIRE(counts.evictions == model.evictions);
      REQUIRE(counts.limit_bytes == limit);
    }
    CHECK(model.evictions > 1'000);
    CHECK(model.peak == std::min<std::size_t>(frames, 1 + 5 + 2 * pages));
  }
}

TEST_CASE("a page is copied from any place to any place") {
  PageCache cache(10 * PageCache::frame_bytes);
  PageCache::Table table(cache, 3 * page_bytes - 100, 10 * PageCache::frame_bytes);
  for (std::size_t page = 0; page < 3; ++page) {
    const Page bytes = page_of(9, page);
    cache.put(table, page, std::span<const std::byte>(bytes).first(page == 2 ? page_bytes - 100 : page_bytes));
  }
  for (std::size_t count = 1; count <= 40; ++count) {
    for (std::size_t from = 0; from < 20; ++from) {
      REQUIRE(copies_right(cache, table, 9, 0, from, count));
      REQUIRE(copies_right(cache, table, 9, 1, page_bytes - from - count, count));
      REQUIRE(copies_right(cache, table, 9, 2, page_bytes - 100 - from - count, count));
    }
  }
  REQUIRE(copies_right(cache, table, 9, 1, 0, page_bytes));
  REQUIRE(copies_right(cache, table, 9, 1, 0, 0));
}

TEST_CASE("a file's share leaves the pages of other files where they are") {
  constexpr std::size_t frames = 20, all = frames * PageCache::frame_bytes;
  PageCache cache(all);
  PageCache::Table other(cache, 8 * page_bytes, all), capped(cache, 100 * page_bytes, 5 * PageCache::frame_bytes);
  for (std::size_t page = 0; page < 8; ++page) cache.put(other, page, page_of(0, page));
  for (std::size_t page = 0; page < 100; ++page) {
    cache.put(capped, page, page_of(1, page));
    REQUIRE(cache.counts().bytes <= 13 * PageCache::frame_bytes);
  }
  for (std::size_t page = 0; page < 8; ++page) CHECK(copies_right(cache, other, 0, page, 0, 64));
  for (std::size_t page = 0; page < 100; ++page) CHECK(cache.has(capped, page) == (page >= 95));
  CHECK(cache.counts().evictions == 95);
}

TEST_CASE("frames and what is kept about them take no more memory than the bound") {
  for (const std::size_t kilobytes : std::initializer_list<std::size_t>{64, 100, 1'000, 10'000}) {
    const std::size_t limit = kilobytes * 1'024;
    PageCache cache(limit);
    REQUIRE(cache.memory_bytes() < limit / 10);
    PageCache::Table table(cache, 2 * limit, limit);
    for (std::size_t page = 0; page < 2 * limit / page_bytes; ++page) {
      cache.put(table, page, page_of(0, page));
      REQUIRE(cache.memory_bytes() <= limit);
    }
    CHECK(cache.counts().bytes > limit - PageCache::frame_bytes);
    CHECK(cache.memory_bytes() > limit / 10 * 9);
  }
}

TEST_CASE("a cache that was closed gives its memory back with the last table, and takes nothing in") {
  PageCache cache(std::size_t{1} << 20);
  auto one = std::make_unique<PageCache::Table>(cache, 50 * page_bytes, std::size_t{1} << 20);
  auto two = std::make_unique<PageCache::Table>(cache, 50 * page_bytes, std::size_t{1} << 20);
  for (std::size_t page = 0; page < 50; ++page) cache.put(*one, page, page_of(1, page));
  cache.close();
  CHECK(copies_right(cache, *one, 1, 7, 0, 100));
  one.reset();
  cache.put(*two, 3, page_of(2, 3));
  CHECK(copies_right(cache, *two, 2, 3, 0, 100));
  two.reset();
  CHECK(cache.memory_bytes() == 0);
  CHECK(cache.counts().bytes == 0);
  PageCache::Table late(cache, 50 * page_bytes, std::size_t{1} << 20);
  cache.put(late, 1, page_of(3, 1));
  CHECK(!cache.has(late, 1));
}

#if SHOAL_HAS_THREADS
TEST_CASE("what is copied while others put pages is one page, whole") {
  // In one frame and in three, so that a page comes back to where it was while somebody copies it.
  constexpr std::size_t pages = 4, threads = 4;
#if SHOAL_WATCHES_RACES
  constexpr std::size_t rounds = 3'000;
#else
  constexpr std::size_t rounds = 60'000;
#endif
  for (const std::size_t frames : std::initializer_list<std::size_t>{1, 3}) {
    PageCache cache(frames * PageCache::frame_bytes);
    PageCache::Table table(cache, pages * page_bytes, frames * PageCache::frame_bytes);
    std::atomic<std::size_t> torn{0}, copied{0};
    std::vector<std::thread> workers;
    for (std::size_t number = 0; number < threads; ++number) {
      workers.emplace_back([&, number] {
        Random random(number);
        std::array<std::byte, page_bytes> out{};
        for (std::size_t i = 0; i < rounds; ++i) {
          const std::size_t page = random.below(pages);
          if (cache.copy(table, page, 0, out)) {
            ++copied;
            const bool is_whole =
                std::all_of(out.begin(), out.end(), [&](std::byte b) { return b == static_cast<std::byte>(page); });
            if (!is_whole) ++torn;
          } else {
            out.fill(static_cast<std::byte>(page));
            cache.put(table, page, out);
          }
        }
      });
    }
    for (std::thread& worker : workers) worker.join();
    CHECK(torn == 0);
    CHECK(copied > rounds / 10);
    CHECK(cache.counts().peak_bytes <= frames * PageCache::frame_bytes);
  }
}
#endif
