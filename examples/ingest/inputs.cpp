#include "inputs.hpp"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "line_reader.hpp"
#include "row_file.hpp"

namespace shoal::tools {

namespace {

/// A descriptor that is closed, unless it was lent.
class Descriptor {
 public:
  explicit Descriptor(int number, bool is_ours) : number_(number), is_ours_(is_ours) {}
  Descriptor(Descriptor&& other) noexcept : number_(other.number_), is_ours_(std::exchange(other.is_ours_, false)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    std::swap(is_ours_, other.is_ours_);
    return *this;
  }
  ~Descriptor() {
    if (is_ours_) ::close(number_);
  }
  [[nodiscard]] int number() const noexcept { return number_; }

 private:
  int number_;
  bool is_ours_;
};

/// By the name's ending; a name without one (a pipe of the shell, /dev/stdin) is taken for lines.
Expected<InputFormat, std::string> format_of(const std::string& name) {
  std::string ending = name == "-" ? "" : std::filesystem::path(name).extension().string();
  for (char& c : ending) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  if (ending.empty() || ending == ".jsonl" || ending == ".ndjson" || ending == ".json") return InputFormat::json_lines;
  if (ending == ".npy") return InputFormat::npy;
  if (ending == ".fvecs") return InputFormat::fvecs;
  return Unexpected<std::string>(datasets::shown(name) +
                                 ": expected a name in .jsonl, .npy or .fvecs; say what it is with --format");
}

}  // namespace

struct Inputs::Input {
  std::string name;  // as messages show it
  std::optional<Descriptor> descriptor{};
  std::optional<LineReader> lines{};
  std::optional<RowFile> rows{};
};

Inputs::Inputs(std::vector<Input> inputs, LineKind kind) : inputs_(std::move(inputs)), kind_(kind) {}
Inputs::Inputs(Inputs&&) noexcept = default;
Inputs& Inputs::operator=(Inputs&&) noexcept = default;
Inputs::~Inputs() = default;

Expected<Inputs, std::string> Inputs::open(const std::vector<std::string>& names, InputFormat wanted, LineKind kind,
                                           const Console& console) {
  const auto fail = [](std::string message) { return Unexpected<std::string>(std::move(message)); };
  std::vector<Input> inputs;
  bool reads_standard_input = false;
  for (const std::string& name : names) {
    InputFormat format = wanted;
    if (format == InputFormat::by_name) {
      auto found = format_of(name);
      if (!found) return fail(std::move(found).error());
      format = *found;
    }
    Input input{.name = name == "-" ? "standard input" : datasets::shown(name)};
    if (name == "-" && std::exchange(reads_standard_input, true)) return fail("expected - once, got it twice");
    if (format == InputFormat::json_lines) {
      const int number = name == "-" ? console.in : ::open(name.c_str(), O_RDONLY | O_CLOEXEC);
      if (number < 0) return fail(input.name + ": cannot be opened (" + std::generic_category().message(errno) + ")");
      input.descriptor.emplace(number, name != "-");
      struct stat status {};
      if (::fstat(number, &status) == 0 && S_ISDIR(status.st_mode)) {
        return fail(input.name + ": expected a file, came a directory");
      }
      input.lines.emplace(number, console.interrupt);
    } else {
      if (name == "-") return fail("standard input: expected JSON lines; .npy and .fvecs are read from files");
      auto rows = RowFile::open(name, format == InputFormat::npy ? RowFile::Format::npy : RowFile::Format::fvecs);
      if (!rows) return fail(std::move(rows).error());
      input.rows = *std::move(rows);
    }
    inputs.push_back(std::move(input));
  }
  return Inputs(std::move(inputs), kind);
}

Inputs::Next Inputs::next() {
  while (current_ < inputs_.size()) {
    Input& input = inputs_[current_];
    const Next next = input.lines ? next_line(input) : next_row(input);
    if (next != Next::end) return next;
    ++current_;
  }
  return Next::end;
}

Inputs::Next Inputs::next_line(Input& input) {
  is_row_ = false;
  for (;;) {
    const LineReader::Next next = input.lines->next();
    position_ = input.lines->number();
    switch (next) {
      case LineReader::Next::end: return Next::end;
      case LineReader::Next::interrupted: return Next::interrupted;
      case LineReader::Next::failed:
        message_ = input.name + ": cannot be read: " + input.lines->message();
        ++current_;
        return Next::bad;
      case LineReader::Next::too_long:
        message_ = where() + ": expected a line of at most " + std::to_string(LineReader::usual_max_line_bytes) +
                   " bytes, got a longer one";
        return Next::bad;
      case LineReader::Next::line: break;
    }
    if (is_blank(input.lines->line())) continue;
    auto parsed = parse_json_line(input.lines->line(), kind_);
    if (!parsed) {
      message_ = where() + ": " + parsed.error();
      return Next::bad;
    }
    line_ = *std::move(parsed);
    return Next::vector;
  }
}

Inputs::Next Inputs::next_row(Input& input) {
  is_row_ = true;
  position_ = input.rows->next_row();
  line_ = {};
  auto read = input.rows->next(line_.vector);
  if (!read) {
    message_ = std::move(read).error();
    ++current_;
    return Next::bad;
  }
  return *read ? Next::vector : Next::end;
}

std::string Inputs::where() const {
  if (current_ == inputs_.size()) return "the end";
  return inputs_[current_].name + (is_row_ ? ": row " : ":") + std::to_string(position_);
}

std::optional<std::uint64_t> Inputs::total() const {
  std::uint64_t total = 0;
  for (const Input& input : inputs_) {
    if (!input.rows) return std::nullopt;
    total += input.rows->rows();
  }
  return total;
}

bool Inputs::has_rows() const {
  return std::any_of(inputs_.begin(), inputs_.end(), [](const Input& input) { return input.rows.has_value(); });
}

std::optional<std::string> Inputs::find_other_width(std::size_t dimensions) const {
  for (const Input& input : inputs_) {
    if (!input.rows || input.rows->width() == dimensions) continue;
    return input.name + ": expected rows of " + std::to_string(dimensions) + " components, got " +
           std::to_string(input.rows->width());
  }
  return std::nullopt;
}

}  // namespace shoal::tools
