// Index: made, filled, changed, saved and loaded.

#include <array>
#include <filesystem>
#include <string>

#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include "any_index.hpp"
#include "arrays.hpp"
#include "bindings.hpp"
#include "errors.hpp"
#include "items.hpp"
#include "made.hpp"
#include "progress.hpp"
#include "raised.hpp"

namespace shoal::python {

namespace {

using Unlocked = py::call_guard<py::gil_scoped_release>;
using Path = std::filesystem::path;

// ---- which index ---------------------------------------------------------------------------------------------------

/// The first kind that `fits`, or none.
template <class Fits>
[[nodiscard]] const Kind* find_kind(const Fits& fits) {
  for (const auto kinds : {l2_kinds(), inner_product_kinds(), cosine_kinds()}) {
    for (const Kind& kind : kinds) {
      if (fits(kind)) return &kind;
    }
  }
  return nullptr;
}

[[nodiscard]] const Kind& kind_called(const std::string& metric, const std::string& storage) {
  const auto* const kind =
      find_kind([&](const Kind& each) { return each.metric == metric && each.storage == storage; });
  if (kind == nullptr) {
    throw Refused(Error(ErrorCode::invalid_config,
                        "expected the metric 'l2', 'ip' or 'cosine' and the storage 'float32', 'sq8' or "
                        "'refined_sq8', got '" +
                            metric + "' and '" + storage + "'"));
  }
  return *kind;
}

[[nodiscard]] const Kind& kind_of_file(const std::string& path) {
  const IndexFileInfo info = value_or_raise(read_index_file_info(path));
  const auto* const kind = find_kind(
      [&](const Kind& each) { return each.metric_in_files == info.metric && each.storage_in_files == info.storage; });
  if (kind == nullptr) {
    throw Refused(Error(ErrorCode::incompatible, path +
                                                     ": expected a metric and a storage that this module has, got '" +
                                                     info.metric + "' and '" + info.storage + "'"));
  }
  return *kind;
}

std::unique_ptr<AnyIndex> create(const std::string& metric, std::size_t dim, const std::string& storage, std::size_t M,
                                 std::size_t ef_construction, std::uint64_t seed, std::size_t max_elements) {
  const Kind& kind = kind_called(metric, storage);
  return value_or_raise(kind.create(
      kind,
      {.dimensions = dim, .M = M, .ef_construction = ef_construction, .seed = seed, .max_elements = max_elements}));
}

std::unique_ptr<AnyIndex> load(const Path& path) {
  const Kind& kind = kind_of_file(path.string());
  return value_or_raise(kind.load(kind, path.string()));
}

std::unique_ptr<AnyReadable> open(const Path& path, bool verify) {
  const Kind& kind = kind_of_file(path.string());
  return value_or_raise(kind.open(kind, path.string(), {.verify = verify}));
}

// ---- what a batch is told ------------------------------------------------------------------------------------------

template <class Value, std::size_t count>
[[nodiscard]] Value choose(const char* argument, const std::string& word,
                           const std::array<std::pair<const char*, Value>, count>& choices) {
  std::string expected;
  for (const auto& [name, value] : choices) {
    if (word == name) return value;
    expected += (expected.empty() ? "'" : ", '") + std::string(name) + "'";
  }
  throw py::value_error(std::string(argument) + ": expected one of " + expected + ", got '" + word + "'");
}

[[nodiscard]] OnDuplicate to_on_duplicate(const std::string& word) {
  return choose("on_duplicate", word,
                std::array{std::pair{"fail", OnDuplicate::fail}, std::pair{"skip", OnDuplicate::skip},
                           std::pair{"overwrite", OnDuplicate::overwrite}});
}

[[nodiscard]] Atomicity to_atomicity(const std::string& word) {
  return choose(
      "atomicity", word,
      std::array{std::pair{"prefix", Atomicity::prefix}, std::pair{"all_or_nothing", Atomicity::all_or_nothing}});
}

/// What the library asks whether to stop.
struct Stop {
  Interrupts* interrupts;
  [[nodiscard]] bool stop_requested() const { return interrupts->stop_requested(); }
};

// ---- batches -------------------------------------------------------------------------------------------------------

/// One batch: its arguments, and what becomes of it.
class Batch {
 public:
  Batch(AnyIndex& index, const py::object& progress, unsigned threads, const std::string& on_duplicate,
        const std::string& atomicity, bool link_by_codes)
      : index_(index), progress_(progress, raised_), interrupts_(raised_) {
    options_.threads = threads;
    options_.on_duplicate = to_on_duplicate(on_duplicate);
    options_.atomicity = to_atomicity(atomicity);
    options_.link_by_codes = link_by_codes;
    // Sources look for signals. When such a batch links, its source has been read to the end.
    if (options_.atomicity == Atomicity::all_or_nothing) options_.stop = Stop{&interrupts_};
  }

