#include <algorithm>
#include <cmath>

#include <datasets/companions.hpp>
#include <datasets/ground_truth.hpp>
#include <datasets/hdf5.hpp>
#include <datasets/load.hpp>
#include <datasets/npy.hpp>
#include <datasets/vecs.hpp>

namespace shoal::datasets {

namespace fs = std::filesystem;

namespace {

/// What the files say, before anything is decided.
struct Raw {
  Metric metric = Metric::euclidean;
  Rows<float> base;
  Rows<float> queries;
  Rows<std::int64_t> truth;
  fs::path base_file, queries_file, truth_file;
};

template <class To, class From>
Result<Rows<To>> converted(Result<Rows<From>> rows, const fs::path& path) {
  if (!rows) {
    return Failure(std::move(rows).error());
  }
  auto made = make_matrix<To>(rows->matrix.rows, rows->matrix.cols, path);
  if (!made) {
    return Failure(std::move(made).error());
  }
  std::transform(rows->matrix.values.begin(), rows->matrix.values.end(), made->values.begin(),
                 [](From value) { return static_cast<To>(value); });
  return Rows<To>{std::move(*made), rows->rows_in_file};
}

Result<Rows<float>> read_vectors(const fs::path& path, std::size_t max_rows) {
  switch (format_of(path).value_or(Format::fvecs)) {
    case Format::bvecs: return converted<float>(read_bvecs(path, max_rows), path);
    case Format::npy: return read_npy(path, max_rows);
    default: return read_fvecs(path, max_rows);
  }
}

Result<Rows<std::int64_t>> read_ids(const fs::path& path) {
  return format_of(path) == Format::npy ? read_npy_ids(path) : converted<std::int64_t>(read_ivecs(path), path);
}

std::size_t rows_to_hold_out(std::size_t wanted, const LoadOptions& options) {
  return std::max<std::size_t>(1, std::min({max_held_out, options.max_queries, wanted}));
}

/// How many rows of the base to read: with a limit, a tenth more, for the case that queries must be held out.
std::size_t rows_to_read(const LoadOptions& options, bool has_queries) {
  const bool is_limited = options.max_rows < all_rows - max_held_out;
  return has_queries || !is_limited ? options.max_rows
                                    : options.max_rows + rows_to_hold_out(options.max_rows / 10, options);
}

Result<Raw> read_hdf5_raw(const fs::path& base, const LoadOptions& options) {
  auto contents = read_hdf5(base, rows_to_read(options, false));
  if (!contents) {
    return Failure(std::move(contents).error());
  }
  Raw raw;
  raw.metric = contents->metric;
  raw.base = std::move(contents->train);
  raw.queries = std::move(contents->test);
  raw.truth = std::move(contents->neighbors);
  raw.base_file = raw.queries_file = raw.truth_file = base;
  if (!raw.queries.matrix.empty()) {
    keep_rows(raw.base.matrix, options.max_rows);
  }
  return raw;
}

Result<Raw> read_raw(const fs::path& base, const LoadOptions& options) {
  if (format_of(base) == Format::hdf5) {
    return read_hdf5_raw(base, options);
  }
  Raw raw;
  raw.base_file = base;
  const auto queries_file = find_queries(base);
  const auto truth_file = queries_file ? find_truth(base) : std::nullopt;

  auto vectors = read_vectors(base, rows_to_read(options, queries_file.has_value()));
  if (!vectors) {
    return Failure(std::move(vectors).error());
  }
  raw.base = std::move(*vectors);
  if (queries_file) {
    raw.queries_file = *queries_file;
    auto queries = read_vectors(*queries_file, all_rows);
    if (!queries) {
      return Failure(std::move(queries).error());
    }
    raw.queries = std::move(*queries);
  }
  if (truth_file) {
    raw.truth_file = *truth_file;
    auto truth = read_ids(*truth_file);
    if (!truth) {
      return Failure(std::move(truth).error());
    }
    raw.truth = std::move(*truth);
  }
  return raw;
}

Result<void> check_components(const Matrix<float>& matrix, Metric metric, const fs::path& file, const char* what) {
  for (std::size_t i = 0; i < matrix.rows; ++i) {
    const auto row = matrix.row(i);
    const auto bad = std::find_if(row.begin(), row.end(), [](float x) { return !std::isfinite(x); });
    if (bad != row.end()) {
      return fail(file, what, " row ", i, ", component ", bad - row.begin(), ": expected a finite number, came ", *bad);
    }
    const bool is_zero = std::all_of(row.begin(), row.end(), [](float x) { return x == 0; });
    if (metric == Metric::angular && is_zero) {
      return fail(file, what, " row ", i,
                  ": expected a direction, came a vector of zeros, which has no angular distance");
    }
  }
  return {};
}

/// Moves evenly spread rows of the base to the queries; leaves at most `max_rows` in the base.
Result<void> hold_out(Dataset& dataset, const LoadOptions& options, const fs::path& file) {
  Matrix<float>& base = dataset.base;
  if (base.rows < 2) {
    return fail(file, "expected queries beside it, or at least 2 rows to hold one out, came ", base.rows, " row");
  }
  const std::size_t count = rows_to_hold_out(base.rows / 11, options);
  Matrix<float> rest{0, base.cols, {}};
  rest.values.reserve((base.rows - count) * base.cols);
  dataset.queries = {0, base.cols, {}};
  for (std::size_t i = 0; i < base.rows; ++i) {
    const bool is_query = i == dataset.queries.rows * base.rows / count && dataset.queries.rows < count;
    Matrix<float>& to = is_query ? dataset.queries : rest;
    to.values.insert(to.values.end(), base.row(i).begin(), base.row(i).end());
    ++to.rows;
  }
  base = std::move(rest);
  keep_rows(base, options.max_rows);
  dataset.notes.push_back(text("no queries beside ", shown(file.filename()), ": ", count,
                               " evenly spread rows are held out as queries and are not in the base"));
  return {};
}

void find_truth_of(Dataset& dataset, const Raw& raw, std::size_t rows_in_file, std::size_t queries_in_file,
                   const LoadOptions& options) {
  std::string why;
  if (raw.truth.matrix.empty()) {
    why = "no ground truth beside the queries";
  } else if (dataset.base.rows != rows_in_file) {
    why = text("the ground truth beside the queries is for all ", rows_in_file, " rows");
  } else if (dataset.metric != raw.metric) {
    why = text("the ground truth beside the queries is for ", name_of(raw.metric), " distance");
  } else {
    Matrix<std::int64_t> ids = raw.truth.matrix;
    if (ids.rows == queries_in_file) {
      keep_rows(ids, dataset.queries.rows);
    }
    auto adopted = adopt_ground_truth(ids, dataset.base, dataset.queries, dataset.metric, options.k);
    if (adopted) {
      dataset.truth = std::move(*adopted);
      return;
    }
    why = text("the ground truth in ", shown(raw.truth_file.filename()), " ", adopted.error());
  }
  dataset.truth = exact_ground_truth(dataset.base, dataset.queries, dataset.metric, options.k, options.threads);
  dataset.notes.push_back(why + ": computed exactly");
}

}  // namespace

Result<Dataset> load(const fs::path& path, const LoadOptions& options) {
  const auto base = find_base(path);
  if (!base) {
    return Failure(base.error());
  }
  auto raw = read_raw(*base, options);
  if (!raw) {
    return Failure(std::move(raw).error());
  }
  Dataset dataset;
  dataset.name = name_of_set(*base);
  dataset.metric = options.metric.value_or(raw->metric);
  dataset.base = std::move(raw->base.matrix);
  dataset.queries = std::move(raw->queries.matrix);
  if (dataset.base.empty()) {
    return fail(*base, "no rows are left to search in");
  }
  const std::size_t queries_in_file = dataset.queries.rows;
  keep_rows(dataset.queries, std::max<std::size_t>(1, options.max_queries));
  if (!dataset.queries.empty() && dataset.queries.cols != dataset.base.cols) {
    return fail(raw->queries_file, "expected queries of ", dataset.base.cols, " components as in ",
                shown(base->filename()), ", came ", dataset.queries.cols);
  }
  if (auto checked = check_components(dataset.base, dataset.metric, *base, "base"); !checked) {
    return Failure(std::move(checked).error());
  }
  if (auto checked = check_components(dataset.queries, dataset.metric, raw->queries_file, "query"); !checked) {
    return Failure(std::move(checked).error());
  }
  if (dataset.queries.empty()) {
    if (auto held_out = hold_out(dataset, options, *base); !held_out) {
      return Failure(std::move(held_out).error());
    }
  }
  find_truth_of(dataset, *raw, raw->base.rows_in_file, queries_in_file, options);
  return dataset;
}

}  // namespace shoal::datasets
