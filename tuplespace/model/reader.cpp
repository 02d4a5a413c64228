// Reader: the checking side of the codec. The grammar stands in codec.cpp.
#include <fmt/format.h>

#include "tuplespace/model/checks.hpp"
#include "tuplespace/model/codec.hpp"
#include "tuplespace/model/error.hpp"
#include "tuplespace/model/tags.hpp"

namespace parvis {

void Reader::fail(const std::string& what) const {
  throw Error(ErrorCode::protocol_error, fmt::format("malformed encoding at byte {}: {}", at_ - begin_, what));
}

std::uint8_t Reader::tag() const {
  if (at_ == end_) fail("it ends where a value was expected");
  return walk::tag(at_);
}

std::uint8_t Reader::byte() {
  if (at_ == end_) fail("it ends in the middle of a value");
  return walk::tag(at_++);
}

void Reader::expect(std::uint8_t expected) {
  const auto found = tag();
  if (found != expected) fail(fmt::format("tag {:#04x} where {:#04x} was expected", found, expected));
  ++at_;
}

std::uint64_t Reader::varint() {
  std::uint64_t n = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const std::uint64_t b = byte();
    n |= (b & 0x7f) << shift;
    if (b < 0x80) {
      if (b == 0 && shift != 0) fail("a number is not in its shortest form");
      if (shift == 63 && b > 1) fail("a number exceeds 64 bits");
      return n;
    }
  }
  fail("a number exceeds 64 bits");
}

std::size_t Reader::count(const char* what) {
  const auto n = varint();
  if (n > left()) fail(fmt::format("{} {} announced, but only {} bytes are left", n, what, left()));
  return static_cast<std::size_t>(n);
}

ByteSpan Reader::run() {
  const auto size = count("bytes");
  const ByteSpan result(at_, size);
  at_ += size;
  return result;
}

std::string_view Reader::text() {
  const auto result = as_text(run());
  if (!checks::is_utf8(result)) fail("text is not valid UTF-8");
  return result;
}

std::string_view Reader::name(const char* what) {
  const auto result = text();
  if (result.empty()) fail(fmt::format("{} is empty", what));
  checks::within(result.size(), max_name_bytes, what, "max_name_bytes", "use a shorter name");
  return result;
}

std::size_t Reader::tuple_body() {
  const auto n = varint();
  checks::within(n, max_fields, "fields of a tuple", "max_fields", "put the rest into a nested list");
  return static_cast<std::size_t>(n);
}

Reader::TemplateHead Reader::template_body() {
  const auto flags = byte();
  if (flags > 1) fail("unknown flags of a template");
  const auto n = varint();
  checks::within(n, max_fields, "fields of a template", "max_fields", "end it with `...`");
  patterns_ = true;
  return {static_cast<std::size_t>(n), flags == 1};
}

bool Reader::at_actual() const { return tags::is_value(tag()); }

Reader::PatternKind Reader::peek_pattern() const {
  const auto t = tag();
  if (tags::is_value(t)) return PatternKind::actual;
  if (!tags::is_pattern(t)) fail(fmt::format("unknown tag {:#04x}", t));
  return static_cast<PatternKind>(t - tags::any + 1);
}

Type Reader::peek() const {
  const auto t = tag();
  if (!tags::is_value(t)) fail(fmt::format("tag {:#04x} where a value was expected", t));
  return static_cast<Type>(tags::type_of(t));
}

void Reader::nil() {
  expect(tags::nil);
  nesting_.item_done();
}

bool Reader::boolean() {
  expect(tags::boolean);
  const auto v = byte();
  if (v > 1) fail("a bool is neither 0 nor 1");
  nesting_.item_done();
  return v == 1;
}

bool Reader::integer_fits() const { return tag() == tags::integer; }

std::int64_t Reader::integer() {
  expect(tags::integer);
  const auto n = varint();
  nesting_.item_done();
  return tags::unzigzag(n);
}

Reader::BigSpan Reader::big_integer() {
  expect(tags::big_integer);
  const auto sign = byte();
  if (sign > 1) fail("a sign is neither 0 nor 1");
  const auto magnitude = run();
  if (magnitude.empty() || magnitude.back() == std::byte{0} || tags::fits_64_bits(sign == 1, magnitude)) {
    fail("an int is not in its shortest form");
  }
  nesting_.item_done();
  return {sign == 1, magnitude};
}

double Reader::real() {
  expect(tags::real);
  if (left() < 8) fail("it ends in the middle of a float");
  const auto bits = walk::real_bits(at_);
  at_ += 8;
  nesting_.item_done();
  return std::bit_cast<double>(bits);
}

std::string_view Reader::string() {
  expect(tags::string);
  const auto result = text();
  nesting_.item_done();
  return result;
}

ByteSpan Reader::bytes() {
  expect(tags::bytes);
  const auto result = run();
  nesting_.item_done();
  return result;
}

std::size_t Reader::begin_list() {
  expect(tags::list);
  const auto n = count("items");
  nesting_.enter(Nesting::Kind::values, n);
  return n;
}

std::size_t Reader::begin_tuple() {
  expect(tags::tuple);
  const auto n = count("items");
  nesting_.enter(Nesting::Kind::values, n);
  return n;
}

