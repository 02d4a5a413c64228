// Builds values and templates from encodings.
#include <fmt/format.h>

#include <algorithm>

#include "tuplespace/model/codec.hpp"
#include "tuplespace/model/error.hpp"

namespace parvis {

namespace {

// A Value is many times its shortest encoding, so that a claimed count justifies no large reservation.
constexpr std::size_t most_reserved = 1024;

std::vector<Value> decode_items(std::size_t count, Reader& reader, const Blob& owner) {
  std::vector<Value> items;
  items.reserve(std::min(count, most_reserved));
  for (; count != 0; --count) items.push_back(decode_value(reader, owner));
  return items;
}

Value decode_integer(Reader& reader) {
  if (reader.integer_fits()) return reader.integer();
  const auto big = reader.big_integer();
  return BigInteger{big.negative, ByteVector(big.magnitude.begin(), big.magnitude.end())};
}

Map decode_map(Reader& reader, const Blob& owner) {
  Map map;
  auto count = reader.begin_map();
  map.items.reserve(std::min(count, most_reserved));
  for (; count != 0; --count) {
    std::string key(reader.key());
    map.items.emplace_back(std::move(key), decode_value(reader, owner));
  }
  return map;
}

Array decode_array(Reader& reader, const Blob& owner) {
  auto span = reader.array();
  return {std::string(span.dtype), std::move(span.shape), owner.slice(span.elements)};
}

Object decode_object(Reader& reader, const Blob& owner) {
  const auto span = reader.object();
  Object object{std::string(span.codec), {span.classes.begin(), span.classes.end()}, owner.slice(span.body), {}};
  object.buffers.reserve(span.buffers.size());
  for (const auto& buffer : span.buffers) object.buffers.push_back(owner.slice(buffer));
  return object;
}

Pattern decode_pattern(Reader& reader, const Blob& owner);

Template decode_fields(std::size_t count, bool open, Reader& reader, const Blob& owner) {
  Template result;
  result.open = open;
  for (; count != 0; --count) result.fields.push_back(decode_pattern(reader, owner));
  return result;
}

Between decode_between(Reader& reader, const Blob& owner) {
  reader.begin_between();
  auto low = decode_value(reader, owner);
  auto high = decode_value(reader, owner);
  return {std::move(low), std::move(high)};
}

Pattern decode_pattern(Reader& reader, const Blob& owner) {
  using Kind = Reader::PatternKind;
  switch (reader.peek_pattern()) {
    case Kind::actual: return {decode_value(reader, owner)};
    case Kind::any: reader.any(); return {Any{}};
    case Kind::formal: return {Formal{reader.formal()}};
    case Kind::class_formal: return {ClassFormal{std::string(reader.class_formal())}};
    case Kind::between: return {decode_between(reader, owner)};
    case Kind::prefix: reader.begin_prefix(); return {Prefix{decode_value(reader, owner)}};
    case Kind::one_of: {
      const auto count = reader.begin_one_of();
      return {OneOf{decode_items(count, reader, owner)}};
    }
    case Kind::variable: {
      const auto span = reader.variable();
      return {Variable{std::string(span.name), span.type}};
    }
    case Kind::nested: break;
  }
  const auto head = reader.begin_nested();
  return {Nested{head.type, decode_fields(head.fields, head.open, reader, owner)}};
}

void nothing_left(const Reader& reader, const char* what) {
  if (!reader.done())
    throw Error(ErrorCode::protocol_error, fmt::format("{} bytes behind the end of a {}", reader.left(), what));
}

}  // namespace

Value decode_value(Reader& reader, const Blob& owner) {
  switch (reader.peek()) {
    case Type::nil: reader.nil(); return Nil{};
    case Type::boolean: return reader.boolean();
    case Type::integer: return decode_integer(reader);
    case Type::real: return reader.real();
    case Type::string: return reader.string();
    case Type::bytes: return owner.slice(reader.bytes());
    case Type::list: return List{decode_items(reader.begin_list(), reader, owner)};
    case Type::tuple: return Tuple{decode_items(reader.begin_tuple(), reader, owner)};
    case Type::map: return decode_map(reader, owner);
    case Type::array: return decode_array(reader, owner);
    case Type::object: return decode_object(reader, owner);
  }
  throw Error(ErrorCode::protocol_error, "unknown type of a value");
}

Tuple decode_tuple(const Blob& owner) {
  Reader reader(owner.span());
  const auto count = reader.tuple_body();
  Tuple tuple{decode_items(count, reader, owner)};
  nothing_left(reader, "tuple");
  return tuple;
}

Template decode_template(const Blob& owner) {
  Reader reader(owner.span());
  const auto head = reader.template_body();
  auto result = decode_fields(head.fields, head.open, reader, owner);
  nothing_left(reader, "template");
  return result;
}

}  // namespace parvis
