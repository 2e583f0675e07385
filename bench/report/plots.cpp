#include "plots.hpp"

#include <algorithm>

#include <fmt/core.h>

#include "chart.hpp"
#include "statistics.hpp"

namespace shoal::report {

namespace {

namespace fs = std::filesystem;

Chart recall_chart(const SetResult& set) {
  Chart chart{"recall-" + stem_of(set.name),
              fmt::format("{}: {} x {}, k = 10, one thread", stem_of(set.name), set.rows, set.dimensions),
              "recall@10",
              "queries a second",
              "set logscale y\nset key left bottom\nset xrange [*:1.0]\n",
              {}};
  for (const LibraryResult& library : set.libraries) {
    if (library.refused) continue;
    chart.curves.push_back({library.name, {}});
    for (std::size_t point = 0; point < library.ef.size(); ++point) {
      std::vector<double> speeds;
      for (const auto& round : library.qps) speeds.push_back(round[point]);
      chart.curves.back().points.push_back({library.recall[point], median(speeds)});
    }
  }
  return chart;
}

Chart growth_chart(std::span<const GrowthPoint> growth, std::string stem, std::string label,
                   double (*value)(const LibraryGrowth&)) {
  Chart chart{std::move(stem),
              fmt::format("made-up clusters of {} dimensions, one thread", growth.front().dimensions),
              "vectors",
              std::move(label),
              "set logscale xy\nset key left top\n",
              {}};
  for (const GrowthPoint& point : growth) {
    for (const LibraryGrowth& library : point.libraries) {
      auto curve = std::find_if(chart.curves.begin(), chart.curves.end(),
                                [&](const Curve& known) { return known.name == library.name; });
      if (curve == chart.curves.end()) curve = chart.curves.insert(curve, {library.name, {}});
      curve->points.push_back({static_cast<double>(point.rows), value(library)});
    }
  }
  return chart;
}

Chart thread_chart(std::span<const ThreadCurve> threads, std::string stem, std::string label,
                   double (*value)(const ThreadPoint&)) {
  Chart chart{std::move(stem),
              "made-up clusters, time on the clock",
              "threads",
              std::move(label),
              "set yrange [0:*]\nset xtics 1\nset key right bottom\n",
              {}};
  for (const ThreadCurve& curve : threads) {
    chart.curves.push_back({curve.name, {}});
    for (const ThreadPoint& point : curve.points) {
      chart.curves.back().points.push_back({static_cast<double>(point.threads), value(point)});
    }
  }
  return chart;
}

/// Of the churned and of the fresh.
Chart churn_chart(const ChurnResult& result) {
  Chart chart{"churn-" + stem_of(fmt::format("{:g}", 100 * result.share)),
              fmt::format("{}: {} x {}, {:g} % erased and inserted again in each round", stem_of(result.set),
                          result.rows, result.dimensions, 100 * result.share),
              "round",
              fmt::format("recall@10 at ef {}", churn_ef.front()),
              "set key outside below\n",
              {}};
  for (const ChurnCurve& curve : result.curves) {
    if (curve.looks.empty()) continue;
    Curve churned{curve.name, {}};
    Curve fresh{curve.name + ", built anew", {}};
    for (const ChurnLook& look : curve.looks) {
      const auto round = static_cast<double>(look.round);
      churned.points.push_back({round, look.churned.recall.front()});
      fresh.points.push_back({round, look.fresh.recall.front()});
    }
    chart.curves.push_back(std::move(churned));
    chart.curves.push_back(std::move(fresh));
  }
  return chart;
}

/// Of each storage, with the speed in memory at the right.
Chart files_chart(const FilesResult& result) {
  Chart chart{"sessions",
              fmt::format("{} files of {} x {} in one session", result.files, result.rows, result.dimensions),
              "of all pages in the cache, %",
              fmt::format("queries a second at ef {}", files_ef),
              "set logscale y\nset key left top\n",
              {}};
  for (const SessionCurve& session : result.sessions) {
    Curve curve{session.storage, {}};
    for (const SessionPoint& point : session.points) {
      if (!point.qps.empty()) curve.points.push_back({100 * point.share, median(point.qps)});
    }
    chart.curves.push_back(std::move(curve));
    if (session.memory.empty()) continue;
    chart.curves.push_back(
        {session.storage + ", in memory", {{0, median(session.memory)}, {100, median(session.memory)}}});
  }
  return chart;
}

}  // namespace

Plots write_plots(std::span<const SetResult> sets, std::span<const GrowthPoint> growth,
                  std::span<const ThreadCurve> threads, const std::vector<ChurnResult>& churn,
                  const std::vector<FilesResult>& files, const fs::path& folder) {
  Plots plots;
  const bool can_draw = has_gnuplot(folder);
  const auto write = [&](const Chart& chart) -> std::string {
    write_chart(chart, folder);
    if (!can_draw) return "";
    if (draw_chart(chart, folder)) return chart.stem + ".svg";
    plots.notes.push_back("gnuplot failed on " + chart.stem + ".gp; gnuplot.log says why");
    return "";
  };
  const auto write_measurement = [&](const Chart& chart) {
    if (std::string name = write(chart); !name.empty()) plots.of_measurements.push_back(std::move(name));
  };
  for (const SetResult& set : sets) {
    plots.of_sets.push_back(set.baseline() == nullptr ? "" : write(recall_chart(set)));  // nothing could be drawn
  }
  if (!growth.empty()) {
    write_measurement(
        growth_chart(growth, "growth-build", "build, seconds", [](const LibraryGrowth& l) { return l.build_seconds; }));
    write_measurement(growth_chart(growth, "growth-memory", "bytes owned, MB",
                                   [](const LibraryGrowth& l) { return static_cast<double>(l.bytes) / 1e6; }));
  }
  if (!threads.empty()) {
    write_measurement(thread_chart(threads, "threads-search", "queries a second (batch_search)",
                                   [](const ThreadPoint& point) { return point.qps; }));
    write_measurement(thread_chart(threads, "threads-build", "build, seconds",
                                   [](const ThreadPoint& point) { return point.build_seconds; }));
  }
  for (const ChurnResult& result : churn) {
    const Chart chart = churn_chart(result);
    if (chart.curves.empty()) continue;
    if (std::string name = write(chart); !name.empty()) plots.of_churn.push_back(std::move(name));
  }
  for (const FilesResult& result : files) {
    if (std::string name = write(files_chart(result)); !name.empty()) plots.of_files.push_back(std::move(name));
  }
  if (!can_draw) {
    plots.notes.emplace_back(
        "no plots: gnuplot is not installed (Debian: gnuplot-nox); `gnuplot NAME.gp` draws them later");
  }
  return plots;
}

}  // namespace shoal::report
