#include "tuplespace/model/text_scalars.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>

#include "tuplespace/model/checks.hpp"
#include "tuplespace/model/limits.hpp"
#include "tuplespace/model/tags.hpp"

namespace parvis::text {

namespace {

constexpr std::uint64_t quiet_nan = 0x7ff8000000000000;
constexpr std::uint64_t sign_bit = std::uint64_t{1} << 63;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::size_t digits_from(std::string_view s, std::size_t at) {
  while (at < s.size() && is_digit(s[at])) ++at;
  return at;
}

Value minimal(bool negative, ByteVector&& magnitude) {
  while (!magnitude.empty() && magnitude.back() == std::byte{0}) magnitude.pop_back();
  if (!tags::fits_64_bits(negative, magnitude)) return BigInteger{negative, std::move(magnitude)};
  std::uint64_t n = 0;
  for (std::size_t i = magnitude.size(); i-- > 0;) n = (n << 8) | std::to_integer<std::uint64_t>(magnitude[i]);
  return static_cast<std::int64_t>(negative ? ~n + 1 : n);
}

Value hexadecimal(bool negative, std::string_view digits) {
  ByteVector magnitude((digits.size() + 1) / 2);
  for (std::size_t i = 0; i < digits.size(); ++i) {
    const auto nibble = hex_digit(digits[digits.size() - 1 - i]);
    magnitude[i / 2] |= static_cast<std::byte>(nibble << (i % 2 * 4));
  }
  return minimal(negative, std::move(magnitude));
}

Value decimal(bool negative, std::string_view digits) {
  checks::within(digits.size(), max_decimal_digits, "decimal digits of an int", "max_decimal_digits",
                 "write it in hexadecimal, 0x…");
  std::vector<std::uint32_t> limbs;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    std::uint64_t carry = static_cast<std::uint64_t>(digits[i] - '0');
    for (auto& limb : limbs) {
      carry += std::uint64_t{limb} * 10;
      limb = static_cast<std::uint32_t>(carry);
      carry >>= 32;
    }
    if (carry != 0) limbs.push_back(static_cast<std::uint32_t>(carry));
  }
  ByteVector magnitude;
  for (const auto limb : limbs) {
    for (unsigned shift = 0; shift < 32; shift += 8) magnitude.push_back(static_cast<std::byte>(limb >> shift));
  }
  return minimal(negative, std::move(magnitude));
}

std::string decimal_digits(ByteSpan magnitude) {
  std::vector<std::uint32_t> limbs((magnitude.size() + 3) / 4);
  for (std::size_t i = 0; i < magnitude.size(); ++i)
    limbs[i / 4] |= std::to_integer<std::uint32_t>(magnitude[i]) << (i % 4 * 8);
  std::string reversed;
  while (!limbs.empty()) {
    std::uint64_t rest = 0;
    for (std::size_t i = limbs.size(); i-- > 0;) {
      rest = (rest << 32) | limbs[i];
      limbs[i] = static_cast<std::uint32_t>(rest / 1'000'000'000);
      rest %= 1'000'000'000;
    }
    while (!limbs.empty() && limbs.back() == 0) limbs.pop_back();
    for (int i = 0; i < 9 && (rest != 0 || !limbs.empty()); ++i, rest /= 10)
      reversed += static_cast<char>('0' + rest % 10);
  }
  std::reverse(reversed.begin(), reversed.end());
  return reversed.empty() ? "0" : reversed;
}

bool append_code_point(std::string& out, std::uint32_t c) {
  if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) return false;
  const auto tail = [&](unsigned shift) { out += static_cast<char>(0x80 | ((c >> shift) & 0x3f)); };
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xc0 | (c >> 6));
    tail(0);
  } else if (c < 0x10000) {
    out += static_cast<char>(0xe0 | (c >> 12));
    tail(6), tail(0);
  } else {
    out += static_cast<char>(0xf0 | (c >> 18));
    tail(12), tail(6), tail(0);
  }
  return true;
}

// Characters that move the cursor, hide or reorder text on a terminal.
bool is_unprintable(std::uint32_t c) {
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) ||
         (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

const char* short_escape(unsigned char c) {
  switch (c) {
    case '\n': return "\\n";
    case '\t': return "\\t";
    case '\r': return "\\r";
    case '\\': return "\\\\";
    case '"': return "\\\"";
    default: return nullptr;
  }
}

}  // namespace

std::size_t number_length(std::string_view s) {
  std::size_t at = !s.empty() && s[0] == '-' ? 1 : 0;
  if (s.substr(at, 2) == "0x") {
    auto end = at + 2;
    while (end < s.size() && hex_digit(s[end]) >= 0) ++end;
    return end == at + 2 ? 0 : end;
  }
  const auto first = at;
  at = digits_from(s, at);
  if (at == first || (s[first] == '0' && at != first + 1)) return 0;
  if (at + 1 < s.size() && s[at] == '.' && is_digit(s[at + 1])) at = digits_from(s, at + 1);
  if (at < s.size() && (s[at] == 'e' || s[at] == 'E')) {
    const auto sign = at + 1 < s.size() && (s[at + 1] == '+' || s[at + 1] == '-') ? 1U : 0U;
    const auto end = digits_from(s, at + 1 + sign);
    if (end != at + 1 + sign) at = end;
  }
  return at;
}

