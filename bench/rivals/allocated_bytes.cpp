#include <cstdlib>
#include <fstream>

#include <rivals/allocated_bytes.hpp>

#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 33)
#define SHOAL_RIVALS_MALLINFO 1
#include <malloc.h>
#else
#include <unistd.h>
#endif

namespace shoal::rivals {

#if defined(SHOAL_RIVALS_MALLINFO)

std::optional<std::size_t> allocated_bytes() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;  // on the heaps of all threads, and mapped one by one
}

const char* allocated_bytes_source() { return "what malloc handed out (mallinfo2)"; }

void settle_allocator() {
  // The threshold of mapping rises to the size of a mapped block that is freed, up to 32 MiB (mallopt(3)).
  constexpr std::size_t most = (std::size_t{32} << 20) - (std::size_t{64} << 10);
  void* volatile block = std::malloc(most);  // volatile: or the pair is left out
  std::free(block);
}

void release_free_memory() { malloc_trim(0); }

#else

std::optional<std::size_t> allocated_bytes() {
  std::ifstream file("/proc/self/statm");
  std::size_t total = 0, resident = 0;
  if (!(file >> total >> resident)) return std::nullopt;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

const char* allocated_bytes_source() { return "the growth of the resident size (/proc/self/statm)"; }

void settle_allocator() {}

void release_free_memory() {}

#endif

}  // namespace shoal::rivals
