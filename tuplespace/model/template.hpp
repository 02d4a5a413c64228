// Templates: what an in or rd asks for, field by field. As with values the server works on encodings; this is the
// form programs build.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "tuplespace/model/value.hpp"

namespace parvis {

// The type of a field, also its code on the wire. `class_` is a formal only: an object with that class or base.
enum class Type : std::uint8_t {
  nil = 0,
  boolean = 1,
  integer = 2,
  real = 3,
  string = 4,
  bytes = 5,
  list = 6,
  tuple = 7,
  map = 8,
  array = 9,
  object = 10
};
std::string_view name_of(Type type);  // "nil bool int float str bytes list tuple map array object"
std::optional<Type> type_named(std::string_view name);

struct Pattern;

struct Any {};  // any value of any type
struct Formal {
  Type type;
};  // any value of that type
struct ClassFormal {
  std::string name;
};  // an object whose classes contain this qualified name
struct Between {
  Value low, high;
};  // low <= x <= high; both bounds of one type: int, float, str, bytes
struct Prefix {
  Value text;
};  // str or bytes
struct OneOf {
  std::vector<Value> values;
};
struct Variable {  // the same name twice must bind equal values
  std::string name;
  std::optional<Type> type;
};
struct Template {
  std::vector<Pattern> fields;
  bool open = false;  // trailing `...`: any further fields
};
struct Nested {             // a template for a list or tuple inside the tuple
  Type type = Type::tuple;  // list or tuple
  Template inner;
};
struct Pattern {
  std::variant<Value, Any, Formal, ClassFormal, Between, Prefix, OneOf, Variable, Nested> variant;
};

}  // namespace parvis
