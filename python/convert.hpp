// Python objects <-> the codec: what the extension module and the kernels share. Values are written and read directly,
// without a tree of Values between.
//
//   None bool int float str bytes list tuple dict (str keys)   their own types; bytearray and memoryview become bytes
//   numpy.ndarray                                              array; no copy when C-contiguous, a read-only view when
//   read numpy scalars                                              the plain scalar everything else (subclasses of the
//   above included)         object: pickle 5 with out-of-band buffers, or cloudpickle
//
// Threads: every function needs the GIL. Blobs made here keep Python buffers alive and may be dropped on any thread,
// with or without the GIL: the buffer is given back by the main thread or by the next conversion. Errors:
// parvis::Error{limit_exceeded, protocol_error} for what the codec refuses; pybind11::error_already_set for what Python
// raised (TypeError: cannot be pickled; parvis.DecodeError: cannot be unpickled, with the raw bytes in it).
#pragma once

#include <pybind11/pybind11.h>

#include <span>

#include "tuplespace/model/bytes.hpp"
#include "tuplespace/model/codec.hpp"

namespace parvis::python {

// One value. `depth` is how many lists, tuples and maps are already open around it (0: a field of a tuple).
void write_value(Writer& out, pybind11::handle value, std::size_t depth = 0);
// A whole tuple, ready to be stored or sent.
void write_tuple(Encoding& out, std::span<PyObject* const> fields);
// Pickles whatever it is, plain types too, functions of __main__ and of the user's own modules by value.
void write_pickled(Writer& out, pybind11::handle value);

// What becomes of objects: loaded (unpickled: only where the writer may execute code here anyway); handed out as
// parvis.RawObject with their bytes; or loaded where that works and raw where it does not.
enum class Objects : std::uint8_t { load, raw, lenient };
// `owner` holds the bytes that `in` reads: arrays and out-of-band buffers alias it, read-only, for as long as they
// live.
pybind11::object read_value(Reader& in, const Blob& owner, Objects objects = Objects::load);
pybind11::tuple read_tuple(const Blob& owner, Objects objects = Objects::load);

// A Blob over the memory of any object with the buffer protocol (C-contiguous), without a copy.
Blob blob_of(pybind11::handle buffer);
// A read-only Python buffer (memoryview) over a Blob, without a copy.
pybind11::object memoryview_of(const Blob& blob);

// Gives back the buffers of Blobs that other threads dropped. Called by every conversion; cheap when there are none.
void release_dropped_buffers();

}  // namespace parvis::python
