#include "python/errors.hpp"

#include <string>

namespace py = pybind11;

namespace parvis::python {

py::object exception_of(const Error& error) {
  const py::module_ errors = py::module_::import("parvis._errors");
  const py::object type = errors.attr(std::string(name_of(error.code())).c_str());
  const std::string text = error.what();
  // Texts may quote what a peer sent.
  const auto message = py::reinterpret_steal<py::object>(
      PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "replace"));
  if (error.code() == ErrorCode::disconnected) return type(message, error.outcome_unknown());
  return type(message);
}

void register_errors(py::module_&) {
  // NOLINTNEXTLINE(performance-unnecessary-value-param): the type that is asked for
  py::register_local_exception_translator([](std::exception_ptr thrown) {
    try {
      if (thrown) std::rethrow_exception(thrown);
    } catch (const Error& error) {
      const py::object exception = exception_of(error);
      PyErr_SetObject(py::type::handle_of(exception).ptr(), exception.ptr());
    }
  });
}

}  // namespace parvis::python
