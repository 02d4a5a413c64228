// How a call's arguments become a tuple or a template, straight into its encoding.
//
//   space.out("task", 7, v)          values: any type of convert.hpp; or a whole Tuple
//   space.in<int>("task", formal)    formal: a value of the type named, returned
//   space.in("task", of<int>, any)   of<T>: a value of type T; any: of any type; or a whole Template
//   between(1, 9)  prefix("a")  one_of(1, "x")  rest    a range, a beginning, alternatives; last: any further fields
//   Var("n")  Var("n", Type::integer)                   a variable: the same name twice binds equal values
//
// Every field of a template that is not a plain value is a formal: the typed forms return these, in order.
#pragma once

#include <type_traits>

#include "client/convert.hpp"
#include "tuplespace/model/codec.hpp"

namespace parvis {

struct FormalField {};
struct AnyField {};
struct RestField {};
template <class T>
struct OfField {};

inline constexpr FormalField formal{};
inline constexpr AnyField any{};
inline constexpr RestField rest{};
template <class T>
inline constexpr OfField<T> of{};

struct Var {
  explicit Var(std::string called, std::optional<Type> of_type = std::nullopt)
      : name(std::move(called)), type(of_type) {}
  std::string name;
  std::optional<Type> type;
};

template <class A, class B>
Pattern between(const A& low, const B& high) {
  return {Between{to_value(low), to_value(high)}};
}
inline Pattern prefix(std::string text) { return {Prefix{Value(std::move(text))}}; }
template <class... T>
Pattern one_of(const T&... values) {
  return {OneOf{{to_value(values)...}}};
}

namespace detail {

template <class F>
using Plain = std::decay_t<F>;
template <class F>
inline constexpr bool is_of = false;
template <class T>
inline constexpr bool is_of<OfField<T>> = true;
template <class F>
inline constexpr bool is_formal = std::same_as<F, FormalField> || std::same_as<F, AnyField> ||
                                  std::same_as<F, Pattern> || std::same_as<F, Var> || is_of<F>;
template <class F>
inline constexpr bool is_rest = std::same_as<F, RestField>;
template <class... F>
inline constexpr std::size_t formals = (std::size_t{0} + ... + (is_formal<Plain<F>> ? 1 : 0));
template <class... F>
inline constexpr std::size_t rests = (std::size_t{0} + ... + (is_rest<Plain<F>> ? 1 : 0));
template <class... F>
inline constexpr bool is_whole_template = sizeof...(F) == 1 && (std::same_as<Plain<F>, Template> && ...);
template <class... F>
inline constexpr bool is_whole_tuple = sizeof...(F) == 1 && (std::same_as<Plain<F>, Tuple> && ...);

template <class F>
void write_value(Writer& to, const F& field) {
  if constexpr (std::same_as<F, bool>) to.boolean(field);
  else if constexpr (std::is_integral_v<F> && (std::is_signed_v<F> || sizeof(F) < 8))
    to.integer(static_cast<std::int64_t>(field));
  else if constexpr (std::is_floating_point_v<F>) to.real(static_cast<double>(field));
  else if constexpr (Text<F>) to.string(std::string_view(field));
  else to.value(to_value(field));
}

template <class F, class Wanted>
void write_pattern(Writer& to, const F& field) {
  if constexpr (std::same_as<F, FormalField>) {
    static_assert(!std::is_void_v<Wanted>,
                  "`formal` needs its type: in<int>(\"n\", formal), or of<int> or any instead");
    if constexpr (!std::is_void_v<Wanted>) to.pattern(formal_of<Wanted>());
  } else if constexpr (std::same_as<F, AnyField>) to.any();
  else if constexpr (std::same_as<F, Pattern>) to.pattern(field);
  else if constexpr (std::same_as<F, Var>) to.variable(field.name, field.type);
  else write_value(to, field);
}
template <class Wanted, class T>
void write_of(Writer& to, const OfField<T>&) {
  to.pattern(formal_of<T>());
}

// The Ith type of T..., or void.
template <std::size_t I, class... T>
struct NthOrVoid {
  using type = void;
};
template <std::size_t I, class... T>
requires(I < sizeof...(T)) struct NthOrVoid<I, T...> {
  using type = std::tuple_element_t<I, std::tuple<T...>>;
};

template <class Types, std::size_t Index>
void write_patterns(Writer&) {}
template <class Types, std::size_t Index, class F, class... More>
void write_patterns(Writer& to, const F& field, const More&... more) {
  using Field = Plain<F>;
  using Wanted = typename Types::template Nth<Index>::type;
  if constexpr (is_rest<Field>) static_assert(sizeof...(More) == 0, "`rest` comes last");
  else if constexpr (is_of<Field>) write_of<Wanted>(to, field);
  else if constexpr (std::is_array_v<F>) write_value(to, std::string_view(field));
  else write_pattern<Field, Wanted>(to, field);
  write_patterns<Types, Index + (is_formal<Field> ? 1 : 0)>(to, more...);
}

template <class... T>
struct Types {
  template <std::size_t I>
  using Nth = NthOrVoid<I, T...>;
};

// The template of a call; T... are the types asked for, none in the untyped forms.
template <class... T, class... F>
void encode_template(Encoding& out, const F&... fields) {
  if constexpr (is_whole_template<F...>) {
    static_assert(sizeof...(T) == 0, "a Template says its types itself");
    (encode(out, fields), ...);
  } else {
    static_assert(sizeof...(T) == 0 || sizeof...(T) == formals<F...>,
                  "one type for each field that is not a plain value");
    Writer to(out);
    to.template_body(sizeof...(F) - rests<F...>, rests<F...> != 0);
    write_patterns<Types<T...>, 0>(to, fields...);
  }
}

template <class... F>
void encode_tuple(Encoding& out, const F&... fields) {
  if constexpr (is_whole_tuple<F...>) {
    (encode(out, fields), ...);
  } else {
    static_assert(formals<F...> == 0 && rests<F...> == 0, "a tuple holds values only");
    Writer to(out);
    to.tuple_body(sizeof...(F));
    const auto write = [&](const auto& field) {
      using Field = std::remove_cvref_t<decltype(field)>;
      if constexpr (std::is_array_v<Field>) write_value(to, std::string_view(field));
      else write_value(to, field);
    };
    (write(fields), ...);
  }
}

// The fields of `tuple` that answer formals, as T....
template <class... T, class... F>
std::tuple<T...> formals_of(const Tuple& tuple, const F&...) {
  constexpr std::array<bool, sizeof...(F) + 1> wanted{is_formal<Plain<F>>..., false};
  std::array<const Value*, sizeof...(T)> found{};
  std::size_t n = 0;
  for (std::size_t i = 0; i < sizeof...(F) && i < tuple.items.size(); ++i) {
    if (wanted[i]) found[n++] = &tuple.items[i];
  }
  return [&]<std::size_t... I>(std::index_sequence<I...>) { return std::tuple<T...>{from_value<T>(*found[I])...}; }
  (std::index_sequence_for<T...>{});
}

}  // namespace detail

}  // namespace parvis
