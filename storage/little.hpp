// Little-endian integers in bytes. Pure; any thread.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace parvis::storage {

template <class Unsigned>
Unsigned in_little_order(Unsigned value) {
  if constexpr (std::endian::native == std::endian::little || sizeof value == 1) return value;
  Unsigned turned = 0;
  for (std::size_t i = 0; i < sizeof value; ++i) {
    turned = static_cast<Unsigned>(turned << 8 | (value & 0xff));
    value = static_cast<Unsigned>(value >> 8);
  }
  return turned;
}

template <class Unsigned>
void put_little(std::byte* out, Unsigned value) {
  value = in_little_order(value);
  std::memcpy(out, &value, sizeof value);
}
template <class Unsigned>
Unsigned get_little(const std::byte* in) {
  Unsigned value = 0;
  std::memcpy(&value, in, sizeof value);
  return in_little_order(value);
}

}  // namespace parvis::storage
