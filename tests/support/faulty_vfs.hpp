#pragma once
// A file layer for SQLite that wraps the default one and fails on request: the k-th operation, once or from then on; at
// the end of so much room on the disk; or by the death of the program. It can forget what was not synced, as a power
// cut does, and let a sync cost what one costs on a slow disk.
//
//   support::FaultyVfs vfs("faulty");
//   auto store = shoal::SqliteVectorStore<>::open(path, {.dimensions = 3, .vfs = "faulty"});
//   vfs.fail(7, false);   // the 8th operation from here on
//
// *Threads*: operations from any; settings before they start.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <map>
#include <mutex>
#include <new>
#include <string>
#include <vector>

#include <sqlite3.h>
#include <unistd.h>

namespace support {

class FaultyVfs {
 public:
  enum class Kind { natural, full_or_busy, death };
  static constexpr int exit_status_of_death = 86;

  explicit FaultyVfs(const char* name) : real_(sqlite3_vfs_find(nullptr)), name_(name) {
    vfs_.iVersion = 2;
    vfs_.szOsFile = static_cast<int>(sizeof(File)) + real_->szOsFile;
    vfs_.mxPathname = real_->mxPathname;
    vfs_.zName = name_.c_str();
    vfs_.pAppData = this;
    vfs_.xOpen = open;
    vfs_.xDelete = [](sqlite3_vfs* v, const char* path, int sync_folder) {
      FaultyVfs& self = of(v);
      if (const int code = self.step(SQLITE_IOERR_DELETE, SQLITE_IOERR_DELETE)) return code;
      self.forget(path);
      return self.real_->xDelete(self.real_, path, self.syncs_ ? sync_folder : 0);
    };
    vfs_.xAccess = [](sqlite3_vfs* v, const char* path, int flags, int* result) {
      if (const int code = of(v).step(SQLITE_IOERR_ACCESS, SQLITE_IOERR_ACCESS)) return code;
      return real(v)->xAccess(real(v), path, flags, result);
    };
    vfs_.xFullPathname = [](sqlite3_vfs* v, const char* path, int n, char* out) {
      return real(v)->xFullPathname(real(v), path, n, out);
    };
    vfs_.xRandomness = [](sqlite3_vfs* v, int n, char* out) { return real(v)->xRandomness(real(v), n, out); };
    vfs_.xSleep = [](sqlite3_vfs*, int microseconds) { return microseconds; };  // tests have no time
    vfs_.xCurrentTime = [](sqlite3_vfs* v, double* time) { return real(v)->xCurrentTime(real(v), time); };
    vfs_.xGetLastError = [](sqlite3_vfs* v, int n, char* out) { return real(v)->xGetLastError(real(v), n, out); };
    vfs_.xCurrentTimeInt64 = [](sqlite3_vfs* v, sqlite3_int64* time) {
      return real(v)->xCurrentTimeInt64(real(v), time);
    };
    sqlite3_vfs_register(&vfs_, 0);
  }
  FaultyVfs(const FaultyVfs&) = delete;
  FaultyVfs& operator=(const FaultyVfs&) = delete;
  ~FaultyVfs() { sqlite3_vfs_unregister(&vfs_); }

  /// After `allowed` operations one fails, or all. `natural`: with the error of its kind, a write after its first half.
  /// `full_or_busy`: writes find the disk full, locks are taken, and other operations are not counted. `death`: the
  /// program ends in the middle.
  void fail(std::int64_t allowed, bool forever, Kind kind = Kind::natural) {
    failed_ = false;
    forever_ = forever;
    kind_ = kind;
    allowed_ = allowed;
  }

  /// Nothing fails any more. True when something did.
  bool stop() {
    allowed_ = never;
    return failed_;
  }

  /// Files may grow by so much together.
  void limit_growth(std::int64_t bytes) { room_ = bytes; }
  void lift_limit() { room_ = std::numeric_limits<std::int64_t>::max(); }

  /// Without shared memory there is no write-ahead log, as on some network file systems. For files opened from here on.
  void offer_shared_memory(bool offered) { shares_memory_ = offered; }

  /// Syncs reach the disk only where that is wanted, and last at least so long.
  void set_syncs(bool real_ones) { syncs_ = real_ones; }
  void set_sync_cost(std::chrono::microseconds cost) { sync_cost_ = cost; }
  [[nodiscard]] std::int64_t sync_count() const { return sync_count_; }
  [[nodiscard]] std::int64_t operation_count() const { return operation_count_; }

