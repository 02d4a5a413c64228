#include "client/statement.hpp"

#include <algorithm>

namespace parvis {

namespace statements {

namespace {

Payload payload_of(const Template& form) { return encoded(form); }

Deed bulk(Action::What what, const Template& form, std::string to) {
  Deed deed;
  deed.action.what = what;
  deed.action.to = std::move(to);
  deed.action.form = payload_of(form);
  return deed;
}

}  // namespace

Guard Guard::from(std::string space) const {
  Guard guard = *this;
  guard.condition.space = std::move(space);
  return guard;
}

Deed Deed::to(std::string space) const {
  Deed deed = *this;
  deed.action.space = std::move(space);
  return deed;
}

Deed Deed::lease(Duration time) const {
  Deed deed = *this;
  deed.action.lease_us = parvis::detail::span_us(time);
  return deed;
}

Deed Deed::priority(int priority) const {
  Deed deed = *this;
  deed.action.priority = priority;
  return deed;
}

namespace detail {

Change change_of(std::uint32_t position, Change::How how, const Pattern& operand) {
  return {position, how, payload_of(Template{{operand}, false})};
}

void put_field(Template& form, std::vector<Change>& changes, Expression field) {
  const auto position = static_cast<std::uint32_t>(form.fields.size());
  for (auto& step : field.steps) changes.push_back(change_of(position, step.how, step.operand));
  form.fields.push_back(std::move(field.base));
}

Deed put_of(const Template& form, std::vector<Change> changes) {
  Deed deed;
  deed.action.form = payload_of(form);
  deed.action.changes = std::move(changes);
  return deed;
}

}  // namespace detail

Deed update(std::uint32_t condition, const std::vector<Changes>& changes) {
  Deed deed;
  deed.action.what = Action::What::update;
  deed.action.condition = condition;
  for (const auto& some : changes) deed.action.changes.insert(deed.action.changes.end(), some.begin(), some.end());
  return deed;
}

Deed move(const Template& what, std::string to) { return bulk(Action::What::move, what, std::move(to)); }
Deed copy(const Template& what, std::string to) { return bulk(Action::What::copy, what, std::move(to)); }

}  // namespace statements

namespace detail {

namespace {

void bind(const Pattern& pattern, const Value& value, std::map<std::string, Value>& values) {
  if (const auto* variable = std::get_if<Variable>(&pattern.variant)) values.emplace(variable->name, value);
  const auto* nested = std::get_if<Nested>(&pattern.variant);
  if (nested == nullptr) return;
  const auto* tuple = value.get_if<Tuple>();
  const auto* list = value.get_if<List>();
  const auto& items = tuple != nullptr ? tuple->items : list->items;
  for (std::size_t i = 0; i < nested->inner.fields.size() && i < items.size(); ++i)
    bind(nested->inner.fields[i], items[i], values);
}

}  // namespace

Statement statement_of(const std::string& space, std::vector<Branch> branches) {
  Statement statement;
  statement.branches = std::move(branches);
  for (auto& branch : statement.branches) {
    for (auto& condition : branch.guard)
      if (condition.space.empty()) condition.space = space;
    for (auto& action : branch.body)
      if (action.space.empty() && action.what != Action::What::update) action.space = space;
  }
  return statement;
}

std::optional<Outcome> outcome_of(const Statement& statement, const Answer& answer) {
  const auto& ran = std::get<Ran>(answer);
  if (ran.branch >= statement.branches.size()) return std::nullopt;
  Outcome outcome{ran.branch, tuples_of(ran.items), tuples_of(ran.updated), ran.put, {}};
  std::size_t n = 0;
  for (const auto& condition : statement.branches[ran.branch].guard) {
    if (condition.what == Condition::What::absent || n >= outcome.tuples.size()) continue;
    const auto& tuple = outcome.tuples[n++];
    const auto pattern = decode_template(condition.pattern.blob());
    for (std::size_t i = 0; i < pattern.fields.size() && i < tuple.items.size(); ++i)
      bind(pattern.fields[i], tuple.items[i], outcome.values);
  }
  return outcome;
}

}  // namespace detail

}  // namespace parvis
