#pragma once
// Objects of Python whose __init__ was never called, as of `Index.__new__(Index)` or in a subclass before
// `super().__init__`. pybind11 hands them to functions as memory that nothing was made in; here they are a TypeError.
// To be included by every file that binds functions of these types: each type has one caster in the whole module.

#include <string>

#include <pybind11/pybind11.h>

#include "any_index.hpp"

namespace shoal::python {

namespace py = pybind11;

/// Has each class of the object's made what it holds? As pybind11 asks it after a call of the class.
[[nodiscard]] inline bool is_made(const py::handle& object) {
  auto* const instance = reinterpret_cast<py::detail::instance*>(object.ptr());
  for (const auto& part : py::detail::values_and_holders(instance)) {
    if (!part.holder_constructed()) return false;
  }
  return true;
}

/// pybind11's caster, for objects that are made.
template <class T>
class CasterOfMade : public py::detail::type_caster_base<T> {
 public:
  bool load(py::handle object, bool converts) {
    if (py::isinstance<T>(object) && !is_made(object)) {
      throw py::type_error("expected an object that was made by its class, got one of " +
                           std::string(py::str(py::type::handle_of(object).attr("__name__"))) +
                           " whose __init__ was not called");
    }
    return py::detail::type_caster_base<T>::load(object, converts);
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
