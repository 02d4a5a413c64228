// The part of Writer that writes patterns. The grammar stands in codec.cpp.
#include <type_traits>

#include "tuplespace/model/checks.hpp"
#include "tuplespace/model/codec.hpp"
#include "tuplespace/model/error.hpp"
#include "tuplespace/model/tags.hpp"

namespace parvis {

namespace {

using checks::invalid;

std::uint8_t type_of(const Value& v) {
  // In the order of Value::Variant.
  constexpr std::uint8_t types[] = {tags::nil,   tags::boolean, tags::integer, tags::integer,
                                    tags::real,  tags::string,  tags::bytes,   tags::list,
                                    tags::tuple, tags::map,     tags::array,   tags::object};
  static_assert(std::size(types) == std::variant_size_v<Value::Variant>);
  return types[v.variant().index()];
}

std::size_t bound_bytes(const Value& v) {
  if (const auto* text = v.get_if<std::string>()) return text->size();
  if (const auto* bytes = v.get_if<Blob>()) return bytes->size();
  if (const auto* big = v.get_if<BigInteger>()) return big->magnitude.size();
  return 0;
}

void check_bound(const Value& v, const char* what) {
  checks::within(bound_bytes(v), max_pattern_text_bytes, what, "max_pattern_text_bytes", "use a shorter bound");
}

}  // namespace

void Writer::any() {
  out_.append(static_cast<std::byte>(tags::any));
  nesting_.item_done();
}

void Writer::formal(Type type) {
  if (tags::of(type) > tags::object) invalid("a formal has an unknown type");
  out_.append(static_cast<std::byte>(tags::formal));
  out_.append(static_cast<std::byte>(type));
  nesting_.item_done();
}

void Writer::class_formal(std::string_view class_name) {
  out_.append(static_cast<std::byte>(tags::class_formal));
  name(class_name, "a formal's class");
  nesting_.item_done();
}

void Writer::between(const Value& low, const Value& high) {
  const auto type = type_of(low);
  if (!tags::is_ordered(type) || type != type_of(high)) {
    invalid("Between wants two bounds of one type, int, float, str or bytes, not " +
            std::string(name_of(static_cast<Type>(type))) + " and " +
            std::string(name_of(static_cast<Type>(type_of(high)))));
  }
  check_bound(low, "a bound of Between");
  check_bound(high, "a bound of Between");
  out_.append(static_cast<std::byte>(tags::between));
  nesting_.enter(Nesting::Kind::values, 2);
  value(low);
  value(high);
}

void Writer::prefix(const Value& text_or_bytes) {
  const auto type = type_of(text_or_bytes);
  if (type != tags::string && type != tags::bytes) {
    invalid("Prefix wants a str or bytes, not " + std::string(name_of(static_cast<Type>(type))));
  }
  check_bound(text_or_bytes, "a Prefix");
  out_.append(static_cast<std::byte>(tags::prefix));
  nesting_.enter(Nesting::Kind::values, 1);
  value(text_or_bytes);
}

void Writer::one_of(std::span<const Value> values) {
  if (values.empty()) invalid("OneOf wants at least one value");
  checks::within(values.size(), max_one_of_values, "values of a OneOf", "max_one_of_values", "use several templates");
  out_.append(static_cast<std::byte>(tags::one_of));
  out_.append_varint(values.size());
  nesting_.enter(Nesting::Kind::values, values.size());
  for (const auto& v : values) value(v);
}

void Writer::variable(std::string_view variable_name, std::optional<Type> type) {
  if (type && tags::of(*type) > tags::object) invalid("a variable has an unknown type");
  out_.append(static_cast<std::byte>(tags::variable));
  name(variable_name, "a variable's name");
  out_.append(static_cast<std::byte>(type ? tags::of(*type) : tags::untyped));
  nesting_.item_done();
}

void Writer::begin_nested(Type type, std::size_t fields, bool open) {
  if (type != Type::list && type != Type::tuple)
    invalid("a nested template is for a list or a tuple, not for " + std::string(name_of(type)));
  checks::within(fields, max_fields, "fields of a nested template", "max_fields", "end it with `...`");
  out_.append(static_cast<std::byte>(tags::nested));
  out_.append(static_cast<std::byte>(type));
  out_.append(static_cast<std::byte>(open ? 1 : 0));
  out_.append_varint(fields);
  nesting_.enter(Nesting::Kind::patterns, fields);
}

void Writer::pattern(const Pattern& p) {
  std::visit(
      [this](const auto& x) {
        using T = std::decay_t<decltype(x)>;
        if constexpr (std::is_same_v<T, Value>) value(x);
        else if constexpr (std::is_same_v<T, Any>) any();
        else if constexpr (std::is_same_v<T, Formal>) formal(x.type);
        else if constexpr (std::is_same_v<T, ClassFormal>) class_formal(x.name);
        else if constexpr (std::is_same_v<T, Between>) between(x.low, x.high);
        else if constexpr (std::is_same_v<T, Prefix>) prefix(x.text);
        else if constexpr (std::is_same_v<T, OneOf>) one_of(x.values);
        else if constexpr (std::is_same_v<T, Variable>) variable(x.name, x.type);
        else {
          begin_nested(x.type, x.inner.fields.size(), x.inner.open);
          for (const auto& field : x.inner.fields) pattern(field);
        }
      },
      p.variant);
}

}  // namespace parvis