  /// From here on it is remembered what of each file was synced, or no longer. A file that is there already was.
  void remember_synced(bool wanted) {
    const std::lock_guard guard(mutex_);
    remembers_ = wanted;
    synced_.clear();
  }
  /// What a power cut would leave, by path. (A file that was deleted is gone at once: the worse case for a log.)
  [[nodiscard]] std::map<std::string, std::vector<char>> synced() const {
    const std::lock_guard guard(mutex_);
    return synced_;
  }

 private:
  struct File {
    sqlite3_file base;
    FaultyVfs* vfs;
    const char* path;  // SQLite keeps it as long as the file is open; null for a temporary one

    sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
  };

  static constexpr std::int64_t never = -1;

  static FaultyVfs& of(sqlite3_vfs* v) { return *static_cast<FaultyVfs*>(v->pAppData); }
  static sqlite3_vfs* real(sqlite3_vfs* v) { return of(v).real_; }
  static File& of(sqlite3_file* file) { return *reinterpret_cast<File*>(file); }

  /// What the next operation is to fail with, or SQLITE_OK. `other`: its error in the kind full_or_busy, 0 for none.
  int step(int natural, int other) {
    ++operation_count_;
    if (allowed_ == never) return SQLITE_OK;
    if (kind_ == Kind::full_or_busy && (other != SQLITE_FULL && other != SQLITE_BUSY)) return SQLITE_OK;
    if (allowed_ > 0) {
      --allowed_;
      return SQLITE_OK;
    }
    failed_ = true;
    if (kind_ == Kind::death) _exit(exit_status_of_death);
    if (!forever_) allowed_ = never;
    return kind_ == Kind::natural ? natural : other;
  }

  void forget(const char* path) {
    if (!remembers_ || path == nullptr) return;
    const std::lock_guard guard(mutex_);
    synced_.erase(path);
  }

  bool knows(const char* path) {
    const std::lock_guard guard(mutex_);
    return synced_.contains(path);
  }

  void remember(File& file) {
    if (!remembers_ || file.path == nullptr) return;
    sqlite3_int64 size = 0;
    file.real()->pMethods->xFileSize(file.real(), &size);
    std::vector<char> bytes(static_cast<std::size_t>(size));
    if (size != 0) file.real()->pMethods->xRead(file.real(), bytes.data(), static_cast<int>(size), 0);
    const std::lock_guard guard(mutex_);
    synced_[file.path] = std::move(bytes);
  }

  static int open(sqlite3_vfs* v, const char* path, sqlite3_file* file, int flags, int* out_flags) {
    FaultyVfs& self = of(v);
    file->pMethods = nullptr;
    if (const int code = self.step(SQLITE_CANTOPEN, SQLITE_CANTOPEN)) return code;
    File& f = *new (file) File{{nullptr}, &self, path};
    f.real()->pMethods = nullptr;
    const int code = self.real_->xOpen(self.real_, path, f.real(), flags, out_flags);
    if (f.real()->pMethods != nullptr) file->pMethods = self.shares_memory_ ? methods() : plain_methods();
    if (code == SQLITE_OK && self.remembers_ && path != nullptr && !self.knows(path)) self.remember(f);
    return code;
  }

  static int write(sqlite3_file* file, const void* data, int count, sqlite3_int64 at) {
    File& f = of(file);
    sqlite3_file* const real = f.real();
    if (const int code = f.vfs->step(SQLITE_IOERR_WRITE, SQLITE_FULL)) {
      if (code == SQLITE_IOERR_WRITE) real->pMethods->xWrite(real, data, count / 2, at);
      return code;
    }
    if (f.vfs->room_ != std::numeric_limits<std::int64_t>::max()) {
      sqlite3_int64 size = 0;
      if (const int code = real->pMethods->xFileSize(real, &size)) return code;
      const sqlite3_int64 growth = std::max<sqlite3_int64>(at + count - size, 0);
      if (growth > f.vfs->room_) return SQLITE_FULL;
      f.vfs->room_ -= growth;
    }
    return real->pMethods->xWrite(real, data, count, at);
  }

  static int sync(sqlite3_file* file, int flags) {
    File& f = of(file);
    if (const int code = f.vfs->step(SQLITE_IOERR_FSYNC, 0)) return code;
    ++f.vfs->sync_count_;
    const auto end = std::chrono::steady_clock::now() + f.vfs->sync_cost_;
    const int code = f.vfs->syncs_ ? f.real()->pMethods->xSync(f.real(), flags) : SQLITE_OK;
    while (std::chrono::steady_clock::now() < end) {
    }
    if (code == SQLITE_OK) f.vfs->remember(f);
    return code;
  }

