// A progress line with rate and time left; three ways to end a batch early; a source that is made while it is read.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <iterator>
#include <optional>
#include <random>
#include <stop_token>
#include <utility>
#include <vector>

#include <shoal/shoal.hpp>

using Index = shoal::HnswIndex<shoal::L2Squared, shoal::Float32>;
using Item = std::pair<std::uint64_t, std::vector<float>>;

namespace {

constexpr std::size_t dimensions = 32;

/// Makes items until `limit`, one at a time; nothing knows how many will come, and each can be read once. As with
/// std::views::istream, begin() makes the next one: a second batch goes on where the first one ended.
class Stream {
 public:
  class Iterator {
   public:
    using value_type = Item;
    using difference_type = std::ptrdiff_t;

    explicit Iterator(Stream& stream) : stream_(&stream) {}
    Item& operator*() const { return *stream_->current_; }
    Iterator& operator++() {
      stream_->advance();
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const { return !stream_->current_; }

   private:
    Stream* stream_;
  };

  explicit Stream(std::uint64_t limit) : limit_(limit) {}
  Iterator begin() {
    advance();
    return Iterator(*this);
  }
  static std::default_sentinel_t end() { return {}; }

 private:
  void advance() {
    if (next_id_ == limit_) return current_.reset();
    current_.emplace(next_id_++, std::vector<float>(dimensions));
    for (float& value : current_->second) value = component_(random_);
  }

  std::uint64_t limit_;
  std::uint64_t next_id_ = 0;
  std::mt19937 random_{1};
  std::normal_distribution<float> component_;
  std::optional<Item> current_;
};

/// A line now and then: share, rate, time left; or the count alone while the total is unknown (0).
class ProgressLine {
 public:
  void operator()(std::size_t completed, std::size_t total) {
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
    if (completed % 1'000 != 0 && completed != total) return;
    const double rate = static_cast<double>(completed) / seconds;
    if (total == 0) {
      std::printf("  %zu | %.0f/s\n", completed, rate);
    } else {
      std::printf("  %5.1f%% | %zu of %zu | %.0f/s | %.1f s left\n",
                  100 * static_cast<double>(completed) / static_cast<double>(total), completed, total, rate,
                  static_cast<double>(total - completed) / rate);
    }
    std::fflush(stdout);
  }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

bool ended_early(const Index::BatchResult& result, std::size_t expected) {
  if (result || result.error().cause.code() != shoal::ErrorCode::cancelled) return false;
  std::printf("  %s\n", result.error().what().c_str());
  return result.error().successful_count == expected && !result.error().failed_index;
}

}  // namespace

int main() {
  std::vector<Item> items;
  for (Item& item : Stream(3'000)) items.push_back(item);

  std::puts("a source whose length is known:");
  Index index({.dimensions = dimensions});
  if (!index.batch_insert(items, ProgressLine{})) return 1;

  std::puts("a stream of unknown length:");
  Index streamed({.dimensions = dimensions});
  if (!streamed.batch_insert(Stream(2'000), ProgressLine{})) return 1;
  if (streamed.size() != 2'000) return 1;

  std::puts("the callback says stop after 500:");
  Index stopped({.dimensions = dimensions});
  const auto at_500 = [](std::size_t completed, std::size_t) { return completed < 500; };
  if (!ended_early(stopped.batch_insert(items, at_500), 500) || stopped.size() != 500) return 1;
  if (stopped.search(items[499].second, 1).front().id != 499) return 1;

  std::puts("a stop token, here requested by the callback, says stop; then the same stream goes on:");
  Index resumed({.dimensions = dimensions});
  Stream stream(1'000);
  std::stop_source source;
  const auto request_stop = [&](std::size_t completed, std::size_t) {
    if (completed == 300) source.request_stop();
  };
  if (!ended_early(resumed.batch_insert(stream, request_stop, {.stop = source.get_token()}), 300)) return 1;
  if (!resumed.batch_insert(stream)) return 1;
  std::printf("  %zu are in\n", resumed.size());
  return resumed.size() == 1'000 && resumed.contains(0) && resumed.contains(999) ? 0 : 1;
}
