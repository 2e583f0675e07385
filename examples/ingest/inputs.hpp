#pragma once
// The inputs of a run, one behind the other, as one stream of vectors: JSON lines from files, pipes or standard input,
// rows of .npy and .fvecs files. All files are opened before the first is read, so that a wrong name costs nothing.
// What is bad is told with where it stands, and does not end the stream: the caller decides.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "console.hpp"
#include "json_line.hpp"

namespace shoal::tools {

enum class InputFormat { by_name, json_lines, npy, fvecs };

class Inputs {
 public:
  enum class Next {
    vector,       ///< `line()` has it.
    bad,          ///< `message()` says what and where; there may be more.
    interrupted,  ///< A signal came.
    end,
  };

  /// "-" is standard input. *Errors*: one line: no such file, no telling its format, a head that is not right.
  [[nodiscard]] static Expected<Inputs, std::string> open(const std::vector<std::string>& names, InputFormat format,
                                                          LineKind kind, const Console& console);

  Inputs(Inputs&&) noexcept;
  Inputs& operator=(Inputs&&) noexcept;
  ~Inputs();

  [[nodiscard]] Next next();

  /// What came; of a row no more than the vector.
  [[nodiscard]] JsonLine& line() noexcept { return line_; }
  /// "FILE:LINE: what is wrong", one line.
  [[nodiscard]] const std::string& message() const noexcept { return message_; }
  /// Where the last vector stood: "FILE:LINE", "FILE: row 7".
  [[nodiscard]] std::string where() const;
  /// The line (from 1) or the row (from 0) in its file.
  [[nodiscard]] std::uint64_t position() const noexcept { return position_; }
  /// Whether the last vector was a row, without an id.
  [[nodiscard]] bool is_row() const noexcept { return is_row_; }

  /// How many vectors will come; nothing where lines are read.
  [[nodiscard]] std::optional<std::uint64_t> total() const;
  /// Whether rows, which have no ids, are among what is read.
  [[nodiscard]] bool has_rows() const;
  /// What is wrong with the first file whose rows have other than so many components, if there is one.
  [[nodiscard]] std::optional<std::string> find_other_width(std::size_t dimensions) const;

 private:
  struct Input;

  Inputs(std::vector<Input> inputs, LineKind kind);

  [[nodiscard]] Next next_line(Input& input);
  [[nodiscard]] Next next_row(Input& input);

  std::vector<Input> inputs_;
  LineKind kind_;
  std::size_t current_ = 0;
  std::uint64_t position_ = 0;
  bool is_row_ = false;
  JsonLine line_;
  std::string message_;
};

}  // namespace shoal::tools
