#include "python/convert.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "python/arrays.hpp"
#include "tuplespace/model/error.hpp"
#include "tuplespace/model/limits.hpp"

namespace py = pybind11;

namespace parvis::python {
namespace {

void check_depth(std::size_t depth) {
  if (depth >= max_depth)
    throw Error(
        ErrorCode::limit_exceeded,
        "max_depth: lists, tuples and maps are nested deeper than " + std::to_string(max_depth) +
            " levels (does a list contain itself?); wrap what is deeper in an object of a class, which is pickled");
}

std::string_view utf8_of(PyObject* text) {
  Py_ssize_t size = 0;
  const char* data = PyUnicode_AsUTF8AndSize(text, &size);
  if (data) return {data, static_cast<std::size_t>(size)};
  if (!PyErr_ExceptionMatches(PyExc_UnicodeEncodeError)) throw py::error_already_set();
  const py::error_already_set surrogate;
  throw Error(ErrorCode::protocol_error,
              std::string("a str with a lone surrogate is not text and cannot be stored (") + surrogate.what() +
                  "); os.fsencode() or str.encode(errors='surrogateescape') makes bytes of it");
}

void write_integer(Writer& out, PyObject* number) {
  int overflow = 0;
  const long long small = PyLong_AsLongLongAndOverflow(number, &overflow);
  if (small == -1 && PyErr_Occurred()) throw py::error_already_set();
  if (overflow == 0) return out.integer(std::int64_t{small});
  const py::handle n(number);
  const auto magnitude = py::reinterpret_steal<py::object>(PyNumber_Absolute(number));
  if (!magnitude) throw py::error_already_set();
  const auto bits = py::cast<std::size_t>(n.attr("bit_length")());
  const py::bytes bytes = magnitude.attr("to_bytes")((bits + 7) / 8, "little");
  const ByteSpan span = as_bytes(std::string_view(bytes));
  out.integer(BigInteger{overflow < 0, ByteVector(span.begin(), span.end())});
}

py::object read_integer(Reader& in) {
  if (in.integer_fits()) return py::reinterpret_steal<py::object>(PyLong_FromLongLong(in.integer()));
  const Reader::BigSpan big = in.big_integer();
  const py::bytes magnitude(reinterpret_cast<const char*>(big.magnitude.data()), big.magnitude.size());
  py::object number = py::handle(reinterpret_cast<PyObject*>(&PyLong_Type)).attr("from_bytes")(magnitude, "little");
  return big.negative ? -number : number;
}

void write_bytes(Writer& out, py::handle value) {
  char* data = nullptr;
  Py_ssize_t size = 0;
  if (PyBytes_AsStringAndSize(value.ptr(), &data, &size) != 0) throw py::error_already_set();
  const ByteSpan bytes(reinterpret_cast<const std::byte*>(data), static_cast<std::size_t>(size));
  out.bytes(bytes.size() < splice_bytes ? Blob::borrowed(bytes) : blob_of(value));
}

// bytearray and memoryview: mutable, so copied now rather than when the frame is sent.
void write_mutable_bytes(Writer& out, PyObject* value) {
  const auto copy = py::reinterpret_steal<py::object>(PyBytes_FromObject(value));
  if (!copy) throw py::error_already_set();
  write_bytes(out, copy);
}

// Pickling an item runs foreign code, which may change the list: its items are held and its length is checked.
void write_list(Writer& out, PyObject* list, std::size_t depth) {
  check_depth(depth);
  const Py_ssize_t size = PyList_GET_SIZE(list);
  out.begin_list(static_cast<std::size_t>(size));
  for (Py_ssize_t i = 0; i < size; ++i) {
    if (PyList_GET_SIZE(list) != size)
      throw Error(ErrorCode::protocol_error, "the list changed its length while it was encoded");
    write_value(out, py::reinterpret_borrow<py::object>(PyList_GET_ITEM(list, i)), depth + 1);
  }
}

void write_nested_tuple(Writer& out, PyObject* tuple, std::size_t depth) {
  check_depth(depth);
  const Py_ssize_t size = PyTuple_GET_SIZE(tuple);
  out.begin_tuple(static_cast<std::size_t>(size));
  for (Py_ssize_t i = 0; i < size; ++i) write_value(out, PyTuple_GET_ITEM(tuple, i), depth + 1);
}

bool has_only_text_keys(PyObject* dict) {
  Py_ssize_t position = 0;
  PyObject *key = nullptr, *value = nullptr;
  while (PyDict_Next(dict, &position, &key, &value))
    if (!PyUnicode_CheckExact(key)) return false;
  return true;
}

void write_map(Writer& out, PyObject* dict, std::size_t depth) {
  check_depth(depth);
  struct Entry {
    std::string_view text;
    py::object key, value;
  };
  std::vector<Entry> entries;
  entries.reserve(static_cast<std::size_t>(PyDict_GET_SIZE(dict)));
  Py_ssize_t position = 0;
  PyObject *key = nullptr, *value = nullptr;
  while (PyDict_Next(dict, &position, &key, &value))
    entries.push_back(
        {utf8_of(key), py::reinterpret_borrow<py::object>(key), py::reinterpret_borrow<py::object>(value)});
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.text < b.text; });
  out.begin_map(entries.size());
  for (const Entry& entry : entries) {
    out.key(entry.text);
    write_value(out, entry.value, depth + 1);
  }
}

// `pickled` is what parvis._objects.dump returned: (codec, classes, body, buffers).
void write_object(Writer& out, const py::tuple& pickled) {
  std::vector<std::string> classes;
  for (py::handle name : py::tuple(pickled[1])) classes.push_back(py::cast<std::string>(name));
  std::vector<Blob> buffers;
  for (py::handle buffer : pickled[3]) buffers.push_back(blob_of(buffer));
  const py::object body = pickled[2];
  out.object(py::cast<std::string>(pickled[0]), classes, blob_of(body), buffers);
}

