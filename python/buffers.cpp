// Memory shared between Blobs and Python, both ways.
#include <atomic>
#include <memory>

#include "python/convert.hpp"

namespace py = pybind11;

namespace parvis::python {
namespace {

// A Python buffer that a Blob keeps alive. Whoever drops the last Blob may hold locks and may not hold the GIL, so it
// never gives the buffer back itself (that can run any Python code): it puts it on this list.
struct Held {
  Py_buffer view;
  Held* next;
};
std::atomic<Held*> dropped{nullptr};

int release_pending(void*) {
  release_dropped_buffers();
  return 0;
}

void drop(Held* held) {
  Held* head = dropped.load(std::memory_order_relaxed);
  do held->next = head;
  while (!dropped.compare_exchange_weak(head, held, std::memory_order_release, std::memory_order_relaxed));
  // When the queue of pending calls is full, the next conversion does it.
  if (!head && Py_IsInitialized()) Py_AddPendingCall(&release_pending, nullptr);
}

// The Python object behind arrays and memoryviews of received bytes.
struct Memory {
  PyObject_HEAD Blob blob;
};

void memory_dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  reinterpret_cast<Memory*>(self)->blob.~Blob();
  type->tp_free(self);
  Py_DECREF(type);
}

int memory_getbuffer(PyObject* self, Py_buffer* view, int flags) {
  static std::byte nothing{};
  const Blob& blob = reinterpret_cast<Memory*>(self)->blob;
  const std::byte* data = blob.empty() ? &nothing : blob.data();
  return PyBuffer_FillInfo(view, self, const_cast<std::byte*>(data), static_cast<Py_ssize_t>(blob.size()), 1, flags);
}

PyTypeObject* memory_type() {
  static PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(&memory_dealloc)},
                                {Py_bf_getbuffer, reinterpret_cast<void*>(&memory_getbuffer)},
                                {0, nullptr}};
  static PyType_Spec spec{"parvis.Memory", sizeof(Memory), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                          slots};
  static PyObject* type = nullptr;
  if (!type) type = PyType_FromSpec(&spec);
  if (!type) throw py::error_already_set();
  return reinterpret_cast<PyTypeObject*>(type);
}

}  // namespace

void release_dropped_buffers() {
  if (!dropped.load(std::memory_order_relaxed)) return;
  Held* held = dropped.exchange(nullptr, std::memory_order_acquire);
  while (held) {
    std::unique_ptr<Held> done(held);
    held = held->next;
    PyBuffer_Release(&done->view);
  }
}

Blob blob_of(py::handle buffer) {
  auto held = std::make_unique<Held>();
  if (PyObject_GetBuffer(buffer.ptr(), &held->view, PyBUF_SIMPLE) != 0) throw py::error_already_set();
  const ByteSpan bytes(static_cast<const std::byte*>(held->view.buf), static_cast<std::size_t>(held->view.len));
  std::shared_ptr<Held> owner(held.release(), &drop);
  return {std::move(owner), bytes};
}

py::object memoryview_of(const Blob& blob) {
  PyTypeObject* type = memory_type();
  auto* memory = PyObject_New(Memory, type);
  if (!memory) throw py::error_already_set();
  new (&memory->blob) Blob(blob);
  auto owner = py::reinterpret_steal<py::object>(reinterpret_cast<PyObject*>(memory));
  auto view = py::reinterpret_steal<py::object>(PyMemoryView_FromObject(owner.ptr()));
  if (!view) throw py::error_already_set();
  return view;
}

}  // namespace parvis::python
