// numpy arrays and scalars <-> the codec. Uses Python's own protocols, not numpy's C structures, so that one binary
// serves every numpy, and never imports numpy before an array has been seen. All functions need the GIL.
#pragma once

#include <pybind11/pybind11.h>

#include <optional>

#include "tuplespace/model/codec.hpp"

namespace parvis::python {

// The Python half of the conversion, parvis._objects; imported when first needed.
pybind11::handle objects_module();

// What numpy makes of an object: an exact ndarray without Python objects inside, a scalar with a plain counterpart, or
// none.
enum class Numpy : std::uint8_t { none, array, scalar };
Numpy numpy_kind(pybind11::handle value);

// The plain type that a numpy type stands for as a formal: ndarray an array, numpy.float64 a float, …
std::optional<Type> numpy_formal(pybind11::handle type);

void write_array(Writer& out, pybind11::handle array);
pybind11::object plain_scalar(pybind11::handle scalar);
pybind11::object read_array(const Reader::ArraySpan& array, const Blob& owner);

}  // namespace parvis::python
