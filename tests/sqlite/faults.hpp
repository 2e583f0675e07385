#pragma once
// Faults below and inside SQLite, each with one interface: `fail(k, forever)` lets k steps succeed and the next one
// fail, or all from there on; `stop()` ends that and tells whether something failed.
//
// Allocations of SQLite and calls of its functions fail for the whole program, on the thread that asked for it:
// faults.cpp sets that up.

#include <cstdint>

#include "faulty_vfs.hpp"

namespace support {

/// Counts down, and says when it is time to fail.
struct Countdown {
  static constexpr std::int64_t never = -1;

  std::int64_t allowed = never;
  bool forever = false;
  bool failed = false;

  void fail(std::int64_t after, bool from_then_on) { *this = {after, from_then_on, false}; }
  bool stop() {
    allowed = never;
    return failed;
  }
  /// True when this step is to fail.
  bool step() {
    if (allowed == never) return false;
    if (allowed > 0) {
      --allowed;
      return false;
    }
    failed = true;
    if (!forever) allowed = never;
    return true;
  }
};

/// Allocations that SQLite makes, by its own malloc.
Countdown& sqlite_allocations();

/// Calls of sqlite3_open_v2, prepare_v3, bind_*, step; `failing_call_code` is what they return.
Countdown& sqlite_calls();
inline int& failing_call_code() {
  static int code = SQLITE_IOERR_READ;
  return code;
}

/// Allocations by operator new.
struct NewAllocations {
  void fail(std::int64_t allowed, bool forever);
  bool stop();
};

struct FileFaults {
  FaultyVfs& vfs;
  FaultyVfs::Kind kind = FaultyVfs::Kind::natural;
  void fail(std::int64_t allowed, bool forever) { vfs.fail(allowed, forever, kind); }
  bool stop() { return vfs.stop(); }
};

}  // namespace support
