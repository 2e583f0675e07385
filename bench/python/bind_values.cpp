// The plain structs that indexes answer with, as classes of Python with the same fields.

#include <string>

#include <pybind11/stl.h>

#include "any_index.hpp"
#include "arrays.hpp"
#include "bindings.hpp"
#include "made.hpp"

namespace shoal::python {

namespace {

/// "MemoryUsage(vectors=307200, links=6600)"
template <class Value, class... Fields>
[[nodiscard]] std::string describe_fields(const char* type, const Value& value, const Fields&... fields) {
  std::string text = std::string(type) + "(";
  const auto add = [&](const char* name, const auto& field) {
    text += (text.back() == '(' ? "" : ", ") + std::string(name) + "=" + std::string(py::repr(py::cast(field)));
  };
  (add(fields.first, value.*fields.second), ...);
  return text + ")";
}

/// A class with these fields, and a `repr` of them.
template <class Value, class... Members>
py::class_<Value> bind_fields(py::module_& module, const char* name, const char* doc,
                              std::pair<const char*, Members Value::*>... fields) {
  py::class_<Value> type(module, name, doc);
  (type.def_readonly(fields.first, fields.second), ...);
  type.def("__repr__", [name, fields...](const Value& value) { return describe_fields(name, value, fields...); });
  return type;
}

template <class Value, class Member>
[[nodiscard]] std::pair<const char*, Member Value::*> field(const char* name, Member Value::*member) {
  return {name, member};
}

}  // namespace

void bind_values(py::module_& module) {
  bind_fields<MemoryUsage>(module, "MemoryUsage", "Bytes by component: what is allocated, or would be.",
                           field("vectors", &MemoryUsage::vectors), field("links", &MemoryUsage::links),
                           field("upper_links", &MemoryUsage::upper_links), field("ids", &MemoryUsage::ids),
                           field("scratch", &MemoryUsage::scratch), field("mapped", &MemoryUsage::mapped))
      .def_property_readonly("total", &MemoryUsage::total, "Their sum; `mapped`, the bytes of a file, is not in it.");
  bind_fields<LevelStats>(module, "LevelStats", "Slots and links of one level of the graph.",
                          field("slots", &LevelStats::slots), field("links", &LevelStats::links));
  bind_fields<IndexStats>(module, "IndexStats",
                          "Entries (`live`), slots of erased ones (`dead`) and free slots; what `compact()` would "
                          "give back; slots and links by level.",
                          field("live", &IndexStats::live), field("dead", &IndexStats::dead),
                          field("free", &IndexStats::free), field("reclaimable_bytes", &IndexStats::reclaimable_bytes),
                          field("levels", &IndexStats::levels));
  bind_fields<CheckReport>(module, "CheckReport",
                           "Entries that no search can reach, broken invariants, and the first few of them in words.",
                           field("unreachable", &CheckReport::unreachable),
                           field("fault_count", &CheckReport::fault_count), field("faults", &CheckReport::faults))
      .def_property_readonly("ok", &CheckReport::ok, "Nothing is wrong.");

  using Report = EraseReport<Id>;
  py::class_<Report>(module, "EraseReport", "What became of the ids given to `batch_erase`, each as an array.")
      .def_property_readonly("erased", [](const Report& report) { return py::array_t<Id>(py::cast(report.erased)); })
      .def_property_readonly("absent", [](const Report& report) { return py::array_t<Id>(py::cast(report.absent)); })
      .def_property_readonly("repeated",
                             [](const Report& report) { return py::array_t<Id>(py::cast(report.repeated)); })
      .def("__repr__", [](const Report& report) {
        return describe_fields("EraseReport", report, field("erased", &Report::erased),
                               field("absent", &Report::absent), field("repeated", &Report::repeated));
      });
}

}  // namespace shoal::python
