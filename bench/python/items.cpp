#include "items.hpp"

#include <string>

namespace shoal::python {

namespace {

[[nodiscard]] std::string name_of_type(const py::object& object) {
  return py::str(py::type::handle_of(object).attr("__name__"));
}

[[nodiscard]] py::object iterate(const py::object& iterable) {
  auto iterator = py::reinterpret_steal<py::object>(PyObject_GetIter(iterable.ptr()));
  if (!iterator) {
    PyErr_Clear();
    throw py::type_error("expected ids and a matrix, or an iterable of pairs (id, vector), got " +
                         name_of_type(iterable));
  }
  return iterator;
}

}  // namespace

IteratorItems::IteratorItems(const py::object& iterable, Raised& raised)
    : iterator_(py::reinterpret_borrow<py::iterator>(iterate(iterable))), raised_(raised) {}

bool IteratorItems::next(Item& item) {
  return raised_.call([&] {
    raised_.check_signals();
    const auto pair = py::reinterpret_steal<py::object>(PyIter_Next(iterator_.ptr()));
    if (!pair) {
      if (PyErr_Occurred() != nullptr) throw py::error_already_set();
      return false;
    }
    const std::string where = "item " + std::to_string(read_++);
    if (!py::isinstance<py::sequence>(pair) || py::len(pair) != 2) {
      throw py::type_error(where + ": expected a pair (id, vector), got " + name_of_type(pair));
    }
    const Id id = value_or_raise(to_id_or_error(pair[py::int_(0)]));
    vector_.emplace(pair[py::int_(1)], where.c_str());
    item = {.id = id, .vector = vector_->values()};
    return true;
  });
}

}  // namespace shoal::python
