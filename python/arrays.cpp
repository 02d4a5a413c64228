#include "python/arrays.hpp"

#include <cstring>
#include <vector>

#include "python/convert.hpp"
#include "tuplespace/model/error.hpp"

namespace py = pybind11;

namespace parvis::python {
namespace {

// Statics here are plain pointers tested by hand under the GIL: a guarded initialisation that imports may let go of the
// GIL while it holds the guard, and another thread would wait for the guard with the GIL.

// References that live as long as the process: releasing them at its end would need an interpreter that is gone.
struct NumpyTypes {
  PyTypeObject* array = nullptr;
  PyTypeObject* scalar = nullptr;
};

// Null members until somebody has imported numpy: no numpy object can exist before.
const NumpyTypes& numpy_types() {
  static NumpyTypes types;
  if (types.scalar) return types;
  PyObject* modules = PyImport_GetModuleDict();
  PyObject* numpy = PyDict_GetItemString(modules, "numpy");
  if (!numpy) return types;
  py::object array = py::getattr(numpy, "ndarray", py::none());
  py::object scalar = py::getattr(numpy, "generic", py::none());
  if (!PyType_Check(array.ptr()) || !PyType_Check(scalar.ptr())) return types;  // numpy is being imported right now
  types.array = reinterpret_cast<PyTypeObject*>(array.release().ptr());
  types.scalar = reinterpret_cast<PyTypeObject*>(scalar.release().ptr());
  return types;
}

bool has_plain_counterpart(py::handle scalar) {
  const py::object dtype = scalar.attr("dtype");
  const auto kind = py::cast<std::string>(dtype.attr("kind"));
  if (kind == "f") return py::cast<std::size_t>(dtype.attr("itemsize")) <= sizeof(double);
  return kind.size() == 1 && std::strchr("biuSU", kind[0]);
}

// The name under which a dtype travels, numpy's typestr; none when only a pickle keeps it whole (Python objects,
// structures).
py::object dtype_name(py::handle dtype) {
  static PyObject* names = nullptr;
  if (!names) names = py::dict().release().ptr();
  PyObject* known = PyDict_GetItemWithError(names, dtype.ptr());
  if (known) return py::reinterpret_borrow<py::object>(known);
  if (PyErr_Occurred()) throw py::error_already_set();
  py::object name = objects_module().attr("dtype_name")(dtype);
  if (PyDict_Size(names) < 1000 && PyDict_SetItem(names, dtype.ptr(), name.ptr()) != 0) throw py::error_already_set();
  return name;
}

py::object dtype_named(std::string_view name) {
  static PyObject* dtypes = nullptr;
  if (!dtypes) dtypes = py::dict().release().ptr();
  py::str key(name.data(), name.size());
  PyObject* known = PyDict_GetItemWithError(dtypes, key.ptr());
  if (known) return py::reinterpret_borrow<py::object>(known);
  if (PyErr_Occurred()) throw py::error_already_set();
  py::object dtype = objects_module().attr("dtype_named")(key);
  if (PyDict_Size(dtypes) < 1000 && PyDict_SetItem(dtypes, key.ptr(), dtype.ptr()) != 0) throw py::error_already_set();
  return dtype;
}

struct Shape {
  std::vector<std::uint64_t> extents;
  explicit Shape(py::handle array) {
    py::tuple shape = array.attr("shape");
    extents.reserve(shape.size());
    for (py::handle extent : shape) extents.push_back(py::cast<std::uint64_t>(extent));
  }
};

}  // namespace

py::handle objects_module() {
  static PyObject* module = nullptr;
  if (!module) module = py::module_::import("parvis._objects").release().ptr();
  return module;
}

Numpy numpy_kind(py::handle value) {
  const NumpyTypes& types = numpy_types();
  if (!types.scalar) return Numpy::none;
  PyTypeObject* type = Py_TYPE(value.ptr());
  if (type == types.array) return dtype_name(value.attr("dtype")).is_none() ? Numpy::none : Numpy::array;
  if (PyType_IsSubtype(type, types.scalar) && has_plain_counterpart(value)) return Numpy::scalar;
  return Numpy::none;
}

std::optional<Type> numpy_formal(py::handle type) {
  const NumpyTypes& types = numpy_types();
  if (!types.scalar) return std::nullopt;
  if (type.ptr() == reinterpret_cast<PyObject*>(types.array)) return Type::array;
  if (!PyType_IsSubtype(reinterpret_cast<PyTypeObject*>(type.ptr()), types.scalar)) return std::nullopt;
  const auto name = py::cast<std::string>(objects_module().attr("plain_type_name")(type));
  return type_named(name);
}

void write_array(Writer& out, py::handle array) {
  const py::object name = dtype_name(array.attr("dtype"));
  const Shape shape(array);
  Blob elements;
  if (py::cast<bool>(array.attr("flags").attr("c_contiguous"))) elements = blob_of(array);
  else elements = blob_of(array.attr("copy")("C"));
  out.array(py::cast<std::string_view>(name), shape.extents, elements);
}

py::object plain_scalar(py::handle scalar) { return scalar.attr("item")(); }

py::object read_array(const Reader::ArraySpan& array, const Blob& owner) {
  const py::object dtype = dtype_named(array.dtype);
  py::tuple shape(array.shape.size());
  for (std::size_t i = 0; i < array.shape.size(); ++i) shape[i] = py::int_(array.shape[i]);
  const auto alignment = py::cast<std::size_t>(dtype.attr("alignment"));
  // Elements stand where the frame put them; only a copy (owned, so aligned by the allocator) can move them.
  const bool aligned = alignment == 0 || reinterpret_cast<std::uintptr_t>(array.elements.data()) % alignment == 0;
  const Blob elements = aligned ? owner.slice(array.elements) : Blob::copy(array.elements);
  return objects_module().attr("array")(shape, dtype, memoryview_of(elements));
}

}  // namespace parvis::python