std::size_t Reader::begin_map() {
  expect(tags::map);
  const auto n = count("keys");
  nesting_.enter(Nesting::Kind::map, n);
  return n;
}

std::string_view Reader::key() {
  if (!nesting_.inside(Nesting::Kind::map)) throw std::logic_error("Reader::key outside of a map");
  const auto result = text();
  auto& last = nesting_.last_key();
  if (last.set && as_text({begin_ + last.offset, last.size}) >= result) fail("a map's keys are not strictly ascending");
  last = {static_cast<std::size_t>(at_ - begin_) - result.size(), result.size(), true};
  return result;
}

Reader::ArraySpan Reader::array() {
  expect(tags::array);
  ArraySpan result;
  result.dtype = name("an array's dtype");
  const auto item = checks::item_size(result.dtype);
  if (!item) fail("an array's dtype is no canonical numpy typestr of plain elements");
  const auto dimensions = varint();
  checks::within(dimensions, max_array_dimensions, "dimensions of an array", "max_array_dimensions", "reshape it");
  result.shape.resize(static_cast<std::size_t>(dimensions));
  for (auto& n : result.shape) n = varint();
  const auto size = checks::array_bytes(*item, result.shape);
  result.elements = run();
  if (!size || *size != result.elements.size()) fail("an array's shape and dtype do not fit its elements");
  nesting_.item_done();
  return result;
}

Reader::ObjectSpan Reader::object() {
  expect(tags::object);
  ObjectSpan result;
  result.codec = name("an object's codec");
  const auto classes = count("classes");
  checks::within(classes, max_object_classes, "classes of an object", "max_object_classes", "name fewer bases");
  result.classes.resize(classes);
  for (auto& c : result.classes) c = name("an object's class");
  result.body = run();
  const auto buffers = count("buffers");
  checks::within(buffers, max_object_buffers, "buffers of an object", "max_object_buffers",
                 "keep small buffers in the body");
  result.buffers.resize(buffers);
  for (auto& b : result.buffers) b = run();
  nesting_.item_done();
  return result;
}

void Reader::any() {
  expect(tags::any);
  nesting_.item_done();
}

Type Reader::formal() {
  expect(tags::formal);
  const auto type = byte();
  if (type > tags::object) fail("a formal has an unknown type");
  nesting_.item_done();
  return static_cast<Type>(type);
}

std::string_view Reader::class_formal() {
  expect(tags::class_formal);
  const auto result = name("a formal's class");
  nesting_.item_done();
  return result;
}

void Reader::begin_between() {
  expect(tags::between);
  const auto type = peek();
  if (!tags::is_ordered(tags::of(type))) fail("a bound of Between is no int, float, str or bytes");
  const auto start = *this;
  nesting_.enter(Nesting::Kind::values, 2);
  skip_bound("a bound of Between");
  if (peek() != type) fail("the bounds of Between differ in type");
  skip_bound("a bound of Between");
  *this = start;
  nesting_.enter(Nesting::Kind::values, 2);
}

void Reader::begin_prefix() {
  expect(tags::prefix);
  const auto type = peek();
  if (type != Type::string && type != Type::bytes) fail("a Prefix is no str or bytes");
  const auto start = *this;
  nesting_.enter(Nesting::Kind::values, 1);
  skip_bound("a Prefix");
  *this = start;
  nesting_.enter(Nesting::Kind::values, 1);
}

void Reader::skip_bound(const char* what) {
  const auto t = tag();
  std::size_t size = 0;
  if (t == tags::string) size = string().size();
  else if (t == tags::bytes) size = bytes().size();
  else if (t == tags::big_integer) size = big_integer().magnitude.size();
  else step_value(t);
  checks::within(size, max_pattern_text_bytes, what, "max_pattern_text_bytes", "use a shorter bound");
}

std::size_t Reader::begin_one_of() {
  expect(tags::one_of);
  const auto n = count("values");
  if (n == 0) fail("a OneOf is empty");
  checks::within(n, max_one_of_values, "values of a OneOf", "max_one_of_values", "use several templates");
  nesting_.enter(Nesting::Kind::values, n);
  return n;
}

Reader::VariableSpan Reader::variable() {
  expect(tags::variable);
  const auto variable_name = name("a variable's name");
  const auto type = byte();
  if (type > tags::object && type != tags::untyped) fail("a variable has an unknown type");
  nesting_.item_done();
  if (type == tags::untyped) return {variable_name, std::nullopt};
  return {variable_name, static_cast<Type>(type)};
}

Reader::NestedHead Reader::begin_nested() {
  expect(tags::nested);
  const auto type = byte();
  if (type != tags::list && type != tags::tuple) fail("a nested template is for neither list nor tuple");
  const auto flags = byte();
  if (flags > 1) fail("unknown flags of a nested template");
  const auto n = varint();
  checks::within(n, max_fields, "fields of a nested template", "max_fields", "end it with `...`");
  nesting_.enter(Nesting::Kind::patterns, n);
  return {static_cast<Type>(type), static_cast<std::size_t>(n), flags == 1};
}

}  // namespace parvis
