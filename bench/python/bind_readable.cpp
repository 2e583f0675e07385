// ReadableIndex: searches and look-ups, of an index in memory or one that lies in a file.

#include <functional>
#include <string>

#include <pybind11/functional.h>
#include <pybind11/stl.h>

#include "any_index.hpp"
#include "arrays.hpp"
#include "bindings.hpp"
#include "errors.hpp"
#include "made.hpp"
#include "raised.hpp"

namespace shoal::python {

namespace {

using Unlocked = py::call_guard<py::gil_scoped_release>;

/// The `filter` and `among` of a search. Made and destroyed with the interpreter lock.
class Choice {
 public:
  Choice(const py::object& filter, const py::object& among) : filter_(filter) {
    if (!filter.is_none() && PyCallable_Check(filter.ptr()) == 0) {
      throw py::type_error("filter: expected None or a callable that takes an id, got " +
                           std::string(py::str(py::type::handle_of(filter).attr("__name__"))));
    }
    if (!among.is_none()) among_.emplace(among, "among");
  }

  template <class Options>
  void apply_to(Options& options) {
    if (!filter_.is_none()) {
      options.filter = [this](std::uint64_t id) { return raised_.call([&] { return asks(id); }); };
    }
    if (among_) options.among = among_->fitting();
  }

  /// search() without the interpreter lock. What the filter raised is raised again.
  template <class Search>
  auto run(Search&& search) {
    try {
      const py::gil_scoped_release unlocked;
      return search();
    } catch (const PassedOn&) {
    }
    raised_.raise_again();
    throw py::error_already_set();  // not reached: what was passed on was kept
  }

 private:
  [[nodiscard]] bool asks(std::uint64_t id) const {
    const int passes = PyObject_IsTrue(filter_(id).ptr());
    if (passes < 0) throw py::error_already_set();
    return passes != 0;
  }

