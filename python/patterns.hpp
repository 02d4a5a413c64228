// Python templates -> the codec. A field is an actual value, a type (formal), ANY, Between, Prefix, OneOf, Var, a list
// or tuple that contains such things, or, last, an Ellipsis. Needs the GIL; errors as in convert.hpp.
#pragma once

#include <span>

#include "python/convert.hpp"

namespace parvis::python {

void write_template(Encoding& out, std::span<PyObject* const> fields);
// What a statement puts, or changes with: actuals and variables, and lists and tuples of them.
void write_form(Encoding& out, std::span<PyObject* const> fields);
bool is_any_of(pybind11::handle argument);

}  // namespace parvis::python
