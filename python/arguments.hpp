// What the operations have in common: their arguments, made ready for the client. Every function needs the GIL; what is
// wrong with an argument is a TypeError or ValueError.
#pragma once

#include <pybind11/pybind11.h>

#include <span>
#include <vector>

#include "tuplespace/model/operation.hpp"

namespace parvis::python {

std::int64_t microseconds(const pybind11::object& seconds, const char* what);  // None: -1, for ever
std::span<PyObject* const> fields_of(const pybind11::handle& tuple);           // which must be a tuple
pybind11::tuple as_tuple(pybind11::handle sequence, const char* what);         // a tuple or list of fields
std::uint32_t up_to(std::int64_t n);                                           // a number of tuples
std::int32_t priority_of(int priority);
Payload group_of(const pybind11::object& key);  // None: no group
Blob tuple_of(const pybind11::handle& fields);  // encoded, on its own

// The templates of a call: its arguments are the fields of one, or a single AnyOf.
class Templates {
 public:
  explicit Templates(const pybind11::tuple& arguments);
  [[nodiscard]] std::vector<Payload> lent() const;  // while this lives
  [[nodiscard]] std::vector<Payload> owned() const;

 private:
  Encoding one_;
  std::vector<Payload> several_;
};

}  // namespace parvis::python
