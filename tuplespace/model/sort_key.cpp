#include "tuplespace/model/sort_key.hpp"

#include <algorithm>
#include <bit>
#include <limits>

#include "tuplespace/model/tags.hpp"

namespace parvis {

namespace {

constexpr std::uint64_t sign = std::uint64_t{1} << 63;
constexpr std::size_t text_bytes = 15;
constexpr std::size_t longest_start = 256;
constexpr KeyRange nothing{{1, 0}, {0, 0}};

enum Side : std::uint64_t { before, within, behind };  // where a text stands to the start

SortKey key_of_type(std::uint8_t type, Side side = within) { return {(std::uint64_t{type} << 2 | side) << 56, 0}; }

// The classes of ints: beyond 64 bits and negative, of 64 bits, beyond them and positive.
enum : std::uint64_t { below = 0, small = std::uint64_t{1} << 48, beyond = std::uint64_t{2} << 48 };

SortKey key_of_small_integer(const std::byte* p) {
  SortKey key = key_of_type(tags::integer);
  key.high |= small;
  key.low = static_cast<std::uint64_t>(tags::unzigzag(walk::varint(p))) ^ sign;
  return key;
}

SortKey key_of_big_integer(const std::byte* p) {
  const bool negative = *p++ == std::byte{1};
  const ByteSpan magnitude = walk::run(p);  // minimal and little-endian: the longer one is the larger
  constexpr std::uint64_t longest = std::numeric_limits<std::uint32_t>::max();
  const std::uint64_t size = std::min<std::uint64_t>(magnitude.size(), longest);
  std::uint64_t head = size << 16, rest = 0;
  for (std::size_t i = 0; i < 10 && i < size && size < longest; ++i) {
    const auto byte = std::to_integer<std::uint64_t>(magnitude[magnitude.size() - 1 - i]);
    i < 2 ? head |= byte << (8 - 8 * i) : rest |= byte << (72 - 8 * i);
  }
  SortKey key = key_of_type(tags::integer);
  constexpr std::uint64_t head_bits = small - 1;
  key.high |= negative ? below | (~head & head_bits) : beyond | head;
  key.low = negative ? ~rest : rest;
  return key;
}

std::optional<SortKey> key_of_real(const std::byte* p) {
  std::uint64_t bits = walk::real_bits(p);
  const auto x = std::bit_cast<double>(bits);
  if (x != x) return std::nullopt;
  if (x == 0) bits = 0;  // -0.0 equals 0.0
  SortKey key = key_of_type(tags::real);
  key.low = (bits & sign) != 0 ? ~bits : bits | sign;
  return key;
}

// A text, followed by one byte for ever: 0xff for the last of those that begin so. Otherwise 0, which is none.
struct Endless {
  ByteSpan text;
  std::uint64_t filling;
  [[nodiscard]] std::uint64_t at(std::size_t i) const {
    return i < text.size() ? std::to_integer<std::uint64_t>(text[i]) : filling;
  }
  [[nodiscard]] Side side_of(ByteSpan start) const {
    for (std::size_t i = 0; i < start.size(); ++i) {
      const auto there = std::to_integer<std::uint64_t>(start[i]);
      if (at(i) < there || (i >= text.size() && filling == 0)) return before;
      if (at(i) > there) return behind;
    }
    return within;
  }
};

SortKey key_of_text(const std::byte* p, std::uint64_t filling, ByteSpan start) {
  const std::uint8_t type = walk::tag(p++);
  const Endless text{walk::run(p), filling};
  const Side side = text.side_of(start);
  const std::size_t from = side == within ? start.size() : 0;
  SortKey key = key_of_type(type, side);
  for (std::size_t i = 0; i < text_bytes; ++i) {
    const std::uint64_t byte = text.at(from + i);
    i < 7 ? key.high |= byte << (48 - 8 * i) : key.low |= byte << (112 - 8 * i);
  }
  return key;
}

}  // namespace

std::optional<SortKey> sort_key(ByteSpan value, ByteSpan start) {
  const std::byte* p = value.data();
  switch (walk::tag(p)) {
    case tags::integer: return key_of_small_integer(p + 1);
    case tags::big_integer: return key_of_big_integer(p + 1);
    case tags::real: return key_of_real(p + 1);
    case tags::string:
    case tags::bytes: return key_of_text(p, 0, start);
    default: return std::nullopt;
  }
}

KeyRange key_range(ByteSpan pattern, ByteSpan start) {
  const std::byte* p = pattern.data() + 1;
  if (walk::tag(pattern.data()) == tags::prefix) return {key_of_text(p, 0, start), key_of_text(p, 0xff, start)};
  const auto low = sort_key(walk::value(p), start);
  const auto high = sort_key(walk::value(p), start);
  return low && high ? KeyRange{*low, *high} : nothing;
}

void CommonStart::add(ByteSpan value) {
  const std::byte* p = value.data();
  if (const auto tag = walk::tag(p++); tag != tags::string && tag != tags::bytes) return;
  const ByteSpan text = walk::run(p);
  if (!any_) start_.assign(text.begin(), text.begin() + std::min(text.size(), longest_start));
  any_ = true;
  const std::size_t common = std::min(text.size(), start_.size());
  start_.erase(std::mismatch(start_.begin(), start_.begin() + common, text.begin()).first, start_.end());
}

ByteVector CommonStart::take() { return std::move(start_); }

}  // namespace parvis
