#pragma once
// Objects of Python whose __init__ was never called, as of `Index.__new__(Index)` or in a subclass before
// `super().__init__`. pybind11 hands them to functions as memory that nothing was made in; here they are a TypeError.
// To be included by every file that binds functions of these types: each type has one caster in the whole module.

#include <string>
#include <utility>

#include <pybind11/pybind11.h>

#include "any_index.hpp"

namespace shoal::python {

namespace py = pybind11;

/// pybind11's caster, for objects that are made.
template <class T>
class CasterOfMade : public py::detail::type_caster_base<T> {
 public:
  bool load(py::handle object, bool converts) { return this->template load_impl<CasterOfMade>(object, converts); }

 private:
  friend py::detail::type_caster_generic;

  /// Where pybind11 would make room for what is not there.
  void load_value(py::detail::value_and_holder&& part) {
    if (part.value_ptr() == nullptr) {
      const py::handle object(reinterpret_cast<PyObject*>(part.inst));
      throw py::type_error("expected an object that was made by its class, got one of " +
                           std::string(py::str(py::type::handle_of(object).attr("__name__"))) +
                           " whose __init__ was not called");
    }
    py::detail::type_caster_base<T>::load_value(std::move(part));
  }
};

}  // namespace shoal::python

namespace pybind11::detail {

template <>
class type_caster<shoal::python::AnyReadable> : public shoal::python::CasterOfMade<shoal::python::AnyReadable> {};
template <>
class type_caster<shoal::python::AnyIndex> : public shoal::python::CasterOfMade<shoal::python::AnyIndex> {};
template <>
class type_caster<shoal::MemoryUsage> : public shoal::python::CasterOfMade<shoal::MemoryUsage> {};
template <>
class type_caster<shoal::LevelStats> : public shoal::python::CasterOfMade<shoal::LevelStats> {};
template <>
class type_caster<shoal::IndexStats> : public shoal::python::CasterOfMade<shoal::IndexStats> {};
template <>
class type_caster<shoal::CheckReport> : public shoal::python::CasterOfMade<shoal::CheckReport> {};
template <>
class type_caster<shoal::EraseReport<shoal::python::Id>>
    : public shoal::python::CasterOfMade<shoal::EraseReport<shoal::python::Id>> {};

}  // namespace pybind11::detail
