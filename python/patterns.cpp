#include "python/patterns.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "python/arrays.hpp"
#include "tuplespace/model/error.hpp"
#include "tuplespace/model/limits.hpp"

namespace py = pybind11;

namespace parvis::python {
namespace {

// The classes of parvis._templates and whichever numpy types stand for plain formals; borrowed for ever.
struct Classes {
  PyObject* any = nullptr;
  PyTypeObject* between = nullptr;
  PyTypeObject* prefix = nullptr;
  PyTypeObject* one_of = nullptr;
  PyTypeObject* variable = nullptr;
  PyTypeObject* expression = nullptr;
  PyTypeObject* any_of = nullptr;
  PyTypeObject* raw_object = nullptr;
};

const Classes& classes() {
  static Classes known;  // a plain aggregate filled under the GIL: no guarded initialisation (see arrays.cpp)
  if (known.any) return known;
  const py::module_ templates = py::module_::import("parvis._templates");
  const auto type = [](const py::handle& module, const char* name) {
    return reinterpret_cast<PyTypeObject*>(py::object(module.attr(name)).release().ptr());
  };
  Classes made;
  made.between = type(templates, "Between");
  made.prefix = type(templates, "Prefix");
  made.one_of = type(templates, "OneOf");
  made.variable = type(templates, "Var");
  made.expression = type(templates, "Expression");
  made.any_of = type(templates, "AnyOf");
  made.raw_object = type(objects_module(), "RawObject");
  made.any = py::object(templates.attr("ANY")).release().ptr();
  known = made;
  return known;
}

bool is_pattern(PyObject* o) {
  const Classes& c = classes();
  const PyTypeObject* type = Py_TYPE(o);
  return PyType_Check(o) || o == c.any || o == Py_Ellipsis || type == c.between || type == c.prefix ||
         type == c.one_of || type == c.variable || type == c.expression || type == c.any_of;
}

[[noreturn]] void refuse(const std::string& text) { throw Error(ErrorCode::protocol_error, text); }

bool has_pattern(PyObject* o, std::size_t depth) {
  if (depth > max_depth) return false;  // the encoder says what is wrong with it
  if (PyTuple_CheckExact(o) || PyList_CheckExact(o)) {
    PyObject** items = PySequence_Fast_ITEMS(o);
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(o); ++i)
      if (has_pattern(items[i], depth + 1)) return true;
    return false;
  }
  if (PyDict_CheckExact(o)) {
    Py_ssize_t position = 0;
    PyObject *key = nullptr, *value = nullptr;
    while (PyDict_Next(o, &position, &key, &value))
      if (has_pattern(value, depth + 1))
        refuse(
            "a template cannot look inside a dict: use the formal dict, or a tuple or list of what is to be matched");
    return false;
  }
  return is_pattern(o);
}

std::optional<Type> plain_formal(PyObject* type) {
  const auto is = [type](PyTypeObject& plain) { return type == reinterpret_cast<PyObject*>(&plain); };
  if (is(PyUnicode_Type)) return Type::string;
  if (is(PyLong_Type)) return Type::integer;
  if (is(PyFloat_Type)) return Type::real;
  if (is(PyBool_Type)) return Type::boolean;
  if (is(PyBytes_Type) || is(PyByteArray_Type) || is(PyMemoryView_Type)) return Type::bytes;
  if (is(PyList_Type)) return Type::list;
  if (is(PyTuple_Type)) return Type::tuple;
  if (is(PyDict_Type)) return Type::map;
  if (type == reinterpret_cast<PyObject*>(Py_TYPE(Py_None))) return Type::nil;
  if (type == reinterpret_cast<PyObject*>(classes().raw_object)) return Type::object;
  return numpy_formal(type);
}

void write_formal(Writer& out, PyObject* type) {
  if (type == reinterpret_cast<PyObject*>(&PyBaseObject_Type)) return out.any();
  if (const auto plain = plain_formal(type)) return out.formal(*plain);
  out.class_formal(py::cast<std::string>(objects_module().attr("class_name")(py::handle(type))));
}

Value value_of(py::handle o) {
  Encoding encoding;
  Writer writer(encoding);
  write_value(writer, o);
  const Blob bytes = encoding.flatten();
  Reader reader(bytes.span());
  return decode_value(reader, bytes);
}

void write_variable(Writer& out, py::handle variable) {
  const py::object type = variable.attr("type");
  std::optional<Type> formal;
  if (!type.is_none()) {
    formal = plain_formal(type.ptr());
    if (!formal) refuse("a Var has a plain type (bool int float str bytes list tuple dict numpy.ndarray) or none");
  }
  out.variable(py::cast<std::string>(variable.attr("name")), formal);
}

struct Fields {
  std::span<PyObject* const> items;
  bool open;
  explicit Fields(std::span<PyObject* const> all) : items(all), open(!all.empty() && all.back() == Py_Ellipsis) {
    if (open) items = items.first(items.size() - 1);
  }
};

void write_field(Writer& out, PyObject* field, std::size_t depth);

void write_fields(Writer& out, const Fields& fields, std::size_t depth) {
  for (PyObject* field : fields.items) write_field(out, field, depth);
}

void write_field(Writer& out, PyObject* field, std::size_t depth) {
  const Classes& c = classes();
  const PyTypeObject* type = Py_TYPE(field);
  const py::handle handle(field);
  if (PyType_Check(field)) return write_formal(out, field);
  if (field == c.any) return out.any();
  if (type == c.between) return out.between(value_of(handle.attr("low")), value_of(handle.attr("high")));
  if (type == c.prefix) return out.prefix(value_of(handle.attr("text")));
  if (type == c.variable) return write_variable(out, handle);
  if (type == c.one_of) {
    std::vector<Value> values;
    for (py::handle value : py::tuple(handle.attr("values"))) values.push_back(value_of(value));
    return out.one_of(values);
  }
  if (type == c.any_of)
    throw py::type_error("AnyOf stands for whole templates, as the only argument; a field of several is OneOf(...)");
  if (type == c.expression)
    throw py::type_error("arithmetic on a Var is for what a statement puts or sets; a template only binds variables");
  if (field == Py_Ellipsis) refuse("... stands for any further fields and can only be the last of a template");
  if (!has_pattern(field, depth)) return write_value(out, handle, depth);
  const auto held = py::reinterpret_steal<py::object>(PySequence_Tuple(field));  // pickling an item may change a list
  if (!held) throw py::error_already_set();
  const Fields inner(
      {PySequence_Fast_ITEMS(held.ptr()), static_cast<std::size_t>(PySequence_Fast_GET_SIZE(held.ptr()))});
  out.begin_nested(PyList_CheckExact(field) ? Type::list : Type::tuple, inner.items.size(), inner.open);
  write_fields(out, inner, depth + 1);
}

bool has_variable(PyObject* o, std::size_t depth) {
  if (depth > max_depth) return false;
  if (PyTuple_CheckExact(o) || PyList_CheckExact(o)) {
    PyObject** items = PySequence_Fast_ITEMS(o);
    return std::any_of(items, items + PySequence_Fast_GET_SIZE(o),
                       [&](PyObject* item) { return has_variable(item, depth + 1); });
  }
  return !PyType_Check(o) && is_pattern(o);  // a class is a value here, as of out
}

void write_form_field(Writer& out, PyObject* field, std::size_t depth) {
  const Classes& c = classes();
  if (Py_TYPE(field) == c.variable) return write_variable(out, field);
  if (!has_variable(field, depth)) return write_value(out, field, depth);
  if (!PyTuple_CheckExact(field) && !PyList_CheckExact(field))
    throw py::type_error(Py_TYPE(field) == c.expression
                             ? "arithmetic on a Var is a field of its own, not part of a list or tuple"
                             : py::cast<std::string>(py::repr(field)) +
                                   " is for templates; what is put holds values and variables");
  const auto held = py::reinterpret_steal<py::object>(PySequence_Tuple(field));
  if (!held) throw py::error_already_set();
  const auto size = static_cast<std::size_t>(PyTuple_GET_SIZE(held.ptr()));
  out.begin_nested(PyList_CheckExact(field) ? Type::list : Type::tuple, size, false);
  for (std::size_t i = 0; i < size; ++i) write_form_field(out, PySequence_Fast_ITEMS(held.ptr())[i], depth + 1);
}

}  // namespace

bool is_any_of(py::handle argument) { return Py_TYPE(argument.ptr()) == classes().any_of; }

void write_form(Encoding& out, std::span<PyObject* const> fields) {
  release_dropped_buffers();
  Writer writer(out);
  writer.template_body(fields.size(), false);
  for (PyObject* field : fields) write_form_field(writer, field, 0);
}

void write_template(Encoding& out, std::span<PyObject* const> fields) {
  release_dropped_buffers();
  Writer writer(out);
  const Fields split(fields);
  writer.template_body(split.items.size(), split.open);
  write_fields(writer, split, 0);
}

}  // namespace parvis::python