std::optional<Value> number(std::string_view s) {
  const bool negative = s.front() == '-';
  const auto unsigned_part = s.substr(negative ? 1 : 0);
  if (unsigned_part.substr(0, 2) == "0x") return hexadecimal(negative, unsigned_part.substr(2));
  if (s.find_first_of(".eE") == std::string_view::npos) return decimal(negative, unsigned_part);
  double real = 0;
  const auto [end, failure] = std::from_chars(s.data(), s.data() + s.size(), real);
  if (failure == std::errc() && end == s.data() + s.size()) return real;
  // Too small is zero or nearly so, as everywhere; only too large has no value.
  const std::string terminated(s);
  real = std::strtod(terminated.c_str(), nullptr);
  if (std::isinf(real)) return std::nullopt;
  return real;
}

std::optional<Value> keyword(std::string_view word) {
  using Real = std::numeric_limits<double>;
  if (word == "nil") return Value(Nil{});
  if (word == "true") return Value(true);
  if (word == "false") return Value(false);
  if (word == "inf") return Value(Real::infinity());
  if (word == "-inf") return Value(-Real::infinity());
  if (word == "nan") return Value(std::bit_cast<double>(quiet_nan));
  if (word == "-nan") return Value(std::bit_cast<double>(quiet_nan | sign_bit));
  if (word.substr(0, 6) != "nan(0x" || word.back() != ')') return std::nullopt;
  std::uint64_t bits = 0;
  const auto* last = word.data() + word.size() - 1;
  const auto [end, failure] = std::from_chars(word.data() + 6, last, bits, 16);
  if (failure != std::errc() || end != last || !std::isnan(std::bit_cast<double>(bits))) return std::nullopt;
  return Value(std::bit_cast<double>(bits));
}

std::string_view unescape(std::string_view s, std::size_t& at, bool as_bytes, std::string& out) {
  if (++at == s.size()) return "a backslash at the end";
  const char c = s[at++];
  constexpr std::string_view names = "ntr0\\\"'";
  constexpr std::string_view meanings("\n\t\r\0\\\"'", 7);
  if (const auto i = names.find(c); i != std::string_view::npos) {
    out += meanings[i];
    return {};
  }
  const std::size_t digits = c == 'x' ? 2 : c == 'u' && !as_bytes ? 4 : c == 'U' && !as_bytes ? 8 : 0;
  if (digits == 0) return "an unknown escape; a backslash is written \\\\";
  if (s.size() - at < digits) return "an escape with too few hexadecimal digits";
  std::uint32_t code = 0;
  for (const auto end = at + digits; at != end; ++at) {
    const auto digit = hex_digit(s[at]);
    if (digit < 0) return "an escape with too few hexadecimal digits";
    code = (code << 4) | static_cast<std::uint32_t>(digit);
  }
  if (as_bytes) {
    out += static_cast<char>(code);
  } else if (!append_code_point(out, code)) {
    return "an escape that is no Unicode character";
  }
  return {};
}

void append_quoted(std::string& out, std::string_view utf8) {
  const bool valid = checks::is_utf8(utf8);  // a program's Value may hold anything; then its bytes are shown
  out += '"';
  for (std::size_t i = 0; i < utf8.size();) {
    const auto lead = static_cast<unsigned char>(utf8[i]);
    if (const auto* escape = short_escape(lead)) {
      out += escape;
      ++i;
      continue;
    }
    const std::size_t size = !valid || lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    std::uint32_t code = size == 1 ? lead : lead & (0x7fU >> size);
    for (std::size_t k = 1; k < size; ++k) code = (code << 6) | (static_cast<unsigned char>(utf8[i + k]) & 0x3f);
    if (!is_unprintable(code) && (valid || code < 0x80)) {
      out += utf8.substr(i, size);
    } else if (code < 0x100) {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", code);
    } else {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", code);
    }
    i += size;
  }
  out += '"';
}

void append_quoted_bytes(std::string& out, ByteSpan bytes) {
  out += "b\"";
  for (const auto b : bytes) {
    const auto c = std::to_integer<unsigned char>(b);
    if (const auto* escape = short_escape(c)) {
      out += escape;
    } else if (c >= 0x20 && c < 0x7f) {
      out += static_cast<char>(c);
    } else {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", c);
    }
  }
  out += '"';
}

void append_integer(std::string& out, const BigInteger& value) {
  if (value.negative) out += '-';
  // A byte is at most 2.41 digits: what is shown in decimal can be read again.
  if (value.magnitude.size() * 241 / 100 + 1 <= max_decimal_digits) {
    out += decimal_digits(value.magnitude);
    return;
  }
  out += "0x";
  for (std::size_t i = value.magnitude.size(); i-- > 0;) {
    fmt::format_to(std::back_inserter(out), "{:02x}", std::to_integer<unsigned>(value.magnitude[i]));
  }
}

void append_real(std::string& out, double value) {
  const auto bits = std::bit_cast<std::uint64_t>(value);
  if (std::isnan(value)) {
    if ((bits & ~sign_bit) == quiet_nan) out += bits == quiet_nan ? "nan" : "-nan";
    else fmt::format_to(std::back_inserter(out), "nan({:#x})", bits);
    return;
  }
  const auto text = fmt::format("{}", value);
  out += text;
  if (std::isfinite(value) && text.find_first_of(".e") == std::string::npos) out += ".0";
}

}  // namespace parvis::text