  py::object filter_;
  std::optional<IdArray> among_;
  Raised raised_;
};

py::tuple search(const AnyReadable& index, const py::object& query, std::size_t k, std::size_t ef,
                 const py::object& filter, const py::object& among) {
  const FloatVector vector(query, "query");
  Choice choice(filter, among);
  SearchOptions options{.k = k, .ef = ef};
  choice.apply_to(options);
  return to_arrays(value_or_raise(choice.run([&] { return index.search(vector.values(), options); })));
}

py::tuple search_within(const AnyReadable& index, const py::object& query, float radius, std::size_t most,
                        std::size_t ef, const py::object& filter, const py::object& among) {
  const FloatVector vector(query, "query");
  Choice choice(filter, among);
  WithinOptions options{.most = most, .ef = ef};
  choice.apply_to(options);
  return to_arrays(value_or_raise(choice.run([&] { return index.search_within(vector.values(), radius, options); })));
}

py::tuple batch_search(const AnyReadable& index, const py::object& queries, std::size_t k, std::size_t ef,
                       unsigned threads, const py::object& filter, const py::object& among) {
  const FloatMatrix matrix(queries, "queries");
  Choice choice(filter, among);
  SearchOptions options{.k = k, .ef = ef, .threads = threads};
  choice.apply_to(options);
  py::array_t<Id> ids({matrix.view().rows, k});
  py::array_t<float> distances({matrix.view().rows, k});
  const std::span<Id> id_room(ids.mutable_data(), static_cast<std::size_t>(ids.size()));
  const std::span<float> distance_room(distances.mutable_data(), static_cast<std::size_t>(distances.size()));
  value_or_raise(choice.run([&] { return index.batch_search(matrix.view(), options, id_room, distance_room); }));
  return py::make_tuple(std::move(ids), std::move(distances));
}

bool contains(const AnyReadable& index, const py::object& id) {
  const std::optional<Id> wanted = to_id(id);
  const py::gil_scoped_release unlocked;
  return wanted && index.contains(*wanted);
}

py::object get(const AnyReadable& index, const py::object& id) {
  const std::optional<Id> wanted = to_id(id);
  std::optional<std::vector<float>> vector;
  {
    const py::gil_scoped_release unlocked;
    if (wanted) vector = index.get(*wanted);
  }
  if (!vector) return py::none();
  return to_array(*std::move(vector));
}

py::array_t<Id> ids(const AnyReadable& index) {
  std::vector<Id> all;
  {
    const py::gil_scoped_release unlocked;
    all = index.ids();
  }
  return to_array(std::move(all));
}

std::string describe_index(const AnyReadable& index, const char* type) {
  return "<shoal." + std::string(type) + " " + std::string(index.metric()) + " " + std::string(index.storage()) + " " +
         std::to_string(index.size()) + " x " + std::to_string(index.config().dimensions) + ">";
}

}  // namespace

void bind_readable(py::module_& module) {
  module.attr("NO_ID") = static_cast<Id>(-1);
  using py::arg;
  py::class_<AnyReadable>(module, "ReadableIndex",
                          "An index to search and look things up in. Any number of threads may, also while one changes "
                          "it (docs/concurrency.md); the interpreter lock is given up meanwhile.")
      .def("search", search, arg("query"), arg("k") = 10, py::kw_only(), arg("ef") = 0, arg("filter") = py::none(),
           arg("among") = py::none(),
           "The nearest entries of one vector: (ids, distances), nearest first, ties by id.\n\n"
           "query: `dim` numbers. ef: candidates kept by the walk, more is slower and finds more; 0: max(100, 2 k).\n"
           "filter: only ids for which filter(id) is true; may be called for any entry, and several times.\n"
           "among: only these ids.\n"
           "Arrays of k, or of fewer where fewer entries are there or pass. Distances are squared L2, 1 - dot or\n"
           "1 - cosine. Raises shoal.Error for a bad query, TypeError for what are no numbers, and what filter raises.")
      .def("batch_search", batch_search, arg("queries"), arg("k") = 10, py::kw_only(), arg("ef") = 0,
           arg("threads") = 1, arg("filter") = py::none(), arg("among") = py::none(),
           "The nearest entries of many vectors, on `threads` threads (0: all cores): (ids, distances), both of\n"
           "queries x k. Where fewer than k are found, the rest of a row is NO_ID at infinite distance.\n\n"
           "queries: n x `dim` numbers; float32 is read where it is. Otherwise as `search`.")
      .def("search_within", search_within, arg("query"), arg("radius"), py::kw_only(), arg("most") = 0, arg("ef") = 0,
           arg("filter") = py::none(), arg("among") = py::none(),
           "The entries no farther than `radius` (in the metric's unit, squared for \"l2\"), nearest first, as far as\n"
           "walks find them: (ids, distances). most: the nearest so many of them; 0: all.")
      .def("contains", contains, arg("id"), "Is this id in?")
      .def("__contains__", contains)
      .def("get", get, arg("id"),
           "The vector as kept, float32, or None: exact, rounded under \"sq8\", of norm 1 under \"cosine\".")
      .def("ids", ids, "The ids of all entries, each once, as an array, in no order that is promised.")
      .def("__len__", &AnyReadable::size)
      .def("memory_usage", &AnyReadable::memory_usage, Unlocked(), "Bytes allocated, by component.")
      .def("estimate_memory", &AnyReadable::estimate_memory, arg("entries"), Unlocked(),
           "Bytes that so many entries would take, by component.")
      .def("stats", &AnyReadable::stats, Unlocked(), "Counts of entries, slots and links.")
      .def("check", &AnyReadable::check, Unlocked(),
           "Verifies every invariant, and counts the entries that no search can reach (0).")
      .def_property_readonly("dim", [](const AnyReadable& index) { return index.config().dimensions; })
      .def_property_readonly("metric", &AnyReadable::metric)
      .def_property_readonly("storage", &AnyReadable::storage)
      .def_property_readonly("M", [](const AnyReadable& index) { return index.config().M; })
      .def_property_readonly("ef_construction", [](const AnyReadable& index) { return index.config().ef_construction; })
      .def_property_readonly("seed", [](const AnyReadable& index) { return index.config().seed; })
      .def_property_readonly("max_elements", [](const AnyReadable& index) { return index.config().max_elements; })
      .def("__repr__", [](const AnyReadable& index) { return describe_index(index, "ReadableIndex"); });
}

}  // namespace shoal::python
