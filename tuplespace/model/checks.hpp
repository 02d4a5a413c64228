// Internal to model: what codec and text both ask of names and numbers.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "tuplespace/model/error.hpp"

namespace parvis::checks {

// Well-formed UTF-8: no surrogates, no overlong forms, nothing beyond U+10FFFF.
bool is_utf8(std::string_view text);

// Bytes of one element of a numpy typestr ("<f8", "|S5", "<M8[ns]"); nothing for what is no canonical typestr. Objects
// ("|O") are none: their elements are pointers.
std::optional<std::uint64_t> item_size(std::string_view dtype);

// Bytes of an array of this shape; nothing when that exceeds 63 bits (zero dimensions do not excuse the others).
std::optional<std::uint64_t> array_bytes(std::uint64_t item, std::span<const std::uint64_t> shape);

[[noreturn]] inline void invalid(const std::string& text) { throw Error(ErrorCode::protocol_error, text); }

// Throws Error{limit_exceeded} when value > limit; the text names all three parts and the way out.
void within(std::uint64_t value, std::uint64_t limit, const char* what, const char* limit_name, const char* way_out);

}  // namespace parvis::checks