  py::array_t<Id> insert_matrix(const py::object& ids, const py::object& vectors) {
    const IdArray id_array(ids, "ids");
    FloatRows rows(vectors, "vectors");
    if (id_array.size() != rows.rows()) {
      BatchError<Id> error;
      error.cause =
          Error(ErrorCode::length_mismatch, "expected as many ids as rows, got " + std::to_string(id_array.size()) +
                                                " ids and " + std::to_string(rows.rows()) + " rows");
      raise(std::move(error), raised_);
    }
    MatrixItems items(id_array, rows, interrupts_);
    return insert(items);
  }

  py::array_t<Id> insert_iterable(const py::object& iterable) {
    IteratorItems items(iterable, raised_);
    return insert(items);
  }

 private:
  template <class Items>
  py::array_t<Id> insert(Items& items) {
    BatchResult result = [&] {
      const py::gil_scoped_release unlocked;
      return index_.batch_insert(items, progress_.progress(), options_);
    }();
    progress_.finish();
    if (!result) raise(std::move(result.error()), raised_);
    return to_array(*std::move(result));
  }

  AnyIndex& index_;
  Raised raised_;
  ProgressArgument progress_;
  Interrupts interrupts_;
  BatchOptions options_;
};

py::array_t<Id> batch_insert_matrix(AnyIndex& index, const py::object& ids, const py::object& vectors,
                                    const py::object& progress, unsigned threads, const std::string& on_duplicate,
                                    const std::string& atomicity, bool link_by_codes) {
  return Batch(index, progress, threads, on_duplicate, atomicity, link_by_codes).insert_matrix(ids, vectors);
}

py::array_t<Id> batch_insert_iterable(AnyIndex& index, const py::object& items, const py::object& progress,
                                      unsigned threads, const std::string& on_duplicate, const std::string& atomicity,
                                      bool link_by_codes) {
  return Batch(index, progress, threads, on_duplicate, atomicity, link_by_codes).insert_iterable(items);
}

void insert(AnyIndex& index, const py::object& id, const py::object& vector, const std::string& on_duplicate) {
  const Id new_id = value_or_raise(to_id_or_error(id));
  const FloatVector values(vector, "vector");
  BatchOptions options;
  options.on_duplicate = to_on_duplicate(on_duplicate);
  const py::gil_scoped_release unlocked;
  value_or_raise(index.insert(new_id, values.values(), options));
}

void upsert(AnyIndex& index, const py::object& id, const py::object& vector) { insert(index, id, vector, "overwrite"); }

// ---- taking out ----------------------------------------------------------------------------------------------------

void erase(AnyIndex& index, const py::object& id) {
  const std::optional<Id> wanted = to_id(id);
  if (!wanted) {
    throw Refused(
        Error(ErrorCode::id_not_found, "expected an id that is in the index, got " + std::string(py::str(id))));
  }
  const py::gil_scoped_release unlocked;
  value_or_raise(index.erase(*wanted));
}

EraseReport<Id> batch_erase(AnyIndex& index, const py::object& ids, unsigned threads) {
  IdArray wanted(ids, "ids");
  const py::gil_scoped_release unlocked;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (const auto id = wanted.at(i); !id) {
      throw Refused(Error(id.error().code(), "item " + std::to_string(i) + ": " + std::string(id.error().message())));
    }
  }
  return value_or_raise(index.batch_erase(wanted.fitting(), {.threads = threads}));
}

}  // namespace

