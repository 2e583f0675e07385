// The main function of a test that runs in several processes: MPI around doctest. A rank that fails a check makes the
// whole run fail; one that leaves a test case early would leave the others waiting, so it ends them.
#define DOCTEST_CONFIG_IMPLEMENT
#include <cstdlib>

#include <doctest/doctest.h>
#include <mpi.h>

int main(int argc, char** argv) {
  int provided = 0;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
  const int result = doctest::Context(argc, argv).run();
  if (result != 0) MPI_Abort(MPI_COMM_WORLD, result);
  MPI_Finalize();
  return result;
}
