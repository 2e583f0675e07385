// shoal-ingest: writes vectors into a durable store (ingest.hpp).

#include <csignal>
#include <string>
#include <vector>

#include "ingest.hpp"

int main(int argc, char** argv) {
  // A pipe that nobody reads, and a limit on the size of files, are errors of a write, which leave time to say what is
  // persisted; by default they would end the program on the spot.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  const shoal::tools::Interrupt interrupt;
  shoal::tools::Console console;
  console.interrupt = &interrupt;
  return shoal::tools::run_ingest(std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc), console);
}