void bind_index(py::module_& module) {
  using py::arg;
  const HnswConfig defaults;
  py::class_<AnyIndex, AnyReadable>(
      module, "Index",
      "An HNSW index. Searches run beside a change on another thread; a second change waits for the first. A change\n"
      "from inside a progress callback, a generator or a filter of the same index is refused (reentrant_mutation).")
      .def(
          py::init(&create), arg("metric"), arg("dim"), arg("storage") = "float32", py::kw_only(),
          arg("M") = defaults.M, arg("ef_construction") = defaults.ef_construction, arg("seed") = defaults.seed,
          arg("max_elements") = defaults.max_elements,
          "An empty index of vectors of `dim` numbers.\n\n"
          "metric: \"l2\" (squared), \"ip\" (1 - dot), \"cosine\" (1 - cosine). storage: \"float32\"; \"sq8\", a byte\n"
          "a number; \"refined_sq8\", bytes to walk by and floats to rank by. M: links of an entry.\n"
          "ef_construction: candidates kept while linking. seed: fixes the levels. max_elements: refuse more; 0: no\n"
          "limit, and nothing is allocated ahead. Raises shoal.Error (invalid_config).")
      .def("batch_insert", batch_insert_matrix, arg("ids"), arg("vectors"), py::kw_only(), arg("progress") = py::none(),
           arg("threads") = 1, arg("on_duplicate") = "fail", arg("atomicity") = "prefix", arg("link_by_codes") = false,
           "Inserts row i of `vectors` (n x dim numbers) under ids[i], up to the first bad one; returns the ids that\n"
           "went in. float32 is read where it lies, of other types a row at a time is converted.\n\n"
           "progress: a callable (completed, total), called after each item, that ends the batch by returning False\n"
           "(not None or 0); True draws a bar. threads: that may link, 0: all cores; same index. on_duplicate:\n"
           "\"fail\", \"skip\", \"overwrite\". atomicity: \"prefix\" or \"all_or_nothing\". link_by_codes: float32\n"
           "linked by codes of a byte, faster on wide vectors.\n"
           "Raises shoal.BatchError, which says what is in; shoal.BatchInterrupted after Ctrl-C; TypeError.")
      .def("batch_insert", batch_insert_iterable, arg("items"), py::kw_only(), arg("progress") = py::none(),
           arg("threads") = 1, arg("on_duplicate") = "fail", arg("atomicity") = "prefix", arg("link_by_codes") = false,
           "The same of an iterable of pairs (id, vector), a generator for instance, each read once: no batch is ever\n"
           "in memory. What it raises is the `__cause__` of the BatchError. total is 0. With a callable as progress\n"
           "one item is read at a time, so that none is lost when it cancels; that is slower.")
      .def("insert", insert, arg("id"), arg("vector"), py::kw_only(), arg("on_duplicate") = "fail",
           "Inserts one. Raises shoal.Error.")
      .def("upsert", upsert, arg("id"), arg("vector"), "Inserts one, or replaces its vector. Raises shoal.Error.")
      .def("erase", erase, arg("id"), "Takes one out. Raises shoal.Error (id_not_found).")
      .def("batch_erase", batch_erase, arg("ids"), py::kw_only(), arg("threads") = 1,
           "Takes many out, and reports which were there. Raises shoal.Error; then none is out.")
      .def(
          "compact", [](AnyIndex& index, unsigned threads) { value_or_raise(index.compact({.threads = threads})); },
          py::kw_only(), arg("threads") = 1, Unlocked(), "Gives back the memory of what was taken out.")
      .def(
          "reserve", [](AnyIndex& index, std::size_t entries) { value_or_raise(index.reserve(entries)); },
          arg("entries"), Unlocked(), "Makes room for so many in all.")
      .def("clone", &AnyIndex::clone, Unlocked(), "A copy that shares nothing.")
      .def(
          "save", [](const AnyIndex& index, const Path& path) { value_or_raise(index.save(path.string())); },
          arg("path"), Unlocked(),
          "Writes the index to a file: whole, or the old one is still there. Raises shoal.Error.")
      .def_static(
          "load", load, arg("path"), Unlocked(),
          "An index from a file, of whatever metric and storage it is. All of it is verified. Raises shoal.Error.")
      .def_static("open", open, arg("path"), py::kw_only(), arg("verify") = false, Unlocked(),
                  "Maps a file to search it where it lies: ready at once, a ReadableIndex. verify: refuse what `load`\n"
                  "refuses. Raises shoal.Error.")
      .def("__repr__", [](const AnyIndex& index) {
        return "<shoal.Index " + std::string(index.metric()) + " " + std::string(index.storage()) + " " +
               std::to_string(index.size()) + " x " + std::to_string(index.config().dimensions) + ">";
      });
}

}  // namespace shoal::python
