#include "generate.hpp"

#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <map>

#include "tuplespace/model/codec.hpp"

namespace parvis::test {

std::int64_t Generator::integer() {
  using I = std::numeric_limits<std::int64_t>;
  constexpr std::array corners = {
      I::min(),         I::min() + 1,     I::max(),          I::max() - 1,      std::int64_t{0},      std::int64_t{-1},
      std::int64_t{63}, std::int64_t{64}, std::int64_t{-64}, std::int64_t{-65}, std::int64_t{1} << 53};
  if (below(2) == 0) return corners[below(corners.size())];
  return static_cast<std::int64_t>(random_()) >> below(64);
}

Value Generator::big_integer() {
  BigInteger result{below(2) == 0, ByteVector(9 + below(30))};
  for (auto& b : result.magnitude) b = static_cast<std::byte>(random_());
  result.magnitude.back() |= std::byte{1};
  return result;
}

double Generator::real() {
  using R = std::numeric_limits<double>;
  constexpr std::array corners = {
      0.0, -0.0, 1.0, -1.5, R::infinity(), -R::infinity(), R::quiet_NaN(), R::denorm_min(), R::max(), 0.1};
  if (below(2) == 0) return corners[below(corners.size())];
  return std::bit_cast<double>(random_());
}

std::string Generator::text() {
  constexpr std::array pieces = {"a", "task",         "\"",   "\\",  "\n", "\x7f", "é", "€",
                                 "𝄞", "\xe2\x80\xae", "?int", "...", " ",  "0",    "\t"};
  std::string result;
  for (auto n = below(6); n != 0; --n) result += pieces[below(pieces.size())];
  if (below(8) == 0) result.push_back('\0');
  if (below(16) == 0) result.append(below(300), 'x');
  return result;
}

Blob Generator::bytes() {
  ByteVector result(below(12));
  for (auto& b : result) b = static_cast<std::byte>(random_());
  return Blob::take(std::move(result));
}

Value Generator::array() {
  struct Kind {
    const char* dtype;
    std::size_t item;
  };
  constexpr std::array<Kind, 6> kinds = {{{"<f8", 8}, {"|b1", 1}, {"<U5", 20}, {"<M8[ns]", 8}, {">i2", 2}, {"|S0", 0}}};
  const auto kind = kinds[below(kinds.size())];
  Array result{kind.dtype, {}, {}};
  std::size_t size = kind.item;
  for (auto n = below(4); n != 0; --n) {
    result.shape.push_back(below(4));
    size *= result.shape.back();
  }
  ByteVector elements(size);
  for (auto& b : elements) b = static_cast<std::byte>(random_());
  result.elements = Blob::take(std::move(elements));
  return result;
}

Value Generator::object() {
  Object result{below(2) == 0 ? "pickle" : "boost:Point", {}, bytes(), {}};
  for (auto n = below(3); n != 0; --n) result.classes.push_back("package.Class" + std::to_string(n));
  for (auto n = below(3); n != 0; --n) result.buffers.push_back(bytes());
  return result;
}

Value Generator::container(std::size_t kind, std::size_t depth, bool plain) {
  std::vector<Value> items;
  for (auto n = below(4); n != 0; --n) items.push_back(any_value(depth - 1, plain));
  if (kind == 0) return List{std::move(items)};
  if (kind == 1) return Tuple{std::move(items)};
  std::map<std::string, Value> sorted;
  for (auto& item : items) sorted[text()] = std::move(item);
  return Map{{sorted.begin(), sorted.end()}};
}

Value Generator::any_value(std::size_t depth, bool plain) {
  switch (below(plain ? 10 : 12)) {
    case 0: return Nil{};
    case 1: return below(2) == 0;
    case 2: return integer();
    case 3: return big_integer();
    case 4: return real();
    case 5: return text();
    case 6: return bytes();
    case 10: return array();
    case 11: return object();
    default: break;
  }
  if (depth == 0) return integer();
  return container(below(3), depth, plain);
}

Value Generator::value(std::size_t depth) { return any_value(depth, false); }
Value Generator::plain_value(std::size_t depth) { return any_value(depth, true); }

Tuple Generator::tuple(bool plain) {
  Tuple result;
  for (auto n = below(6); n != 0; --n) result.items.push_back(any_value(3, plain));
  return result;
}

Pattern Generator::pattern(std::size_t depth) {
  const auto type = [this] { return static_cast<Type>(below(11)); };
  const auto maybe_type = [&] { return below(2) == 0 ? std::optional<Type>(type()) : std::nullopt; };
  switch (below(depth == 0 ? 9 : 10)) {
    case 0: return {Any{}};
    case 1: return {Formal{type()}};
    case 2: return {ClassFormal{below(2) == 0 ? "package.Class1" : "odd <name>"}};
    case 3: return {Between{integer(), below(2) == 0 ? Value(integer()) : big_integer()}};
    case 4: return {Between{real(), real()}};
    case 5: return {below(2) == 0 ? Prefix{"ta"} : Prefix{bytes()}};
    case 6: return {OneOf{{plain_value(1), plain_value(1), plain_value(1)}}};
    case 7: return {Variable{below(2) == 0 ? "x" : "y z", maybe_type()}};
    case 8: return {plain_value()};
    default: break;
  }
  Nested nested{below(2) == 0 ? Type::list : Type::tuple, {{{Any{}}}, below(2) == 0}};
  for (auto n = below(3); n != 0; --n) nested.inner.fields.push_back(pattern(depth - 1));
  return {std::move(nested)};
}

Template Generator::a_template() {
  Template result;
  for (auto n = below(5); n != 0; --n) result.fields.push_back(pattern());
  result.open = below(3) == 0;
  return result;
}

BigInteger big(bool negative, std::initializer_list<unsigned> little_endian) {
  return {negative, bytes_of(little_endian)};
}

Blob value_bytes(const Value& v) {
  Encoding out;
  Writer(out).value(v);
  return out.flatten();
}

ByteVector bytes_of(std::initializer_list<unsigned> bytes) {
  ByteVector result;
  for (const auto b : bytes) result.push_back(static_cast<std::byte>(b));
  return result;
}

std::string hex(ByteSpan bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string result;
  for (const auto b : bytes) {
    result += digits[std::to_integer<unsigned>(b) >> 4];
    result += digits[std::to_integer<unsigned>(b) & 15];
  }
  return result;
}

ByteVector unhex(std::string_view text) {
  ByteVector result;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    result.push_back(static_cast<std::byte>(std::stoul(std::string(text.substr(i, 2)), nullptr, 16)));
  }
  return result;
}

}  // namespace parvis::test
