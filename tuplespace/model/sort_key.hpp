// Keys of a fixed size in the order of Between and Prefix, for an index that must not look at the values themselves.
// They are lossy: a value within a range has a key within the range of keys, but not the other way round. Pure.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>

#include "tuplespace/model/bytes.hpp"

namespace parvis {

// The type, then of an int or float its value (of ints beyond 64 bits the size and the highest ten bytes), of str and
// bytes the first fifteen bytes.
struct SortKey {
  std::uint64_t high = 0, low = 0;
  friend auto operator<=>(const SortKey&, const SortKey&) = default;
};
struct KeyRange {
  SortKey low, high;  // both are in it
  [[nodiscard]] bool holds(const SortKey& key) const { return low <= key && key <= high; }
};

// Of an encoded value; nothing: no Between and no Prefix matches it.
std::optional<SortKey> sort_key(ByteSpan value);
// Where the matches of an encoded Between or Prefix lie.
KeyRange key_range(ByteSpan pattern);

}  // namespace parvis
