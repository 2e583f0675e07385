#pragma once
// What threads bring: builds and batch searches of the made-up vectors on 1, 2, 4, ... threads up to one a core, taking
// turns. Time on the clock, so another busy program shows. The graph is the same on any number of threads.

#include <algorithm>
#include <string>
#include <vector>

#include <rivals/rival.hpp>

#include "options.hpp"
#include "targets.hpp"

namespace shoal::report {

struct ThreadPoint {
  unsigned threads = 1;
  double build_seconds = 0;  // medians of the rounds
  double qps = 0;
};

struct ThreadCurve {
  std::string name;  // of the storage
  std::vector<ThreadPoint> points;
};

struct ThreadScaling {
  std::vector<ThreadCurve> curves;
  std::vector<Target> targets;
};

/// 1, 2, 4, ... and `cores` itself.
[[nodiscard]] inline std::vector<unsigned> thread_counts(unsigned cores) {
  std::vector<unsigned> counts;
  for (unsigned threads = 1; threads < cores; threads *= 2) counts.push_back(threads);
  counts.push_back(std::max(1U, cores));
  return counts;
}

/// *Errors*: std::runtime_error.
[[nodiscard]] ThreadScaling measure_threads(const rivals::Setup& setup, const Options& options);

}  // namespace shoal::report
