#include "python/arguments.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "python/convert.hpp"
#include "python/patterns.hpp"
#include "tuplespace/model/limits.hpp"

namespace py = pybind11;

namespace parvis::python {

std::int64_t microseconds(const py::object& seconds, const char* what) {
  if (seconds.is_none()) return -1;
  const double value = PyFloat_AsDouble(seconds.ptr());
  if (value == -1 && PyErr_Occurred()) throw py::error_already_set();
  if (std::isnan(value) || value < 0)
    throw py::value_error(std::string(what) + " is a number of seconds, 0 or more, or None; not " +
                          py::cast<std::string>(py::repr(seconds)));
  return value > 9e12 ? -1 : std::llround(value * 1e6);
}

std::span<PyObject* const> fields_of(const py::handle& tuple) {
  return {PySequence_Fast_ITEMS(tuple.ptr()), static_cast<std::size_t>(PyTuple_GET_SIZE(tuple.ptr()))};
}

py::tuple as_tuple(py::handle sequence, const char* what) {
  if (!PyTuple_Check(sequence.ptr()) && !PyList_Check(sequence.ptr()))
    throw py::type_error(std::string(what) + " is a tuple or list of its fields, not " +
                         py::cast<std::string>(py::repr(py::type::handle_of(sequence))));
  auto tuple = py::reinterpret_steal<py::tuple>(PySequence_Tuple(sequence.ptr()));
  if (!tuple) throw py::error_already_set();
  return tuple;
}

std::uint32_t up_to(std::int64_t n) {
  if (n < 1) throw py::value_error("the number of tuples is at least 1");
  return static_cast<std::uint32_t>(std::min<std::int64_t>(n, 0xFFFFFFFF));
}

std::int32_t priority_of(int priority) {
  if (priority < min_priority || priority > max_priority)
    throw Error(ErrorCode::limit_exceeded,
                "priority " + std::to_string(priority) + " is not between min_priority -32768 and max_priority 32767");
  return priority;
}

Payload group_of(const py::object& key) {
  if (key.is_none()) return {};
  return tuple_of(py::make_tuple(key));
}

Blob tuple_of(const py::handle& fields) {
  Encoding encoding;
  write_tuple(encoding, fields_of(fields));
  return encoding.flatten();
}

Templates::Templates(const py::tuple& arguments) {
  if (arguments.size() != 1 || !is_any_of(arguments[0])) {
    write_template(one_, fields_of(arguments));
    return;
  }
  for (py::handle fields : py::tuple(py::handle(arguments[0]).attr("templates"))) {
    Encoding encoding;
    const py::tuple held = as_tuple(fields, "a template of AnyOf");
    write_template(encoding, fields_of(held));
    several_.emplace_back(encoding.flatten());
  }
}

std::vector<Payload> Templates::lent() const {
  if (!several_.empty()) return several_;
  return {Payload(&one_)};
}

std::vector<Payload> Templates::owned() const {
  if (!several_.empty()) return several_;
  return {Payload(one_.flatten())};
}

}  // namespace parvis::python
