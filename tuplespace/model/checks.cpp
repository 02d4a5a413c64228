#include "tuplespace/model/checks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>

namespace parvis::checks {

namespace {

bool continues(unsigned char c) { return (c & 0xc0) == 0x80; }

// Length of the well-formed sequence at p, 0 when there is none.
std::size_t sequence(const unsigned char* p, std::size_t left) {
  const auto lead = p[0];
  if (lead < 0x80) return 1;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  if (lead < 0xe0) return left >= 2 && continues(p[1]) ? 2 : 0;
  if (lead < 0xf0) {
    if (left < 3 || !continues(p[1]) || !continues(p[2])) return 0;
    const bool overlong = lead == 0xe0 && p[1] < 0xa0;
    const bool surrogate = lead == 0xed && p[1] > 0x9f;
    return overlong || surrogate ? 0 : 3;
  }
  if (left < 4 || !continues(p[1]) || !continues(p[2]) || !continues(p[3])) return 0;
  const bool overlong = lead == 0xf0 && p[1] < 0x90;
  const bool beyond = lead == 0xf4 && p[1] > 0x8f;
  return overlong || beyond ? 0 : 4;
}

bool one_of(std::uint64_t n, std::initializer_list<std::uint64_t> allowed) {
  return std::find(allowed.begin(), allowed.end(), n) != allowed.end();
}

// "[ns]" or "[25us]" after a datetime; `unit` without the brackets.
bool is_time_unit(std::string_view unit) {
  std::size_t digits = 0;
  while (digits < unit.size() && unit[digits] >= '0' && unit[digits] <= '9') ++digits;
  if (digits > 9 || (digits != 0 && unit[0] == '0')) return false;
  if (digits == 1 && unit[0] == '1') return false;  // numpy writes [ns], not [1ns]
  const auto name = unit.substr(digits);
  for (const auto* known : {"Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns", "ps", "fs", "as"}) {
    if (name == known) return true;
  }
  return false;
}

bool is_size_of_kind(char kind, std::uint64_t n) {
  switch (kind) {
    case 'b': return n == 1;
    case 'i':
    case 'u': return one_of(n, {1, 2, 4, 8});
    case 'f': return one_of(n, {2, 4, 8, 12, 16});
    case 'c': return one_of(n, {8, 16, 24, 32});
    case 'm':
    case 'M': return n == 8;
    case 'S':
    case 'V': return n <= std::numeric_limits<std::int32_t>::max();
    case 'U': return n <= std::numeric_limits<std::int32_t>::max() / 4;
    default: return false;
  }
}

}  // namespace

bool is_utf8(std::string_view text) {
  const auto* p = reinterpret_cast<const unsigned char*>(text.data());
  std::size_t left = text.size();
  while (left != 0) {
    std::uint64_t eight;
    if (left >= sizeof eight && (std::memcpy(&eight, p, sizeof eight), (eight & 0x8080808080808080U) == 0)) {
      p += sizeof eight;
      left -= sizeof eight;
      continue;
    }
    const auto n = *p < 0x80 ? 1 : sequence(p, left);
    if (n == 0) return false;
    p += n;
    left -= n;
  }
  return true;
}

std::optional<std::uint64_t> item_size(std::string_view dtype) {
  if (dtype.size() < 3) return std::nullopt;
  const char order = dtype[0];
  const char kind = dtype[1];
  const auto* first = dtype.data() + 2;
  const auto* last = dtype.data() + dtype.size();
  std::uint64_t n = 0;
  const auto [end, failure] = std::from_chars(first, last, n);
  if (failure != std::errc() || (*first == '0' && end != first + 1) || !is_size_of_kind(kind, n)) return std::nullopt;
  const bool has_order = kind != 'S' && kind != 'V' && (kind == 'U' || n != 1);
  if (has_order ? order != '<' && order != '>' : order != '|') return std::nullopt;
  const std::string_view rest(end, static_cast<std::size_t>(last - end));
  if (!rest.empty()) {
    const bool is_time = kind == 'm' || kind == 'M';
    if (!is_time || rest.size() < 3 || rest.front() != '[' || rest.back() != ']') return std::nullopt;
    if (!is_time_unit(rest.substr(1, rest.size() - 2))) return std::nullopt;
  }
  return kind == 'U' ? n * 4 : n;
}

std::optional<std::uint64_t> array_bytes(std::uint64_t item, std::span<const std::uint64_t> shape) {
  constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  std::uint64_t total = std::max<std::uint64_t>(item, 1);
  bool nothing = item == 0;
  for (const auto n : shape) {
    if (n == 0) {
      nothing = true;
    } else if (total > most / n) {
      return std::nullopt;
    } else {
      total *= n;
    }
  }
  return nothing ? 0 : total;
}

void within(std::uint64_t value, std::uint64_t limit, const char* what, const char* limit_name, const char* way_out) {
  if (value <= limit) return;
  throw Error(ErrorCode::limit_exceeded,
              fmt::format("{}: {} is more than {} = {}; {}", what, value, limit_name, limit, way_out));
}

}  // namespace parvis::checks
