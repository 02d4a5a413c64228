// Arithmetic on encoded values, for updates and aggregates: ints are exact at any size, floats are IEEE doubles, and
// nothing is converted: int with int, float with float. Pure functions on validated encodings.
//
// They throw Error{protocol_error} for values they are not made for.
#pragma once

#include <cstddef>

#include "tuplespace/model/bytes.hpp"

namespace parvis {

ByteVector add(ByteSpan a, ByteSpan b);
ByteVector subtract(ByteSpan a, ByteSpan b);
ByteVector multiply(ByteSpan a, ByteSpan b);
// How long a multiplication takes, in steps of about the time that one comparison of a tuple takes.
std::size_t steps_to_multiply(ByteSpan a, ByteSpan b);
// Of two values of one ordered type (int, float, str, bytes), as compare_values has it; of equal ones the first.
ByteSpan lesser(ByteSpan a, ByteSpan b);
ByteSpan greater(ByteSpan a, ByteSpan b);

}  // namespace parvis
