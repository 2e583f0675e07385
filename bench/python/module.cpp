// shoal._shoal, the extension module of the Python package shoal. Nothing of the library waits with the interpreter
// lock held: every function that takes a lock of an index gives the interpreter's up first, and what Python code the
// library calls takes it for that time (raised.hpp).

#include <pybind11/pybind11.h>

#include "bindings.hpp"
#include "errors.hpp"
#include "shoal/core/version.hpp"

#define SHOAL_STRING_OF(x) #x
#define SHOAL_STRING(x) SHOAL_STRING_OF(x)

PYBIND11_MODULE(_shoal, module) {
  module.doc() = "The extension module of shoal: import shoal.";
  module.attr("__version__") =
      SHOAL_STRING(SHOAL_VERSION_MAJOR) "." SHOAL_STRING(SHOAL_VERSION_MINOR) "." SHOAL_STRING(SHOAL_VERSION_PATCH);
  shoal::python::bind_errors(module);
  shoal::python::bind_values(module);
  shoal::python::bind_readable(module);
  shoal::python::bind_index(module);
}
