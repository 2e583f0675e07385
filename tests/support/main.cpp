// The main function of every test program. A program compiled for instructions that the processor lacks ends with 77,
// which ctest counts as skipped.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

int main(int argc, char** argv) {
#if defined(__AVX512VNNI__)
  if (!__builtin_cpu_supports("avx512vnni")) return 77;
#elif defined(__AVX512BW__)
  if (!__builtin_cpu_supports("avx512bw")) return 77;
#elif defined(__AVX2__)
  if (!__builtin_cpu_supports("avx2")) return 77;
#endif
  return doctest::Context(argc, argv).run();
}
