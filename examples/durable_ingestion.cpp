// Records arrive a few at a time and must survive the program: a BatchWriter feeds an index over an SQLite store, the
// disk fills up in between, and nothing is lost. docs/ingestion.md says what is guaranteed.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <shoal/shoal.hpp>
#include <shoal/sqlite/sqlite_vector_store.hpp>

using Index = shoal::HnswIndex<shoal::L2Squared, shoal::SQ8>;
using Store = shoal::SqliteVectorStore<>;
using Durable = shoal::DurableIndex<Index, Store>;

constexpr std::size_t components = 64;

shoal::Expected<Durable, shoal::Error> open(const std::string& path) {
  auto store = Store::open(path, {.dimensions = components});
  if (!store) return shoal::Unexpected<shoal::Error>(store.error());
  return Durable::open(Index({.dimensions = components}), *std::move(store));
}

/// Hands batches on to a DurableIndex, but for one time when there is no room.
struct FullOnce {
  using id_type = std::uint64_t;
  Durable& durable;
  bool full = true;

  shoal::Expected<shoal::Committed, shoal::Error> batch_write(std::span<const shoal::Record<>> records) {
    if (durable.size() != 0 && std::exchange(full, false)) {
      return shoal::Unexpected<shoal::Error>(shoal::Error(shoal::ErrorCode::storage_full, "made up: the disk is full"));
    }
    return durable.batch_write(records);
  }
};

int main() {
  const auto folder = std::filesystem::temp_directory_path() / "shoal-durable-ingestion";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  const std::string path = (folder / "records.db").string();

  std::mt19937 random(5);
  std::normal_distribution<float> component;
  {
    auto durable = open(path);
    if (!durable) return 1;
    FullOnce sink{*durable};
    shoal::BatchWriterOptions options;
    options.store_batch_size = 400;
    options.total = 1'000;
    options.retry.delays.clear();  // here the program itself tries again
    options.progress_interval = 250;
    options.progress = [](const shoal::IngestProgress& progress) {
      std::printf("%s\n", format_progress(progress).c_str());
    };
    shoal::BatchWriter writer(sink, options);
    for (std::uint64_t id = 0; id < 1'000; ++id) {
      shoal::Record<> record{.id = id, .vector = std::vector<float>(components)};
      for (float& value : record.vector) value = component(random);
      record.metadata = "{\"number\": " + std::to_string(id) + "}";
      const auto added = writer.add(std::move(record));
      if (added) continue;
      std::printf("%s\n", added.error().what().c_str());
      if (added.error().accepted != 1 || !writer.flush()) return 1;  // it waits in the buffer; now there is room
    }
    if (const auto last = writer.finish(); !last || last->persisted != 1'000) return 1;
  }

  auto durable = open(path);  // as after a crash: from what is on the disk
  if (!durable || durable->size() != 1'000) return 1;
  const auto record = durable->get(123);
  if (!record || !*record) return 1;
  const auto nearest = durable->index().search((*record)->vector, 1).front();
  std::printf("id %llu: %s, in transaction %llu of the store\n", static_cast<unsigned long long>(nearest.id),
              (*record)->metadata.c_str(), static_cast<unsigned long long>(durable->sequence()));
  std::filesystem::remove_all(folder);
  return nearest.id == 123 ? 0 : 1;
}
