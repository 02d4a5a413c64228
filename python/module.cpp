// The extension module parvis._parvis: the C++ client as Python sees it. Thin: what is not speed is in the package.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "python/calls.hpp"
#include "python/errors.hpp"
#include "python/spaces.hpp"

PYBIND11_MODULE(_parvis, module) {
  module.doc() = "The C++ client of Parvis. Use the package parvis.";
  module.attr("version") = PARVIS_VERSION;
  parvis::python::register_errors(module);
  parvis::python::register_calls(module);
  parvis::python::register_sessions(module);
  parvis::python::register_spaces(module);
}