  static const sqlite3_io_methods* methods() {
    static const sqlite3_io_methods all = [] {
      sqlite3_io_methods m{};
      m.iVersion = 2;  // shared memory, no mapped files
      m.xClose = [](sqlite3_file* file) { return of(file).real()->pMethods->xClose(of(file).real()); };
      m.xRead = [](sqlite3_file* file, void* data, int count, sqlite3_int64 at) {
        if (const int code = of(file).vfs->step(SQLITE_IOERR_READ, 0)) return code;
        return of(file).real()->pMethods->xRead(of(file).real(), data, count, at);
      };
      m.xWrite = write;
      m.xTruncate = [](sqlite3_file* file, sqlite3_int64 size) {
        if (const int code = of(file).vfs->step(SQLITE_IOERR_TRUNCATE, 0)) return code;
        return of(file).real()->pMethods->xTruncate(of(file).real(), size);
      };
      m.xSync = sync;
      m.xFileSize = [](sqlite3_file* file, sqlite3_int64* size) {
        if (const int code = of(file).vfs->step(SQLITE_IOERR_FSTAT, 0)) return code;
        return of(file).real()->pMethods->xFileSize(of(file).real(), size);
      };
      m.xLock = [](sqlite3_file* file, int level) {
        if (const int code = of(file).vfs->step(SQLITE_IOERR_LOCK, SQLITE_BUSY)) return code;
        return of(file).real()->pMethods->xLock(of(file).real(), level);
      };
      m.xUnlock = [](sqlite3_file* file, int level) {
        return of(file).real()->pMethods->xUnlock(of(file).real(), level);
      };
      m.xCheckReservedLock = [](sqlite3_file* file, int* result) {
        if (const int code = of(file).vfs->step(SQLITE_IOERR_CHECKRESERVEDLOCK, 0)) return code;
        return of(file).real()->pMethods->xCheckReservedLock(of(file).real(), result);
      };
      m.xFileControl = [](sqlite3_file* file, int what, void* argument) {
        return of(file).real()->pMethods->xFileControl(of(file).real(), what, argument);
      };
      m.xSectorSize = [](sqlite3_file* file) { return of(file).real()->pMethods->xSectorSize(of(file).real()); };
      m.xDeviceCharacteristics = [](sqlite3_file* file) {
        return of(file).real()->pMethods->xDeviceCharacteristics(of(file).real());
      };
      m.xShmMap = [](sqlite3_file* file, int region, int size, int extend, void volatile** memory) {
        if (const int code = of(file).vfs->step(SQLITE_IOERR_SHMMAP, 0)) return code;
        return of(file).real()->pMethods->xShmMap(of(file).real(), region, size, extend, memory);
      };
      m.xShmLock = [](sqlite3_file* file, int offset, int count, int flags) {
        if ((flags & SQLITE_SHM_LOCK) != 0) {
          if (const int code = of(file).vfs->step(SQLITE_IOERR_SHMLOCK, SQLITE_BUSY)) return code;
        }
        return of(file).real()->pMethods->xShmLock(of(file).real(), offset, count, flags);
      };
      m.xShmBarrier = [](sqlite3_file* file) { of(file).real()->pMethods->xShmBarrier(of(file).real()); };
      m.xShmUnmap = [](sqlite3_file* file, int remove) {
        return of(file).real()->pMethods->xShmUnmap(of(file).real(), remove);
      };
      return m;
    }();
    return &all;
  }

  static const sqlite3_io_methods* plain_methods() {
    static const sqlite3_io_methods all = [] {
      sqlite3_io_methods m = *methods();
      m.iVersion = 1;
      return m;
    }();
    return &all;
  }

  sqlite3_vfs* real_;
  std::string name_;
  sqlite3_vfs vfs_{};
  std::atomic<std::int64_t> allowed_{never};
  std::atomic<bool> forever_{false};
  std::atomic<bool> failed_{false};
  std::atomic<Kind> kind_{Kind::natural};
  std::atomic<std::int64_t> room_{std::numeric_limits<std::int64_t>::max()};
  std::atomic<std::int64_t> sync_count_{0};
  std::atomic<std::int64_t> operation_count_{0};
  std::chrono::microseconds sync_cost_{0};
  bool shares_memory_ = true;
  bool syncs_ = true;
  bool remembers_ = false;
  mutable std::mutex mutex_;
  std::map<std::string, std::vector<char>> synced_;
};

}  // namespace support
