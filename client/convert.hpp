// C++ types as fields of tuples, both ways. Each type has exactly one field type, so that what was put as T is found by
// formal T:
//
//   bool, integers, floating point, std::string        bool, int, float, str; also from const char*, string_view
//   nullptr, Value, Tuple, List, Map, Array, Object    as they are
//   std::vector<T>, T arithmetic but not bool          a one-dimensional array
//   std::vector<T>, any other T                        a list
//   std::tuple<T...>, std::pair<A, B>                  a nested tuple
//   std::map<std::string, T>                           a map
//   ByteVector, Blob; from std::span<const std::byte>  bytes
//   std::optional<T>                                   nil or T; as a formal: any value
//   any other T with serialize(Archive&, version)      an object with codec "boost:<type>" (Boost.Serialization)
//
// Reading a field of another type throws Error{protocol_error} that names both.
#pragma once

#include <array>
#include <concepts>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <boost/core/demangle.hpp>

#include "tuplespace/model/error.hpp"
#include "tuplespace/model/template.hpp"
#include "tuplespace/model/value.hpp"
#include "tuplespace/wire/archive.hpp"

namespace parvis {

namespace detail {

template <class T>
inline constexpr bool always_false = false;
template <class T>
concept Number = std::is_arithmetic_v<T> && !std::same_as<T, bool>;
template <class T>
concept Model = std::same_as<T, Value> || std::same_as<T, Nil> || std::same_as<T, BigInteger> ||
    std::same_as<T, List> || std::same_as<T, Tuple> || std::same_as<T, Map> || std::same_as<T, Array> ||
    std::same_as<T, Object> || std::same_as<T, Blob>;
template <class T>
concept Text = std::convertible_to<const T&, std::string_view> && !std::same_as<T, std::nullptr_t>;

template <class T>
inline constexpr bool is_vector = false;
template <class T, class A>
inline constexpr bool is_vector<std::vector<T, A>> = true;
template <class T>
inline constexpr bool is_bytes = std::same_as<T, std::span<const std::byte>> || std::same_as<T, ByteVector>;
template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;
template <class T>
inline constexpr bool is_tuple = false;
template <class... T>
inline constexpr bool is_tuple<std::tuple<T...>> = true;
template <class A, class B>
inline constexpr bool is_tuple<std::pair<A, B>> = true;
template <class T>
inline constexpr bool is_map = false;
template <class T, class C, class A>
inline constexpr bool is_map<std::map<std::string, T, C, A>> = true;

// numpy's name of an element type: "<f8". Elements lie as this machine has them, which is little-endian.
template <Number T>
constexpr std::string_view dtype() {
  constexpr std::array<std::string_view, 9> integers{"", "|i1", "<i2", "", "<i4", "", "", "", "<i8"};
  constexpr std::array<std::string_view, 9> naturals{"", "|u1", "<u2", "", "<u4", "", "", "", "<u8"};
  if constexpr (std::is_floating_point_v<T>) {
    static_assert(sizeof(T) <= 8, "long double has no portable form: use double");
    return sizeof(T) == 4 ? "<f4" : "<f8";
  }
  return (std::is_signed_v<T> ? integers : naturals)[sizeof(T)];
}

template <class T>
std::string type_name() {
  return boost::core::demangle(typeid(T).name());
}
template <class T>
std::string codec_name() {
  return "boost:" + type_name<T>();
}

[[noreturn]] void throw_wrong_field(const Value& value,
                                    std::string_view wanted);  // "the field holds 7 (int); wanted str"
[[noreturn]] void throw_not_in_range(const Value& value, std::string_view wanted);

template <class M>
const M& held(const Value& value, std::string_view wanted) {
  const M* found = value.get_if<M>();
  if (found == nullptr) throw_wrong_field(value, wanted);
  return *found;
}

BigInteger big_integer(std::uint64_t magnitude);
std::optional<std::uint64_t> natural(const Value& value);  // an int from 0 to 2^64 - 1

}  // namespace detail

template <class T>
Value to_value(const T& value);
template <class T>
T from_value(const Value& value);
// Values that alias a received frame are kept alive by it: Blob and Array share it, everything else is copied.

namespace detail {

template <class T>
Value array_of(const T& values) {
  using Item = typename T::value_type;
  const auto bytes = std::as_bytes(std::span(values.data(), values.size()));
  return Array{std::string(dtype<Item>()), {values.size()}, Blob::copy(bytes)};
}

template <class T>
Value list_of(const T& values) {
  List list;
  list.items.reserve(values.size());
  for (const auto& item : values) list.items.push_back(to_value<typename T::value_type>(item));
  return list;
}

template <class T>
Value object_of(const T& value) {
  ByteVector bytes;
  wire::ObjectOutArchive(bytes) << value;
  return Object{codec_name<T>(), {type_name<T>()}, Blob::take(std::move(bytes)), {}};
}

template <class T>
T number_from(const Value& value) {
  if constexpr (std::is_floating_point_v<T>) {
    return static_cast<T>(held<double>(value, "float"));
  } else if constexpr (std::is_unsigned_v<T> && sizeof(T) == 8) {
    const auto n = natural(value);
    if (!n) throw_not_in_range(value, type_name<T>());
    return static_cast<T>(*n);
  } else {
    const auto n = held<std::int64_t>(value, "int");
    if (!std::in_range<T>(n)) throw_not_in_range(value, type_name<T>());
    return static_cast<T>(n);
  }
}

template <class T>
T array_from(const Value& value) {
  using Item = typename T::value_type;
  const auto& array = held<Array>(value, "array");
  if (array.dtype != dtype<Item>() || array.shape.size() != 1)
    throw_wrong_field(value, std::string("array of ") + std::string(dtype<Item>()));
  T out(array.elements.size() / sizeof(Item));
  if (!out.empty()) std::memcpy(out.data(), array.elements.data(), out.size() * sizeof(Item));
  return out;
}

template <class T>
T tuple_from(const Value& value) {
  const auto& items = held<Tuple>(value, "tuple").items;
  if (items.size() != std::tuple_size_v<T>)
    throw_wrong_field(value, "tuple of " + std::to_string(std::tuple_size_v<T>));
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    return T{from_value<std::tuple_element_t<I, T>>(items[I])...};
  }
  (std::make_index_sequence<std::tuple_size_v<T>>{});
}

template <class T>
T object_from(const Value& value) {
  const auto& object = held<Object>(value, codec_name<T>());
  if (object.codec != codec_name<T>()) throw_wrong_field(value, codec_name<T>());
  T out{};
  wire::ObjectInArchive in(object.body.span());
  in >> out;
  in.finish();
  return out;
}

}  // namespace detail

