// What the archives cannot see: tuples and templates are well formed, names are names, numbers are in range. Called by
// unpack on every message of a stranger. Throws Error{protocol_error} or {limit_exceeded} with a text for people.
#pragma once

#include "tuplespace/wire/message.hpp"

namespace parvis::wire {

void validate(const Message& message, std::size_t tuple_bytes);

}  // namespace parvis::wire
