// shoal-search: finds the nearest vectors of a store (search.hpp).

#include <csignal>
#include <string>
#include <vector>

#include "search.hpp"

int main(int argc, char** argv) {
  // A pipe that nobody reads is an error of a write, which has an exit code; by default it would end the program.
  std::signal(SIGPIPE, SIG_IGN);
  return shoal::tools::run_search(std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc),
                                  shoal::tools::Console());
}
