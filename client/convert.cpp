#include "client/convert.hpp"

#include "tuplespace/model/text.hpp"

namespace parvis::detail {

namespace {

std::string shown(const Value& value) {
  auto text = to_text(value);
  if (text.size() > 60) text = text.substr(0, 57) + "...";
  return text;
}

}  // namespace

void throw_wrong_field(const Value& value, std::string_view wanted) {
  throw Error(ErrorCode::protocol_error, "the field holds " + shown(value) + "; wanted: " + std::string(wanted));
}

void throw_not_in_range(const Value& value, std::string_view wanted) {
  throw Error(ErrorCode::protocol_error,
              "the field holds " + shown(value) + ", which does not fit " + std::string(wanted));
}

BigInteger big_integer(std::uint64_t magnitude) {
  BigInteger out;
  for (; magnitude != 0; magnitude >>= 8) out.magnitude.push_back(static_cast<std::byte>(magnitude & 0xff));
  return out;
}

std::optional<std::uint64_t> natural(const Value& value) {
  if (const auto* big = value.get_if<BigInteger>()) {
    if (big->negative || big->magnitude.size() > 8) return std::nullopt;
    std::uint64_t n = 0;
    for (std::size_t i = big->magnitude.size(); i-- > 0;) n = n << 8 | static_cast<std::uint64_t>(big->magnitude[i]);
    return n;
  }
  const auto n = held<std::int64_t>(value, "int");
  if (n < 0) return std::nullopt;
  return static_cast<std::uint64_t>(n);
}

}  // namespace parvis::detail