void write_other(Writer& out, py::handle value, std::size_t depth) {
  switch (numpy_kind(value)) {
    case Numpy::array: return write_array(out, value);
    case Numpy::scalar: return write_value(out, plain_scalar(value), depth);
    case Numpy::none: break;
  }
  write_object(out, objects_module().attr("dump")(value));
}

py::object checked(PyObject* made) {
  if (!made) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(made);
}

py::object text_of(std::string_view utf8) {
  return checked(PyUnicode_DecodeUTF8(utf8.data(), static_cast<Py_ssize_t>(utf8.size()), nullptr));
}

py::object bytes_of(ByteSpan bytes) {
  return checked(
      PyBytes_FromStringAndSize(reinterpret_cast<const char*>(bytes.data()), static_cast<Py_ssize_t>(bytes.size())));
}

class ValueReader {
 public:
  ValueReader(Reader& in, const Blob& owner, Objects objects) : in_(in), owner_(owner), objects_(objects) {}

  py::object read(std::size_t depth) {
    switch (in_.peek()) {
      case Type::nil: return in_.nil(), py::none();
      case Type::boolean: return py::bool_(in_.boolean());
      case Type::integer: return read_integer(in_);
      case Type::real: return checked(PyFloat_FromDouble(in_.real()));
      case Type::string: return text_of(in_.string());
      case Type::bytes: return bytes_of(in_.bytes());
      case Type::list: return read_list(depth);
      case Type::tuple: check_depth(depth); return read_items(in_.begin_tuple(), depth + 1);
      case Type::map: return read_map(depth);
      case Type::array: return read_array(in_.array(), owner_);
      case Type::object: return read_object();
    }
    throw Error(ErrorCode::protocol_error, "a value of an unknown type");
  }

  py::tuple read_items(std::size_t size, std::size_t depth) {
    py::object tuple = checked(PyTuple_New(static_cast<Py_ssize_t>(size)));
    for (std::size_t i = 0; i < size; ++i)
      PyTuple_SET_ITEM(tuple.ptr(), static_cast<Py_ssize_t>(i), read(depth).release().ptr());
    return py::reinterpret_steal<py::tuple>(tuple.release());
  }

 private:
  py::object read_list(std::size_t depth) {
    check_depth(depth);
    const std::size_t size = in_.begin_list();
    py::object list = checked(PyList_New(static_cast<Py_ssize_t>(size)));
    for (std::size_t i = 0; i < size; ++i)
      PyList_SET_ITEM(list.ptr(), static_cast<Py_ssize_t>(i), read(depth + 1).release().ptr());
    return list;
  }

  py::object read_map(std::size_t depth) {
    check_depth(depth);
    const std::size_t size = in_.begin_map();
    py::object dict = checked(PyDict_New());
    for (std::size_t i = 0; i < size; ++i) {
      const py::object key = text_of(in_.key());
      const py::object value = read(depth + 1);
      if (PyDict_SetItem(dict.ptr(), key.ptr(), value.ptr()) != 0) throw py::error_already_set();
    }
    return dict;
  }

  py::object read_object() {
    const Reader::ObjectSpan object = in_.object();
    py::tuple classes(object.classes.size());
    for (std::size_t i = 0; i < object.classes.size(); ++i) classes[i] = text_of(object.classes[i]);
    py::list buffers;
    for (ByteSpan buffer : object.buffers) buffers.append(memoryview_of(owner_.slice(buffer)));
    static constexpr std::array makers{"load", "RawObject", "load_or_raw"};
    return objects_module().attr(makers[static_cast<std::size_t>(objects_)])(
        text_of(object.codec), classes, memoryview_of(owner_.slice(object.body)), buffers);
  }

  Reader& in_;
  const Blob& owner_;
  Objects objects_;
};

}  // namespace

void write_value(Writer& out, py::handle value, std::size_t depth) {
  PyObject* o = value.ptr();
  const PyTypeObject* type = Py_TYPE(o);
  if (type == &PyUnicode_Type) return out.string(utf8_of(o));
  if (type == &PyLong_Type) return write_integer(out, o);
  if (type == &PyFloat_Type) return out.real(PyFloat_AS_DOUBLE(o));
  if (o == Py_None) return out.nil();
  if (type == &PyBool_Type) return out.boolean(o == Py_True);
  if (type == &PyBytes_Type) return write_bytes(out, value);
  if (type == &PyTuple_Type) return write_nested_tuple(out, o, depth);
  if (type == &PyList_Type) return write_list(out, o, depth);
  if (type == &PyDict_Type && has_only_text_keys(o)) return write_map(out, o, depth);
  if (type == &PyByteArray_Type || type == &PyMemoryView_Type) return write_mutable_bytes(out, o);
  write_other(out, value, depth);
}

void write_tuple(Encoding& out, std::span<PyObject* const> fields) {
  release_dropped_buffers();
  Writer writer(out);
  writer.tuple_body(fields.size());
  for (PyObject* field : fields) write_value(writer, field, 0);
}

void write_pickled(Writer& out, py::handle value) { write_object(out, objects_module().attr("dump")(value, true)); }

py::object read_value(Reader& in, const Blob& owner, Objects objects) {
  return ValueReader(in, owner, objects).read(0);
}

py::tuple read_tuple(const Blob& owner, Objects objects) {
  release_dropped_buffers();
  Reader in(owner.span());
  const std::size_t fields = in.tuple_body();
  return ValueReader(in, owner, objects).read_items(fields, 0);
}

}  // namespace parvis::python
