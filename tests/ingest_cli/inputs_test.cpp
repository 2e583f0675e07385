// Inputs: lines, however they end and however they come; rows of .npy and .fvecs files; several behind each other.

#include <csignal>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include <content_hash.hpp>
#include <doctest/doctest.h>
#include <inputs.hpp>
#include <line_reader.hpp>
#include <row_file.hpp>
#include <unistd.h>

#include "support.hpp"

namespace {

using shoal::tools::InputFormat;
using shoal::tools::Inputs;
using shoal::tools::LineKind;
using shoal::tools::LineReader;
using shoal::tools::RowFile;
using support::TemporaryFolder;

/// A pipe; who holds it writes to `to`, and closes it.
struct Pipe {
  int from = -1;
  int to = -1;
  Pipe() {
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    from = ends[0];
    to = ends[1];
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    close(from);
    if (to >= 0) close(to);
  }
  void write(const std::string& text) const {
    REQUIRE(::write(to, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }
  void end() {
    close(to);
    to = -1;
  }
};

std::vector<std::string> all_lines(const std::string& text, std::size_t most = LineReader::usual_max_line_bytes) {
  const Pipe pipe;
  std::thread writer([&] {
    std::size_t at = 0;
    while (at < text.size()) {
      const ssize_t written = ::write(pipe.to, text.data() + at, text.size() - at);
      if (written <= 0) break;
      at += static_cast<std::size_t>(written);
    }
    const_cast<Pipe&>(pipe).end();
  });
  LineReader reader(pipe.from, nullptr, most);
  std::vector<std::string> lines;
  for (;;) {
    const auto next = reader.next();
    if (next == LineReader::Next::end) break;
    REQUIRE((next == LineReader::Next::line || next == LineReader::Next::too_long));
    lines.push_back(next == LineReader::Next::line ? std::string(reader.line()) : "(too long)");
    CHECK(reader.number() == lines.size());
  }
  CHECK(reader.next() == LineReader::Next::end);
  writer.join();
  return lines;
}

TEST_CASE("lines end with a line feed, with or without a carriage return, or with the input") {
  using Lines = std::vector<std::string>;
  CHECK(all_lines("") == Lines{});
  CHECK(all_lines("a") == Lines{"a"});
  CHECK(all_lines("a\nb\r\n\r\n\nc") == Lines{"a", "b", "", "", "c"});
  CHECK(all_lines("a\rb\n") == Lines{"a\rb"});
  CHECK(all_lines("\n") == Lines{""});
}

TEST_CASE("lines of any length are the same however they are cut into reads") {
  std::string text;
  std::vector<std::string> lines;
  for (const std::size_t length : std::vector<std::size_t>{0, 1, 65'535, 65'536, 65'537, 7, 300'000, 0, 131'072, 3}) {
    lines.emplace_back(length, static_cast<char>('a' + lines.size()));
    text += lines.back() + "\n";
  }
  CHECK(all_lines(text) == lines);
}

TEST_CASE("a line that is too long is passed over, and the next ones are read") {
  using Lines = std::vector<std::string>;
  CHECK(all_lines("12345\n123456\n12345", 5) == Lines{"12345", "(too long)", "12345"});
  CHECK(all_lines(std::string(1'000'000, 'x') + "\nnext\n" + std::string(1'000'000, 'x'), 1000) ==
        Lines{"(too long)", "next", "(too long)"});
}

TEST_CASE("waiting for a line ends when a signal comes") {
  const Pipe pipe;
  const shoal::tools::Interrupt interrupt;
  LineReader reader(pipe.from, &interrupt);
  pipe.write("one\nhalf of tw");
  CHECK(reader.next() == LineReader::Next::line);
  CHECK(reader.line() == "one");
  std::thread other([] { kill(getpid(), SIGTERM); });
  CHECK(reader.next() == LineReader::Next::interrupted);
  CHECK(reader.next() == LineReader::Next::interrupted);
  other.join();
  CHECK(interrupt.signal() == SIGTERM);
}

TEST_CASE("signals are handled as before when nobody asks any more, and those that were ignored stay so") {
  const auto handler_of = [](int signal) {
    struct sigaction action {};
    sigaction(signal, nullptr, &action);
    return action.sa_handler;
  };
  const auto of_term = handler_of(SIGTERM);
  const auto of_int = std::signal(SIGINT, SIG_IGN);
  {
    const shoal::tools::Interrupt interrupt;
    std::raise(SIGINT);
    CHECK(interrupt.signal() == 0);
    std::raise(SIGTERM);
    CHECK(interrupt.signal() == SIGTERM);
    CHECK(interrupt.stop_requested());
    CHECK((handler_of(SIGTERM) == SIG_DFL));  // a second one ends the program
  }
  CHECK((handler_of(SIGTERM) == of_term));
  CHECK((std::signal(SIGINT, of_int) == SIG_IGN));
}

// --- rows ---

using Rows = std::vector<std::vector<float>>;

struct Read {
  Rows rows;
  std::string message;  // of the end; empty: all is well
};

Read read_rows(const std::filesystem::path& path, RowFile::Format format) {
  auto file = RowFile::open(path, format);
  if (!file) return {{}, support::message_of(file)};
  Read read;
  std::vector<float> row;
  for (;;) {
    CHECK(file->next_row() == read.rows.size());
    auto next = file->next(row);
    if (!next) {
      read.message = support::message_of(next);
      return read;
    }
    if (!*next) {
      CHECK(file->rows() == read.rows.size());
      return read;
    }
    read.rows.push_back(row);
  }
}
Read read_npy(const TemporaryFolder& folder, const std::string& header, const std::string& values) {
  return read_rows(folder.write("a.npy", support::npy(header, values)), RowFile::Format::npy);
}

TEST_CASE("rows of .npy files of every type that is taken come one by one") {
  const TemporaryFolder folder;
  const auto header = [](const char* type) { return support::npy_header(type, "(2, 3)"); };
  const Rows rows{{1, 2, 3}, {4, 5, 6}};
  CHECK(read_npy(folder, header("<f4"), support::bytes_of<float>({1, 2, 3, 4, 5, 6})).rows == rows);
  CHECK(read_npy(folder, header("<f8"), support::bytes_of<double>({1, 2, 3, 4, 5, 6})).rows == rows);
  CHECK(read_npy(folder, header("|u1"), support::bytes_of<std::uint8_t>({1, 2, 3, 4, 5, 6})).rows == rows);
  CHECK(read_npy(folder, header("|i1"), support::bytes_of<std::int8_t>({1, 2, 3, 4, 5, 6})).rows == rows);
}

TEST_CASE("other .npy files are refused before a row is read, in words that help") {
  const TemporaryFolder folder;
  const std::string values = support::bytes_of<float>({1, 2, 3, 4, 5, 6});
  const auto message = [&](const std::string& header, const std::string& bytes) {
    const Read read = read_npy(folder, header, bytes);
    CHECK(read.rows.empty());
    return read.message;
  };
  support::check_message(message(support::npy_header(">f4", "(2, 3)"), values),
                         {"a.npy", "big-endian", "astype('<f4')"});
  support::check_message(message(support::npy_header("<i8", "(1, 3)"), values), {"float32, float64", "'<i8'"});
  support::check_message(message(support::npy_header("<f2", "(4, 3)"), values), {"float32, float64", "'<f2'"});
  support::check_message(message(support::npy_header("<f4", "(2, 3)", "True"), values),
                         {"Fortran", "ascontiguousarray"});
  support::check_message(message(support::npy_header("<f4", "(6,)"), values), {"expected 2 dimensions"});
  support::check_message(message(support::npy_header("<f4", "(3, 3)"), values), {"cut off"});
  support::check_message(message(support::npy_header("<f4", "(1, 3)"), values), {"trailing bytes"});
  support::check_message(read_rows(folder.write("b.npy", "no array"), RowFile::Format::npy).message,
                         {"not a .npy file"});
  support::check_message(read_rows(folder.path() / "absent.npy", RowFile::Format::npy).message, {"no such file"});
}

TEST_CASE("rows of .fvecs files come one by one, also those of another length") {
  const TemporaryFolder folder;
  const auto read = [&](const std::string& bytes) {
    return read_rows(folder.write("a.fvecs", bytes), RowFile::Format::fvecs);
  };
  const Rows rows{{1, 2, 3}, {4, 5, 6}};
  CHECK(read(support::vecs(rows)).rows == rows);
  // The third row has as many bytes as others, so that the count by size is right again.
  auto changing =
      RowFile::open(folder.write("b.fvecs", support::vecs<float>({{1, 2}, {3, 4, 5}, {6}})), RowFile::Format::fvecs);
  REQUIRE(changing.has_value());
  std::vector<float> row;
  for (const auto& expected : Rows{{1, 2}, {3, 4, 5}, {6}}) {
    REQUIRE(changing->next(row).value());
    CHECK(row == expected);
  }
  CHECK(!changing->next(row).value());
}

TEST_CASE("a .fvecs file that is cut off or damaged gives the rows before") {
  const TemporaryFolder folder;
  const auto read = [&](const std::string& bytes) {
    return read_rows(folder.write("a.fvecs", bytes), RowFile::Format::fvecs);
  };
  const Rows rows{{1, 2, 3}, {4, 5, 6}};
  const std::string bytes = support::vecs(rows);
  for (std::size_t size = 17; size < bytes.size(); ++size) {
    CAPTURE(size);
    const Read cut = read(bytes.substr(0, size));
    CHECK(cut.rows == Rows{{1, 2, 3}});
    support::check_message(cut.message, {"a.fvecs", "row 1", "cut off"});
  }
  for (std::int32_t length : {0, -3, 2'000'000'000}) {
    CAPTURE(length);
    const Read damaged = read(support::vecs<float>({{1, 2, 3}}) + support::bytes_of<std::int32_t>({length, 0, 0, 0}));
    CHECK(damaged.rows == Rows{{1, 2, 3}});
    support::check_message(damaged.message, {"row 1 at offset 16", std::to_string(length)});
  }
}

// --- several ---

TEST_CASE("files follow each other, and each vector knows where it stood") {
  const TemporaryFolder folder;
  const auto a = folder.write("a.fvecs", support::vecs<float>({{1}, {2}}));
  const auto b = folder.write("b.jsonl", "\n {\"id\":5,\"vector\":[3]}\nbad\n");
  const auto c =
      folder.write("c.npy", support::npy(support::npy_header("<f4", "(1, 1)"), support::bytes_of<float>({4})));
  auto inputs = Inputs::open({a.string(), b.string(), c.string()}, InputFormat::by_name, LineKind::record, {});
  REQUIRE(inputs.has_value());
  CHECK(!inputs->total());
  const auto expect = [&](float value, bool is_row, const std::string& where) {
    REQUIRE(inputs->next() == Inputs::Next::vector);
    CHECK(inputs->line().vector == std::vector<float>{value});
    CHECK(inputs->is_row() == is_row);
    CHECK(inputs->where() == where);
  };
  expect(1, true, a.string() + ": row 0");
  expect(2, true, a.string() + ": row 1");
  expect(3, false, b.string() + ":2");
  CHECK(inputs->next() == Inputs::Next::bad);
  CHECK(support::contains(inputs->message(), b.string() + ":3: JSON at byte 1"));
  expect(4, true, c.string() + ": row 0");
  CHECK(inputs->next() == Inputs::Next::end);
  CHECK(inputs->next() == Inputs::Next::end);
}

TEST_CASE("the rows of files are known before they are read") {
  const TemporaryFolder folder;
  const auto a = folder.write("a.fvecs", support::vecs<float>({{1}, {2}})).string();
  const auto c =
      folder.write("c.npy", support::npy(support::npy_header("<f4", "(3, 1)"), support::bytes_of<float>({4, 5, 6})));
  auto inputs = Inputs::open({a, c.string(), a}, InputFormat::by_name, LineKind::record, {});
  REQUIRE(inputs.has_value());
  CHECK(inputs->total() == 7);
}

TEST_CASE("a content hash tells apart what differs in vector or metadata, and nothing else") {
  using shoal::tools::content_hash;
  const std::vector<float> vector{1, 2};
  CHECK(content_hash(vector, "{}") == content_hash(std::vector<float>{1, 2}, "{}"));
  CHECK(content_hash(vector, "{}") != content_hash(std::vector<float>{1, 3}, "{}"));
  CHECK(content_hash(vector, "{}") != content_hash(std::vector<float>{1}, "{}"));
  CHECK(content_hash(vector, "{}") != content_hash(vector, ""));
  // The bytes of the second component as metadata.
  const float two = 2;
  const std::string bytes = support::bytes_of<float>({two});
  CHECK(content_hash(vector, "") != content_hash(std::vector<float>{1}, bytes));
  // Fixed for ever: stores keep it.
  CHECK(content_hash(vector, R"({"a":1})") == "xxh3:f31f3039f6a58c464318bdf9953f3b31");
}

}  // namespace