template <class T>
Value to_value(const T& value) {
  using namespace detail;
  if constexpr (Model<T> || std::same_as<T, bool>) return Value(value);
  else if constexpr (std::same_as<T, std::nullptr_t> || std::same_as<T, std::nullopt_t>) return Value(Nil{});
  else if constexpr (Text<T>) return Value(std::string(std::string_view(value)));
  else if constexpr (std::is_floating_point_v<T>) return Value(static_cast<double>(value));
  else if constexpr (std::is_unsigned_v<T> && sizeof(T) == 8)
    return std::in_range<std::int64_t>(value) ? Value(static_cast<std::int64_t>(value)) : Value(big_integer(value));
  else if constexpr (std::is_integral_v<T>) return Value(static_cast<std::int64_t>(value));
  else if constexpr (is_bytes<T>) return Value(Blob::copy(ByteSpan(value)));
  else if constexpr (is_optional<T>) return value ? to_value<typename T::value_type>(*value) : Value(Nil{});
  else if constexpr (is_vector<T>) {
    if constexpr (Number<typename T::value_type>) return array_of(value);
    else return list_of(value);
  } else if constexpr (is_map<T>) {
    Map map;
    for (const auto& [key, item] : value) map.items.emplace_back(key, to_value(item));
    return map;
  } else if constexpr (is_tuple<T>) {
    return std::apply([](const auto&... item) { return Value(Tuple{{to_value(item)...}}); }, value);
  } else return object_of(value);
}

template <class T>
T from_value(const Value& value) {
  using namespace detail;
  if constexpr (std::same_as<T, Value>) return value;
  else if constexpr (std::same_as<T, bool>) return held<bool>(value, "bool");
  else if constexpr (Number<T>) return number_from<T>(value);
  else if constexpr (std::same_as<T, std::string>) return held<std::string>(value, "str");
  else if constexpr (Model<T>) return held<T>(value, type_name<T>());
  else if constexpr (std::same_as<T, ByteVector>) {
    const auto bytes = held<Blob>(value, "bytes").span();
    return {bytes.begin(), bytes.end()};
  } else if constexpr (is_optional<T>) {
    if (value.get_if<Nil>() != nullptr) return std::nullopt;
    return from_value<typename T::value_type>(value);
  } else if constexpr (is_vector<T>) {
    if constexpr (Number<typename T::value_type>) return array_from<T>(value);
    else {
      T out;
      for (const auto& item : held<List>(value, "list").items) out.push_back(from_value<typename T::value_type>(item));
      return out;
    }
  } else if constexpr (is_map<T>) {
    T out;
    for (const auto& [key, item] : held<Map>(value, "map").items)
      out.emplace(key, from_value<typename T::mapped_type>(item));
    return out;
  } else if constexpr (is_tuple<T>) return tuple_from<T>(value);
  else if constexpr (Text<T> || std::same_as<T, std::span<const std::byte>>)
    static_assert(always_false<T>, "read it as std::string, ByteVector or Blob: views would dangle");
  else return object_from<T>(value);
}

// The formal of a C++ type: what a field must be to be read as T. Arrays are checked for their element type when read.
template <class T>
Pattern formal_of() {
  using namespace detail;
  if constexpr (std::same_as<T, Value> || is_optional<T>) return {Any{}};
  else if constexpr (std::same_as<T, bool>) return {Formal{Type::boolean}};
  else if constexpr (std::is_floating_point_v<T>) return {Formal{Type::real}};
  else if constexpr (std::is_integral_v<T> || std::same_as<T, BigInteger>) return {Formal{Type::integer}};
  else if constexpr (std::same_as<T, std::string>) return {Formal{Type::string}};
  else if constexpr (is_bytes<T> || std::same_as<T, Blob>) return {Formal{Type::bytes}};
  else if constexpr (is_vector<T>) return {Formal{Number<typename T::value_type> ? Type::array : Type::list}};
  else if constexpr (is_map<T> || std::same_as<T, Map>) return {Formal{Type::map}};
  else if constexpr (std::same_as<T, Nil>) return {Formal{Type::nil}};
  else if constexpr (std::same_as<T, List>) return {Formal{Type::list}};
  else if constexpr (std::same_as<T, Tuple>) return {Formal{Type::tuple}};
  else if constexpr (std::same_as<T, Array>) return {Formal{Type::array}};
  else if constexpr (std::same_as<T, Object>) return {Formal{Type::object}};
  else if constexpr (is_tuple<T>) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return Pattern{Nested{Type::tuple, Template{{formal_of<std::tuple_element_t<I, T>>()...}, false}}};
    }
    (std::make_index_sequence<std::tuple_size_v<T>>{});
  } else return {ClassFormal{type_name<T>()}};
}

}  // namespace parvis
