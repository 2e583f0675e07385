#include "flags.hpp"

#include <cmath>
#include <cstdio>
#include <stdexcept>

#include <fmt/core.h>

#include "sets.hpp"

namespace shoal::report {

namespace {

/// What one process said of one storage.
struct Line {
  std::string storage;
  double build_seconds = 0;
  double qps = 0;
  double recall = 0;
};

std::vector<Line> run_worker(const std::string& program, std::size_t rows, std::size_t queries) {
  const std::string command = fmt::format("'{}' {} {}", program, rows, queries);
  std::FILE* output = popen(command.c_str(), "r");
  if (output == nullptr) throw std::runtime_error("cannot start " + program);
  std::vector<Line> lines;
  char storage[32];
  Line line;
  while (std::fscanf(output, "%31s %lf %lf %lf", storage, &line.build_seconds, &line.qps, &line.recall) == 4) {
    line.storage = storage;
    lines.push_back(line);
  }
  if (pclose(output) != 0 || lines.empty()) throw std::runtime_error(program + " failed");
  return lines;
}

Target target_of(const std::string& name, const std::vector<double>& ratios, const std::string& remark) {
  Target target{.name = "plain -O2 over -march=native, " + name, .data = made_up_name};
  if (SHOAL_REPORT_NATIVE) {
    target.floor = 0.90;
    target.aim = 0.97;
  }
  target.reached = figure_of(ratios);
  target.remark = SHOAL_REPORT_NATIVE ? remark : "this report was not compiled with -march=native";
  return target;
}

}  // namespace

std::vector<Target> measure_flags(const Options& options) {
  const std::size_t rows = options.at_most(made_up_rows);
  const std::size_t rounds = options.search_rounds();
  std::vector<std::vector<Line>> plain, native;  // by round
  for (std::size_t round = 0; round < rounds; ++round) {
    fmt::print(stderr, "flags: round {} of {}\n", round + 1, rounds);
    if (round % 2 == 0) plain.push_back(run_worker(SHOAL_REPORT_PLAIN_WORKER, rows, options.max_queries));
    native.push_back(run_worker(SHOAL_REPORT_NATIVE_WORKER, rows, options.max_queries));
    if (round % 2 == 1) plain.push_back(run_worker(SHOAL_REPORT_PLAIN_WORKER, rows, options.max_queries));
  }
  std::vector<Target> targets;
  for (std::size_t i = 0; i < plain.front().size(); ++i) {
    std::vector<double> build, search;
    double apart = 0;  // the floats of the two differ by roundings, and with them the graphs
    for (std::size_t round = 0; round < rounds; ++round) {
      build.push_back(native[round].at(i).build_seconds / plain[round].at(i).build_seconds);
      search.push_back(plain[round].at(i).qps / native[round].at(i).qps);
      apart = std::max(apart, std::abs(plain[round].at(i).recall - native[round].at(i).recall));
    }
    const std::string& storage = plain.front()[i].storage;
    const std::string remark = fmt::format("at equal ef; recall {:.3f} apart", apart);
    targets.push_back(target_of("search, " + storage, search, remark));
    targets.push_back(target_of("build, " + storage, build, ""));
  }
  return targets;
}

}  // namespace shoal::report
