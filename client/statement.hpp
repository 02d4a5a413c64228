// Atomic guarded statements: several tuples taken, read, changed and put in one step and one round trip, or nothing.
//
//   using namespace parvis::statements;
//   const Var n("n"), job("job");
//   auto ran = space.run(when(take("counter", n)).then(put("counter", n + 1)));       // waits until a branch can run
//   space.runp(when(take("free", n), take("job", job)).then(put("run", job, n)),      // the first that can, as written
//              when(take("free", n), absent("job", any)).then(put("idle", n)),
//              otherwise(put("nothing")));                                            // runp: or nothing at once
//   space.update(template_of("n", of<int>), add(1, 1), set(2, "x"));                  // field 1 + 1, field 2 = "x"
//
// A branch can run when distinct tuples are there for all its take and read conditions together, one variable standing
// for equal values, and none for its absent ones. What is taken is taken for good. Fields of put, and what update
// changes with, are values, variables, and for numbers n + 1, n - m, n * 2, min(n, 9), max(n, m).
#pragma once

#include <map>

#include "client/core.hpp"

namespace parvis {

// What a statement did.
struct Outcome {
  std::size_t branch = 0;               // which ran, as written, from 0
  std::vector<Tuple> tuples;            // of its take and read conditions in order, as they were found
  std::vector<Tuple> updated;           // of its update actions in order, as they are now
  std::vector<TupleId> put;             // of its put actions in order
  std::map<std::string, Value> values;  // of its variables
  [[nodiscard]] const Value& operator[](const Var& variable) const { return values.at(variable.name); }
};

namespace statements {

// A value or variable, and what is done to it.
struct Expression {
  using How = Change::How;
  struct Step {
    How how;
    Pattern operand;
  };
  Expression(const Var& variable) : base{Variable{variable.name, variable.type}} {}
  explicit Expression(Pattern value) : base(std::move(value)) {}
  [[nodiscard]] Expression then(How how, Pattern operand) const {
    Expression result = *this;
    result.steps.push_back({how, std::move(operand)});
    return result;
  }
  Pattern base;
  std::vector<Step> steps;
};

namespace detail {
template <class T>
inline constexpr bool is_computed = std::same_as<T, Var> || std::same_as<T, Expression>;
template <class A, class B>
concept Arithmetic = (is_computed<A> || is_computed<B>)&&!(std::same_as<A, Expression> && std::same_as<B, Expression>);

template <class T>
Pattern operand_of(const T& value) {
  if constexpr (std::same_as<T, Var>) return {Variable{value.name, value.type}};
  else if constexpr (std::same_as<T, Pattern>) return value;
  else return {to_value(value)};
}
// a how b where the order does not matter: the side that is computed already goes first.
template <class A, class B>
Expression either_way(Change::How how, const A& a, const B& b) {
  if constexpr (std::same_as<B, Expression>) return b.then(how, operand_of(a));
  else if constexpr (std::same_as<A, Expression>) return a.then(how, operand_of(b));
  else return Expression(operand_of(a)).then(how, operand_of(b));
}
}  // namespace detail

}  // namespace statements

template <class A, class B>
requires statements::detail::Arithmetic<A, B> statements::Expression operator+(const A& a, const B& b) {
  return statements::detail::either_way(Change::How::add, a, b);
}
template <class A, class B>
requires statements::detail::Arithmetic<A, B> statements::Expression operator*(const A& a, const B& b) {
  return statements::detail::either_way(Change::How::multiply, a, b);
}
template <class A, class B>
requires statements::detail::Arithmetic<A, B> statements::Expression operator-(const A& a, const B& b) {
  using namespace statements;
  if constexpr (std::same_as<B, Expression>)
    return b.then(Change::How::multiply, {Value(std::int64_t{-1})})
        .then(Change::How::add, statements::detail::operand_of(a));
  else if constexpr (std::same_as<A, Expression>)
    return a.then(Change::How::subtract, statements::detail::operand_of(b));
  else
    return Expression(statements::detail::operand_of(a)).then(Change::How::subtract, statements::detail::operand_of(b));
}
template <class A, class B>
requires statements::detail::Arithmetic<A, B> statements::Expression min(const A& a, const B& b) {
  return statements::detail::either_way(Change::How::min, a, b);
}
template <class A, class B>
requires statements::detail::Arithmetic<A, B> statements::Expression max(const A& a, const B& b) {
  return statements::detail::either_way(Change::How::max, a, b);
}

namespace statements {

using parvis::operator+;
using parvis::operator-;
using parvis::operator*;

struct Guard {
  Condition condition;
  [[nodiscard]] Guard from(std::string space) const;  // of another space than the one that runs it
};
struct Deed {
  Action action;
  [[nodiscard]] Deed to(std::string space) const;  // put into another space than the one that runs it
  [[nodiscard]] Deed lease(Duration time) const;
  [[nodiscard]] Deed priority(int priority) const;
};

namespace detail {
template <class... F>
Guard guard_of(Condition::What what, const F&... fields) {
  Encoding encoding;
  parvis::detail::encode_template<>(encoding, fields...);
  return {{what, {}, Payload(encoding.flatten())}};
}
Change change_of(std::uint32_t position, Change::How how, const Pattern& operand);
void put_field(Template& form, std::vector<Change>& changes, Expression field);
Deed put_of(const Template& form, std::vector<Change> changes);
}  // namespace detail

template <class... F>
Guard take(const F&... fields) {
  return detail::guard_of(Condition::What::in, fields...);
}
template <class... F>
Guard read(const F&... fields) {
  return detail::guard_of(Condition::What::rd, fields...);
}
template <class... F>
Guard absent(const F&... fields) {
  return detail::guard_of(Condition::What::absent, fields...);
}

template <class... F>
Deed put(const F&... fields) {
  Template form;
  std::vector<Change> changes;
  const auto add = [&](const auto& field) {
    using Field = std::remove_cvref_t<decltype(field)>;
    if constexpr (std::same_as<Field, Expression>) detail::put_field(form, changes, field);
    else if constexpr (std::is_array_v<Field>)
      detail::put_field(form, changes, Expression(Pattern{Value(std::string(field))}));
    else detail::put_field(form, changes, Expression(detail::operand_of(field)));
  };
  (add(fields), ...);
  return detail::put_of(form, std::move(changes));
}

// What happens to one field of an update, from 0.
using Changes = std::vector<Change>;
namespace detail {
template <class T>
Changes changes_of(std::uint32_t position, Change::How how, const T& value) {
  if constexpr (std::same_as<T, Expression>) {
    if (how != Change::How::set)
      throw Error(ErrorCode::protocol_error, "only set takes an expression; the others take a value or a variable");
    Changes changes{change_of(position, how, value.base)};
    for (const auto& step : value.steps) changes.push_back(change_of(position, step.how, step.operand));
    return changes;
  } else if constexpr (std::convertible_to<T, std::string_view> && !std::same_as<T, Var>) {
    return {change_of(position, how, {Value(std::string(value))})};
  } else {
    return {change_of(position, how, operand_of(value))};
  }
}
}  // namespace detail
template <class T>
Changes set(std::uint32_t position, const T& value) {
  return detail::changes_of(position, Change::How::set, value);
}
template <class T>
Changes add(std::uint32_t position, const T& value) {
  return detail::changes_of(position, Change::How::add, value);
}
template <class T>
Changes subtract(std::uint32_t position, const T& value) {
  return detail::changes_of(position, Change::How::subtract, value);
}
template <class T>
Changes multiply(std::uint32_t position, const T& value) {
  return detail::changes_of(position, Change::How::multiply, value);
}
template <class T>
Changes at_most(std::uint32_t position, const T& value) {
  return detail::changes_of(position, Change::How::min, value);
}
template <class T>
Changes at_least(std::uint32_t position, const T& value) {
  return detail::changes_of(position, Change::How::max, value);
}
// Changes the tuple of a take condition, the first of them being 0, in place: it keeps its id, place and lease.
Deed update(std::uint32_t condition, const std::vector<Changes>& changes);
template <class... C>
Deed update(std::uint32_t condition, const Changes& first, const C&... more) {
  return update(condition, std::vector<Changes>{first, more...});
}
// All that matches goes, or is copied, from the space that runs the statement to another.
Deed move(const Template& what, std::string to);
Deed copy(const Template& what, std::string to);

struct When {
  std::vector<Guard> guard;
  template <class... D>
  [[nodiscard]] Branch then(const D&... deeds) const {
    Branch branch;
    for (const auto& g : guard) branch.guard.push_back(g.condition);
    (branch.body.push_back(deeds.action), ...);
    return branch;
  }
};
template <class... G>
When when(const G&... guard) {
  return {{guard...}};
}
template <class... D>
Branch otherwise(const D&... deeds) {
  return When{}.then(deeds...);
}

}  // namespace statements

namespace detail {
// Conditions and actions that name no space are of `space`.
Statement statement_of(const std::string& space, std::vector<Branch> branches);
// Nothing when none ran.
std::optional<Outcome> outcome_of(const Statement& statement, const Answer& answer);
}  // namespace detail

}  // namespace parvis
