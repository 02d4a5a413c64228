// The tuple of a call, `(verb, arguments)` of docs/kernels.md, read without Python.
#pragma once

#include <optional>
#include <string>

#include "kernel/request.hpp"

namespace parvis::kernel {

struct Call {
  std::string verb;
  std::optional<std::string> id;
  bool block = true, now = false;
  std::optional<Verb> queued;  // set: `request` is to wait in the queue
  Request request;
};

// Throws Error{protocol_error} with a text that names the argument. Parts alias `tuple`.
Call read_call(const Blob& tuple);

}  // namespace parvis::kernel
