// shoal-search: finds the nearest vectors of a store (search.hpp).

#include <string>
#include <vector>

#include "search.hpp"

int main(int argc, char** argv) {
  return shoal::tools::run_search(std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc),
                                  shoal::tools::Console());
}
