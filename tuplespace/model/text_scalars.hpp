// Internal to model: numbers and quoted text, both ways. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "tuplespace/model/value.hpp"

namespace parvis::text {

// How many bytes at the start of `s` form a number (an int, hexadecimal int or float); 0 when none do.
std::size_t number_length(std::string_view s);
// The value of exactly such bytes; nothing for a float out of range. Throws Error{limit_exceeded} for too many digits.
std::optional<Value> number(std::string_view s);
// nil, true, false, nan, -nan, inf, -inf, nan(0x7ff8000000000001).
std::optional<Value> keyword(std::string_view word);

// What a backslash at s[at] stands for, appended to `out`; `at` moves behind it. Empty, or what is wrong with it.
std::string_view unescape(std::string_view s, std::size_t& at, bool as_bytes, std::string& out);

void append_quoted(std::string& out, std::string_view utf8);
void append_quoted_bytes(std::string& out, ByteSpan bytes);
void append_integer(std::string& out, const BigInteger& value);
void append_real(std::string& out, double value);

}  // namespace parvis::text
