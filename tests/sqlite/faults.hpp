#pragma once
// Faults below and inside SQLite, each with one interface: `fail(k, forever)` lets k steps succeed and the next one
// fail, or all from there on; `stop()` ends that and tells whether something failed.
//
// For one file of a program: it replaces SQLite's allocator, operator new, and functions of SQLite, which the linker
// sends here (--wrap, tests/CMakeLists.txt). They fail on the thread that asked for it.

#include <cstddef>
#include <cstdint>

#include <sqlite3.h>

#include "counting_new.hpp"
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

inline thread_local Countdown sqlite_allocations;  // by SQLite's own malloc
inline thread_local Countdown sqlite_calls;        // of sqlite3_open_v2, prepare_v3, bind_*, step
inline thread_local int failing_call_code = SQLITE_IOERR_READ;

inline sqlite3_mem_methods& real_memory() {
  static sqlite3_mem_methods methods;
  return methods;
}

// Before main, and so before anything starts SQLite. Small blocks must come from malloc too, to fail.
[[maybe_unused]] inline const bool memory_can_fail = [] {
  sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real_memory());
  sqlite3_mem_methods failing = real_memory();
  failing.xMalloc = [](int bytes) -> void* {
    return sqlite_allocations.step() ? nullptr : real_memory().xMalloc(bytes);
  };
  failing.xRealloc = [](void* memory, int bytes) -> void* {
    return sqlite_allocations.step() ? nullptr : real_memory().xRealloc(memory, bytes);
  };
  sqlite3_config(SQLITE_CONFIG_MALLOC, &failing);
  sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0);
  return true;
}();

/// Allocations by operator new.
struct NewAllocations {
  void fail(std::int64_t allowed, bool forever) {
    allocation_counts().failed = false;
    allocation_counts().fail_forever = forever;
    allocation_counts().fail_after = static_cast<std::size_t>(allowed);
  }
  bool stop() { return FailingAllocations::stop(); }
};

struct SqliteMemory {
  void fail(std::int64_t allowed, bool forever) { sqlite_allocations.fail(allowed, forever); }
  bool stop() { return sqlite_allocations.stop(); }
};

struct SqliteCalls {
  int code;
  void fail(std::int64_t allowed, bool forever) {
    failing_call_code = code;
    sqlite_calls.fail(allowed, forever);
  }
  bool stop() { return sqlite_calls.stop(); }
};

struct FileFaults {
  FaultyVfs& vfs;
  FaultyVfs::Kind kind = FaultyVfs::Kind::natural;
  void fail(std::int64_t allowed, bool forever) { vfs.fail(allowed, forever, kind); }
  bool stop() { return vfs.stop(); }
};

}  // namespace support

// NOLINTBEGIN(bugprone-reserved-identifier,misc-definitions-in-headers)
extern "C" {
int __real_sqlite3_open_v2(const char*, sqlite3**, int, const char*);
int __real_sqlite3_prepare_v3(sqlite3*, const char*, int, unsigned, sqlite3_stmt**, const char**);
int __real_sqlite3_step(sqlite3_stmt*);
int __real_sqlite3_bind_int64(sqlite3_stmt*, int, sqlite3_int64);
int __real_sqlite3_bind_blob64(sqlite3_stmt*, int, const void*, sqlite3_uint64, void (*)(void*));
int __real_sqlite3_bind_text64(sqlite3_stmt*, int, const char*, sqlite3_uint64, void (*)(void*), unsigned char);

int __wrap_sqlite3_open_v2(const char* path, sqlite3** db, int flags, const char* vfs) {
  if (!support::sqlite_calls.step()) return __real_sqlite3_open_v2(path, db, flags, vfs);
  *db = nullptr;
  return support::failing_call_code;
}
int __wrap_sqlite3_prepare_v3(sqlite3* db, const char* sql, int bytes, unsigned flags, sqlite3_stmt** statement,
                              const char** tail) {
  if (!support::sqlite_calls.step()) return __real_sqlite3_prepare_v3(db, sql, bytes, flags, statement, tail);
  *statement = nullptr;
  return support::failing_call_code;
}
int __wrap_sqlite3_step(sqlite3_stmt* statement) {
  return support::sqlite_calls.step() ? support::failing_call_code : __real_sqlite3_step(statement);
}
int __wrap_sqlite3_bind_int64(sqlite3_stmt* statement, int position, sqlite3_int64 value) {
  return support::sqlite_calls.step() ? support::failing_call_code
                                      : __real_sqlite3_bind_int64(statement, position, value);
}
int __wrap_sqlite3_bind_blob64(sqlite3_stmt* statement, int position, const void* data, sqlite3_uint64 bytes,
                               void (*release)(void*)) {
  return support::sqlite_calls.step() ? support::failing_call_code
                                      : __real_sqlite3_bind_blob64(statement, position, data, bytes, release);
}
int __wrap_sqlite3_bind_text64(sqlite3_stmt* statement, int position, const char* text, sqlite3_uint64 bytes,
                               void (*release)(void*), unsigned char encoding) {
  return support::sqlite_calls.step() ? support::failing_call_code
                                      : __real_sqlite3_bind_text64(statement, position, text, bytes, release, encoding);
}
}
// NOLINTEND(bugprone-reserved-identifier,misc-definitions-in-headers)
