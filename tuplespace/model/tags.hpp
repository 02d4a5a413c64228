// Internal to model: the tag bytes of the canonical encoding (grammar in codec.cpp), and a walk over encodings that
// have been validated before. Nothing here checks bounds.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#include "tuplespace/model/bytes.hpp"
#include "tuplespace/model/template.hpp"

namespace parvis::tags {

// A value's tag is the code of its Type; an int beyond 64 bits has a tag of its own with the same low nibble.
inline constexpr std::uint8_t nil = 0x00, boolean = 0x01, integer = 0x02, real = 0x03, string = 0x04, bytes = 0x05,
                              list = 0x06, tuple = 0x07, map = 0x08, array = 0x09, object = 0x0a, big_integer = 0x12;
inline constexpr std::uint8_t any = 0x20, formal = 0x21, class_formal = 0x22, between = 0x23, prefix = 0x24,
                              one_of = 0x25, variable = 0x26, nested = 0x27;
inline constexpr std::uint8_t untyped = 0xff;  // in a variable: no type

constexpr std::uint8_t of(Type type) { return static_cast<std::uint8_t>(type); }
constexpr bool is_value(std::uint8_t tag) { return tag <= object || tag == big_integer; }
constexpr bool is_pattern(std::uint8_t tag) { return tag >= any && tag <= nested; }
constexpr bool is_ordered(std::uint8_t type) { return type >= integer && type <= bytes; }
constexpr std::uint8_t type_of(std::uint8_t tag) { return tag & 0x0f; }  // of a value's tag
constexpr bool is_container(std::uint8_t tag) { return tag >= list && tag <= map; }

constexpr std::uint64_t zigzag(std::int64_t n) {
  return (static_cast<std::uint64_t>(n) << 1) ^ static_cast<std::uint64_t>(n >> 63);
}
constexpr std::int64_t unzigzag(std::uint64_t n) { return static_cast<std::int64_t>((n >> 1) ^ (~(n & 1) + 1)); }

// Does an integer of this sign and minimal magnitude fit 64 bits (so that it must not be encoded as a big one)?
bool fits_64_bits(bool negative, ByteSpan magnitude);

}  // namespace parvis::tags

namespace parvis::walk {

inline std::uint8_t tag(const std::byte* p) { return std::to_integer<std::uint8_t>(*p); }
inline std::uint8_t type_at(ByteSpan value) { return tags::type_of(tag(value.data())); }

inline std::uint64_t varint(const std::byte*& p) {
  auto b = std::to_integer<std::uint64_t>(*p++);
  if (b < 0x80) return b;
  std::uint64_t n = b & 0x7f;
  for (unsigned shift = 7;; shift += 7) {
    b = std::to_integer<std::uint64_t>(*p++);
    n |= (b & 0x7f) << shift;
    if (b < 0x80) return n;
  }
}

inline ByteSpan run(const std::byte*& p) {
  const auto size = static_cast<std::size_t>(varint(p));
  const ByteSpan bytes(p, size);
  p += size;
  return bytes;
}

inline void skip_runs(const std::byte*& p) {
  for (auto n = varint(p); n != 0; --n) run(p);
}

// The 8 bytes of a float, little-endian.
inline std::uint64_t real_bits(const std::byte* p) {
  static_assert(std::endian::native == std::endian::little);
  std::uint64_t bits;
  std::memcpy(&bits, p, sizeof bits);
  return bits;
}

// Past the value at p. `on_real(payload)` is told of every float on the way, at every depth; it says whether to go on.
template <class OnReal>
bool value(const std::byte*& p, OnReal&& on_real) {
  const auto t = tag(p++);
  switch (t) {
    case tags::nil: return true;
    case tags::boolean: ++p; return true;
    case tags::integer:
      while (std::to_integer<unsigned>(*p++) >= 0x80) {
      }
      return true;
    case tags::real: p += 8; return on_real(p - 8);
    case tags::string:
    case tags::bytes: run(p); return true;
    case tags::big_integer:
      ++p;
      run(p);
      return true;
    case tags::list:
    case tags::tuple:
    case tags::map:
      for (auto n = varint(p); n != 0; --n) {
        if (t == tags::map) run(p);
        if (!value(p, on_real)) return false;
      }
      return true;
    case tags::array:
      run(p);
      for (auto n = varint(p); n != 0; --n) varint(p);
      run(p);
      return true;
    default:  // object
      run(p);
      skip_runs(p);
      run(p);
      skip_runs(p);
      return true;
  }
}

inline ByteSpan value(const std::byte*& p) {
  const auto* start = p;
  value(p, [](const std::byte*) { return true; });
  return {start, p};
}

inline ByteSpan pattern(const std::byte*& p) {
  const auto* start = p;
  switch (tag(p)) {
    case tags::any: ++p; break;
    case tags::formal: p += 2; break;
    case tags::class_formal: run(++p); break;
    case tags::between:
      value(++p);
      value(p);
      break;
    case tags::prefix: value(++p); break;
    case tags::one_of:
      for (auto n = varint(++p); n != 0; --n) value(p);
      break;
    case tags::variable:
      run(++p);
      ++p;
      break;
    case tags::nested:
      p += 3;
      for (auto n = varint(p); n != 0; --n) pattern(p);
      break;
    default: value(p);
  }
  return {start, p};
}

}  // namespace parvis::walk
