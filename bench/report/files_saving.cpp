// Saving and loading, library beside library.

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <rivals/saving_rival.hpp>

#include "files.hpp"
#include "require.hpp"
#include "scratch_folder.hpp"
#include "sets.hpp"
#include "stopwatch.hpp"
#include <shoal/io/file.hpp>

namespace shoal::report {

namespace {

constexpr std::size_t saved_rows = 100'000;
constexpr std::size_t saved_rows_when_quick = 2'000;
constexpr std::size_t saved_dimensions = 768;
constexpr std::size_t saved_ef_construction = 16;  // the links' number counts here, not which they are
constexpr std::size_t most_saving_rounds = 3;

/// Until the disk has the file and its name.
void sync(const std::filesystem::path& path) {
  detail::SystemFiles files;
  require(require(files.open(path.string())).sync());
  require(files.sync_folder(path.parent_path().string()));
}

double write_raw(const std::filesystem::path& path, const std::vector<std::byte>& bytes) {
  std::filesystem::remove(path);
  const WallClock clock;
  detail::SystemFiles files;
  auto file = require(files.create(path.string()));
  require(file.value().write(bytes.data(), bytes.size()));
  require(file->sync());
  return static_cast<double>(bytes.size()) / clock.seconds();
}
double read_raw(const std::filesystem::path& path, std::vector<std::byte>& bytes) {
  const WallClock clock;
  detail::SystemFiles files;
  require(require(files.open(path.string())).read_at(0, bytes.data(), bytes.size()));
  return static_cast<double>(bytes.size()) / clock.seconds();
}

struct Saved {
  std::unique_ptr<rivals::Rival> rival;
  std::filesystem::path path;

  [[nodiscard]] rivals::SavingRival& saving() const { return dynamic_cast<rivals::SavingRival&>(*rival); }
};

}  // namespace

SavingResult measure_saving(const std::vector<rivals::Library>& libraries, const rivals::Setup& setup,
                            const Options& options) {
  const std::size_t rows = options.at_most(options.quick ? saved_rows_when_quick : saved_rows);
  const datasets::Dataset set = make_set(rows, saved_dimensions, 20);
  const ScratchFolder folder(options.out);
  SavingResult result{set.name, set.base.rows, set.base.cols, file_system_of(folder.path()), {}, {}, {}};
  const rivals::FloatMatrix base{set.base.values.data(), set.base.rows, set.base.cols};
  std::vector<Saved> all;
  for (const rivals::Library& library : libraries) {
    Saved saved{library.make({.M = setup.M, .ef_construction = saved_ef_construction, .threads = 2}),
                folder.path() / fmt::format("{}.index", all.size())};
    if (dynamic_cast<rivals::SavingRival*>(saved.rival.get()) == nullptr) continue;
    fmt::print(stderr, "files: {}, to be saved\n", library.name);
    saved.rival->build(base);
    result.curves.push_back({library.name, 0, {}, {}, {}});
    all.push_back(std::move(saved));
  }
  std::vector<std::byte> raw;
  for (std::size_t round = 0; round < std::min(most_saving_rounds, options.search_rounds()); ++round) {
    fmt::print(stderr, "files: saving, round {}\n", round + 1);
    for (std::size_t i = 0; i < all.size(); ++i) {
      const WallClock saving;
      all[i].saving().save(all[i].path.string());
      result.curves[i].saved.push_back(saving.seconds());
      sync(all[i].path);
      result.curves[i].synced.push_back(saving.seconds());
      result.curves[i].file_bytes = static_cast<std::size_t>(std::filesystem::file_size(all[i].path));
      if (raw.empty()) raw.assign(result.curves[i].file_bytes, std::byte{0x5A});
      const WallClock loading;
      all[i].saving().load(all[i].path.string());
      result.curves[i].loaded.push_back(loading.seconds());
      std::filesystem::remove(all[i].path);
    }
    result.raw_write.push_back(write_raw(folder.path() / "raw", raw));
    result.raw_read.push_back(read_raw(folder.path() / "raw", raw));
  }
  return result;
}

}  // namespace shoal::report
