#include "faults.hpp"

#include <cstddef>
#include <cstdint>

#include <sqlite3.h>

#include "counting_new.hpp"

namespace support {

namespace {

thread_local Countdown allocations;
thread_local Countdown calls;

sqlite3_mem_methods real_memory;

// Before main, and so before anything starts SQLite. Small blocks must come from malloc too, to fail.
[[maybe_unused]] const bool installed = [] {
  sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real_memory);
  sqlite3_mem_methods failing = real_memory;
  failing.xMalloc = [](int bytes) -> void* { return allocations.step() ? nullptr : real_memory.xMalloc(bytes); };
  failing.xRealloc = [](void* memory, int bytes) -> void* {
    return allocations.step() ? nullptr : real_memory.xRealloc(memory, bytes);
  };
  sqlite3_config(SQLITE_CONFIG_MALLOC, &failing);
  sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0);
  return true;
}();

}  // namespace

Countdown& sqlite_allocations() { return allocations; }
Countdown& sqlite_calls() { return calls; }

void NewAllocations::fail(std::int64_t allowed, bool forever) {
  allocation_counts().failed = false;
  allocation_counts().fail_forever = forever;
  allocation_counts().fail_after = static_cast<std::size_t>(allowed);
}
bool NewAllocations::stop() { return FailingAllocations::stop(); }

}  // namespace support

// NOLINTBEGIN(bugprone-reserved-identifier)
// The linker sends calls of these names here (--wrap, tests/CMakeLists.txt).
extern "C" {
int __real_sqlite3_open_v2(const char*, sqlite3**, int, const char*);
int __real_sqlite3_prepare_v3(sqlite3*, const char*, int, unsigned, sqlite3_stmt**, const char**);
int __real_sqlite3_step(sqlite3_stmt*);
int __real_sqlite3_bind_int64(sqlite3_stmt*, int, sqlite3_int64);
int __real_sqlite3_bind_blob64(sqlite3_stmt*, int, const void*, sqlite3_uint64, void (*)(void*));
int __real_sqlite3_bind_text64(sqlite3_stmt*, int, const char*, sqlite3_uint64, void (*)(void*), unsigned char);

int __wrap_sqlite3_open_v2(const char* path, sqlite3** db, int flags, const char* vfs) {
  if (!support::calls.step()) return __real_sqlite3_open_v2(path, db, flags, vfs);
  *db = nullptr;
  return support::failing_call_code();
}
int __wrap_sqlite3_prepare_v3(sqlite3* db, const char* sql, int bytes, unsigned flags, sqlite3_stmt** statement,
                              const char** tail) {
  if (!support::calls.step()) return __real_sqlite3_prepare_v3(db, sql, bytes, flags, statement, tail);
  *statement = nullptr;
  return support::failing_call_code();
}
int __wrap_sqlite3_step(sqlite3_stmt* statement) {
  return support::calls.step() ? support::failing_call_code() : __real_sqlite3_step(statement);
}
int __wrap_sqlite3_bind_int64(sqlite3_stmt* statement, int position, sqlite3_int64 value) {
  return support::calls.step() ? support::failing_call_code() : __real_sqlite3_bind_int64(statement, position, value);
}
int __wrap_sqlite3_bind_blob64(sqlite3_stmt* statement, int position, const void* data, sqlite3_uint64 bytes,
                               void (*release)(void*)) {
  return support::calls.step() ? support::failing_call_code()
                               : __real_sqlite3_bind_blob64(statement, position, data, bytes, release);
}
int __wrap_sqlite3_bind_text64(sqlite3_stmt* statement, int position, const char* text, sqlite3_uint64 bytes,
                               void (*release)(void*), unsigned char encoding) {
  return support::calls.step() ? support::failing_call_code()
                               : __real_sqlite3_bind_text64(statement, position, text, bytes, release, encoding);
}
}
// NOLINTEND(bugprone-reserved-identifier)
