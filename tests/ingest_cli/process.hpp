#pragma once
// shoal-ingest, or shoal-search, as a process of its own: its standard input and output are pipes held here. What it
// prints is read line by line, which is how tests know where it stands: nothing waits for a time.

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace support {

class Process {
 public:
  /// `file_limit`: bytes that a file may grow to; 0: any.
  explicit Process(const std::vector<std::string>& arguments, const std::string& error_file = "/dev/null",
                   rlim_t file_limit = 0, const char* program = SHOAL_INGEST_PROGRAM) {
    std::array<int, 2> in{};
    std::array<int, 2> out{};
    REQUIRE(pipe2(in.data(), O_CLOEXEC) == 0);
    REQUIRE(pipe2(out.data(), O_CLOEXEC) == 0);
    std::vector<char*> argv{const_cast<char*>(program)};
    for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    id_ = fork();
    REQUIRE(id_ >= 0);
    if (id_ == 0) {
      const int err = open(error_file.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
      dup2(in[0], STDIN_FILENO);
      dup2(out[1], STDOUT_FILENO);
      dup2(err, STDERR_FILENO);
      std::signal(SIGPIPE, SIG_DFL);
      const rlimit limit{file_limit, file_limit};
      if (file_limit != 0) setrlimit(RLIMIT_FSIZE, &limit);
      execv(program, argv.data());
      _exit(127);
    }
    close(in[0]);
    close(out[1]);
    in_ = in[1];
    out_ = out[0];
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process() {
    if (id_ > 0) {
      signal(SIGKILL);
      (void)wait();
    }
    end_input();
    close_output();
  }

  /// Writes to its standard input, as far as it reads.
  void write(std::string_view text) const {
    while (!text.empty()) {
      const ssize_t written = ::write(in_, text.data(), text.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return;
      text.remove_prefix(static_cast<std::size_t>(written));
    }
  }
  void end_input() {
    if (in_ >= 0) close(std::exchange(in_, -1));
  }
  void close_output() {
    if (out_ >= 0) close(std::exchange(out_, -1));
  }

  /// The next line that it prints; empty: there is none any more.
  [[nodiscard]] std::string read_line() {
    for (;;) {
      if (const auto end = output_.find('\n'); end != std::string::npos) {
        std::string line = output_.substr(0, end);
        output_.erase(0, end + 1);
        return line;
      }
      std::array<char, 4096> block{};
      const ssize_t got = ::read(out_, block.data(), block.size());
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return "";
      output_.append(block.data(), static_cast<std::size_t>(got));
    }
  }

  void signal(int signal) const { REQUIRE(kill(id_, signal) == 0); }

  /// The exit code; the negative signal where one ended it.
  [[nodiscard]] int wait() {
    int status = 0;
    while (waitpid(id_, &status, 0) < 0) REQUIRE(errno == EINTR);
    id_ = -1;
    return code_of(status);
  }
  /// The same without waiting; `still_runs`.
  [[nodiscard]] int try_wait() {
    int status = 0;
    if (waitpid(id_, &status, WNOHANG) != id_) return still_runs;
    id_ = -1;
    return code_of(status);
  }
  static constexpr int still_runs = 1000;

 private:
  static int code_of(int status) { return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status); }

  pid_t id_ = -1;
  int in_ = -1;
  int out_ = -1;
  std::string output_;
};

/// While it lives, a pipe that nobody reads is an error of a write, not the end of the tests.
class IgnoreBrokenPipes {
 public:
  IgnoreBrokenPipes() : previous_(std::signal(SIGPIPE, SIG_IGN)) {}
  IgnoreBrokenPipes(const IgnoreBrokenPipes&) = delete;
  IgnoreBrokenPipes& operator=(const IgnoreBrokenPipes&) = delete;
  ~IgnoreBrokenPipes() { std::signal(SIGPIPE, previous_); }

 private:
  using Handler = void (*)(int);
  Handler previous_;
};

}  // namespace support
