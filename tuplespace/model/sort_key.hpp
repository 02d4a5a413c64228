// Keys of a fixed size in the order of Between and Prefix, for an index that must not look at the values themselves.
// They are lossy: a value within a range has a key within the range of keys, but not the other way round. Pure.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>

#include "tuplespace/model/bytes.hpp"

namespace parvis {

// The type, then of an int or float its value (of ints beyond 64 bits the size and the highest ten bytes), of str and
// bytes whether they come before, have or come behind a `start`, and then fifteen bytes: those that follow the start.
// Keys of one start can be compared; a start that many texts have in common makes them tell more.
struct SortKey {
  std::uint64_t high = 0, low = 0;
  friend auto operator<=>(const SortKey&, const SortKey&) = default;
};
struct KeyRange {
  SortKey low, high;  // both are in it
  [[nodiscard]] bool holds(const SortKey& key) const { return low <= key && key <= high; }
};

// Of an encoded value; nothing: no Between and no Prefix matches it.
std::optional<SortKey> sort_key(ByteSpan value, ByteSpan start = {});
// Where the matches of an encoded Between or Prefix lie.
KeyRange key_range(ByteSpan pattern, ByteSpan start = {});

// The longest start that some texts have in common, as far as they are told.
class CommonStart {
 public:
  void add(ByteSpan value);  // encoded; what is neither str nor bytes does not count
  [[nodiscard]] ByteVector take();

 private:
  ByteVector start_;
  bool any_ = false;
};

}  // namespace parvis
