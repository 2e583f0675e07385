#include "search.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <utility>

#include "command_line.hpp"
#include "search_options.hpp"
#include "store.hpp"

namespace shoal::tools {

namespace {

constexpr const char* program = "shoal-search";
constexpr std::size_t usual_k = 10;

class Search {
 public:
  Search(const SearchProgramOptions& options, const Console& console) : options_(options), console_(console) {}

  int run() {
    std::optional<Inputs> inputs;
    if (options_.ids.empty()) {
      auto opened = Inputs::open(options_.files, options_.format, LineKind::query, console_);
      if (!opened) return complain(console_, program, opened.error(), bad_usage);
      inputs = *std::move(opened);
    }
    if (auto error = build()) return complain(console_, program, error->message(), store_failed);
    if (inputs) {
      answer_inputs(*inputs);
    } else {
      std::all_of(options_.ids.begin(), options_.ids.end(), [this](std::uint64_t id) { return answer_id(id); });
    }
    return code_;
  }

 private:
  [[nodiscard]] std::optional<Error> build() {
    const auto begun = std::chrono::steady_clock::now();
    AnnouncedWaits waits(console_.clock,
                         [this](const std::string& why) { say(console_, fmt::format("{}: {}", program, why)); });
    auto store = open_store({options_.store, console_.vfs}, {.read_only = true}, RetryPolicy(), waits, {});
    if (!store) return std::move(store).error();
    const std::size_t dimensions = store->dimensions();
    auto index = make_searchable(*std::move(store), options_.index);
    if (!index) return std::move(index).error();
    index_ = *std::move(index);
    if (!options_.is_quiet) {
      const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
      say(console_, fmt::format("{}: {} vectors of {} dimensions, {} in {:.3f} s", program, index_->size(), dimensions,
                                options_.index.is_exact ? "read" : "indexed", seconds));
    }
    return std::nullopt;
  }

  void answer_inputs(Inputs& inputs) {
    for (;;) {
      switch (inputs.next()) {
        case Inputs::Next::end:
        case Inputs::Next::interrupted: return;
        case Inputs::Next::bad: report(inputs.message()); break;
        case Inputs::Next::vector: {
          const JsonLine& line = inputs.line();
          if (line.k && *line.k == 0) {
            report(inputs.where() + ": k: expected at least 1, got 0");
            break;
          }
          auto found = find(line.vector, line.k, std::nullopt);
          if (!found) {
            report(inputs.where() + ": " + std::string(found.error().message()));
          } else if (!answer(inputs.position(), *found)) {
            return;
          }
        }
      }
    }
  }

  /// False: there is no use in going on.
  bool answer_id(std::uint64_t id) {
    auto record = index_->store().get(id);
    if (!record) return fail(record.error());
    if (!*record) {
      report(fmt::format("id {}: expected the id of a record in the store, there is none", id));
      return true;
    }
    auto found = find((*record)->vector, std::nullopt, id);
    if (!found) {
      report(fmt::format("id {}: {}", id, found.error().message()));
      return true;
    }
    return answer(id, *found);
  }

  [[nodiscard]] Searchable::Found find(std::span<const float> query, std::optional<std::uint64_t> asked_k,
                                       std::optional<std::uint64_t> without) const {
    std::optional<std::size_t> k = options_.k;
    if (asked_k) k = static_cast<std::size_t>(*asked_k);
    if (!k && !options_.radius) k = usual_k;
    // One more, for the record itself is not wanted.
    const std::size_t wanted = k ? std::min(*k, index_->size()) + (without ? 1 : 0) : 0;
    Searchable::Found found = options_.radius
                                  ? index_->within(query, *options_.radius, {.most = wanted, .ef = options_.ef})
                                  : index_->search(query, {.k = wanted, .ef = options_.ef});
    if (!found || !without) return found;
    std::erase_if(*found, [&](const auto& neighbor) { return neighbor.id == *without; });
    if (k && found->size() > *k) found->resize(*k);
    return found;
  }

  /// Prints a line. False: there is no use in going on.
  bool answer(std::uint64_t query, const std::vector<Neighbor<std::uint64_t>>& found) {
    std::string line = fmt::format("{{\"query\":{},\"neighbors\":[", query);
    for (const auto& neighbor : found) {
      auto record = index_->store().get(neighbor.id);
      if (!record) return fail(record.error());
      std::string metadata = *record && !(*record)->metadata.empty() ? (*record)->metadata : "null";
      // What was written by others may have line breaks, between its values: inside of text JSON allows none.
      std::replace_if(
          metadata.begin(), metadata.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
      line += fmt::format("{}{{\"id\":{},\"distance\":{},\"metadata\":{}}}", line.back() == '[' ? "" : ",", neighbor.id,
                          neighbor.distance, metadata);
    }
    line += "]}\n";
    if (print_now(console_, line)) return true;
    code_ = complain(console_, program, output_lost_message, output_lost);
    return false;
  }

  bool fail(const Error& error) {
    code_ = complain(console_, program, error.message(), store_failed);
    return false;
  }
  void report(const std::string& message) { code_ = complain(console_, program, message, bad_input); }

  const SearchProgramOptions& options_;
  const Console& console_;
  std::unique_ptr<Searchable> index_;
  int code_ = success;
};

}  // namespace

int run_search(const std::vector<std::string>& arguments, const Console& console) {
  try {
    const auto options = parse_search_options(arguments, console);
    return options ? Search(*options, console).run() : options.error();
  } catch (const std::bad_alloc&) {
    return complain(console, program, "not enough memory; --storage sq8 takes a quarter", store_failed);
  } catch (const std::exception& error) {
    return complain(console, program, error.what(), store_failed);
  }
}

}  // namespace shoal::tools
