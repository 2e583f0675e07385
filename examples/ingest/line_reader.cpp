#include "line_reader.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

#include <poll.h>
#include <unistd.h>

namespace shoal::tools {

namespace {

constexpr std::size_t block_bytes = std::size_t{1} << 16U;

}  // namespace

LineReader::LineReader(int descriptor, const Interrupt* interrupt, std::size_t max_line_bytes)
    : descriptor_(descriptor), interrupt_(interrupt), max_line_bytes_(max_line_bytes) {}

LineReader::Next LineReader::next() {
  bool is_too_long = false;
  std::size_t searched = begin_;
  for (;;) {
    if (interrupt_ != nullptr && interrupt_->stop_requested()) return Next::interrupted;
    const char* const data = buffer_.data();
    const void* const newline = end_ == searched ? nullptr : std::memchr(data + searched, '\n', end_ - searched);
    const std::size_t line_end =
        newline == nullptr ? end_ : static_cast<std::size_t>(static_cast<const char*>(newline) - data);
    is_too_long = is_too_long || line_end - begin_ > max_line_bytes_;
    Next more = Next::line;
    if (newline == nullptr) {
      if (is_too_long) end_ = begin_;  // nothing of it is kept
      searched = end_;
      const std::size_t held = end_ - begin_;
      more = read_more();
      searched = begin_ + held;  // what is held may have moved
      if (more == Next::line) continue;
      if (more != Next::end || (held == 0 && !is_too_long)) return more;
    }
    ++number_;
    line_ = std::string_view(buffer_.data() + begin_, (newline == nullptr ? end_ : line_end) - begin_);
    if (!line_.empty() && line_.back() == '\r') line_.remove_suffix(1);
    begin_ = newline == nullptr ? end_ : line_end + 1;
    return is_too_long ? Next::too_long : Next::line;
  }
}

LineReader::Next LineReader::read_more() {
  if (begin_ != 0) {
    std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_),
              buffer_.begin() + static_cast<std::ptrdiff_t>(end_), buffer_.begin());
    end_ -= begin_;
    begin_ = 0;
  }
  if (buffer_.size() - end_ < block_bytes) buffer_.resize(std::max(buffer_.size() * 2, end_ + block_bytes));
  for (;;) {
    // poll() passes over a descriptor of -1.
    std::array<pollfd, 2> wait{
        {{descriptor_, POLLIN, 0}, {interrupt_ == nullptr ? -1 : interrupt_->descriptor(), POLLIN, 0}}};
    int failed = ::poll(wait.data(), wait.size(), -1) < 0 ? errno : 0;
    if (interrupt_ != nullptr && interrupt_->stop_requested()) return Next::interrupted;
    if (failed == 0) {
      const ssize_t got = ::read(descriptor_, buffer_.data() + end_, buffer_.size() - end_);
      if (got == 0) return Next::end;
      if (got > 0) {
        end_ += static_cast<std::size_t>(got);
        return Next::line;
      }
      failed = errno;
    }
    if (failed != EINTR && failed != EAGAIN) {
      message_ = std::generic_category().message(failed);
      return Next::failed;
    }
  }
}

}  // namespace shoal::tools
