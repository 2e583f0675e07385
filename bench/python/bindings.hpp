#pragma once
// The parts that the extension module is made of, in the order in which they are bound.

#include <pybind11/pybind11.h>

namespace shoal::python {

/// What indexes count of themselves: MemoryUsage, IndexStats, CheckReport, EraseReport.
void bind_values(pybind11::module_& module);
/// ReadableIndex: searching and looking up.
void bind_readable(pybind11::module_& module);
/// Index: the rest.
void bind_index(pybind11::module_& module);

}  // namespace shoal::python
