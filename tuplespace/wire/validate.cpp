#include "tuplespace/wire/validate.hpp"

#include <fmt/format.h>

#include "tuplespace/model/checks.hpp"
#include "tuplespace/model/codec.hpp"
#include "tuplespace/model/limits.hpp"

namespace parvis::wire {
namespace {

[[noreturn]] void too_many(std::string_view what, std::uint64_t value, std::string_view limit, std::uint64_t most) {
  throw Error(ErrorCode::limit_exceeded, fmt::format("{} {} exceed the limit {} = {}", value, what, limit, most));
}
[[noreturn]] void invalid(const std::string& text) { throw Error(ErrorCode::protocol_error, text); }

void check_name(const std::string& name, std::string_view what) {
  if (name.empty()) invalid(fmt::format("the {} is empty", what));
  if (name.size() > max_name_bytes) {
    throw Error(ErrorCode::limit_exceeded, fmt::format("a {} of {} bytes exceeds the limit max_name_bytes = {}", what,
                                                       name.size(), max_name_bytes));
  }
  if (!checks::is_utf8(name)) invalid(fmt::format("the {} is not UTF-8", what));
}

void check_number(std::size_t n, std::string_view what) {
  if (n > max_operation_tuples) too_many(what, n, "max_operation_tuples", max_operation_tuples);
}

void check_span(std::int64_t us, std::string_view what) {
  if (us < -1) invalid(fmt::format("a {} of {} µs: it is -1 (for ever) or not negative", what, us));
}

void check_priority(std::int32_t priority) {
  if (priority < min_priority || priority > max_priority) {
    invalid(fmt::format("priority {} is not between {} and {}", priority, min_priority, max_priority));
  }
}

void check_tuple(const Payload& tuple, std::size_t tuple_bytes) {
  if (tuple.size() > tuple_bytes) {
    throw Error(
        ErrorCode::limit_exceeded,
        fmt::format("a tuple of {} bytes exceeds the limit tuple_bytes = {} (parvis serve --limit tuple_bytes=...)",
                    tuple.size(), tuple_bytes));
  }
  validate_tuple(tuple.blob().span());
}

void check_templates(const std::vector<Payload>& templates) {
  if (templates.empty()) invalid("no template");
  if (templates.size() > max_templates) too_many("templates", templates.size(), "max_templates", max_templates);
  for (const auto& pattern : templates) validate_template(pattern.blob().span());
}

void check_group(const Payload& group) {
  if (group.size() == 0) return;
  if (group.size() > max_group_bytes)
    throw Error(
        ErrorCode::limit_exceeded,
        fmt::format("a group's key of {} bytes exceeds the limit max_group_bytes = {}", group.size(), max_group_bytes));
  validate_tuple(group.blob().span());
  if (Reader(group.blob().span()).tuple_body() != 1) invalid("a group's key is a tuple of one field");
}

void check_changes(const std::vector<Change>& changes) {
  if (changes.size() > max_fields) too_many("changes", changes.size(), "max_fields", max_fields);
  for (const auto& change : changes) {
    if (change.position >= max_fields) invalid(fmt::format("a change of field {}", change.position));
    if (change.how > Change::How::max) invalid("unknown kind of change");
    validate_template(change.operand.blob().span());
    if (Reader(change.operand.blob().span()).template_body().fields != 1)
      invalid("the operand of a change is one field");
  }
}

struct Check {
  std::size_t tuple_bytes;

  void operator()(const Hello& m) const {
    if (m.magic != "parvis") invalid("this is the port of a Parvis server, and what was sent is not its protocol");
    if (m.version_min > m.version_max) invalid("the lowest protocol version is above the highest");
    if (!m.name.empty()) check_name(m.name, "client name");
  }
  void operator()(const Out& m) const {
    check_name(m.space, "name of the space");
    if (m.tuples.empty()) invalid("no tuple");
    check_number(m.tuples.size(), "tuples");
    check_span(m.lease_us, "lease");
    check_span(m.delay_us, "delay");
    check_priority(m.priority);
    check_group(m.group);
    check_span(m.room_us, "wait for room");
    for (const auto& tuple : m.tuples) check_tuple(tuple, tuple_bytes);
  }
  void operator()(const Get& m) const {
    check_name(m.space, "name of the space");
    check_templates(m.templates);
    check_span(m.timeout_us, "timeout");
    check_span(m.lease_us, "lease");
    check_span(m.settle_us, "settle time");
    if (m.max == 0) invalid("a get of at most 0 tuples");
    if (m.begin && m.transaction != 0) invalid("a get begins a transaction or is inside one, not both");
    if (!m.take && m.begin) invalid("only a get that takes begins a transaction");
  }
  void operator()(const Count& m) const {
    check_name(m.space, "name of the space");
    check_templates(m.templates);
  }
  void operator()(const Begin& m) const { check_span(m.lease_us, "lease"); }
  void operator()(const Commit& m) const {
    check_number(m.puts.size() + m.consumed.size() + m.released.size(), "tuples");
    for (const auto& put : m.puts) {
      check_name(put.space, "name of the space");
      check_span(put.lease_us, "lease");
      check_priority(put.priority);
      check_span(put.delay_us, "delay");
      check_group(put.group);
      check_tuple(put.tuple, tuple_bytes);
    }
  }
  void operator()(const Renew& m) const {
    check_span(m.lease_us, "lease");
    check_number(m.tuples.size(), "tuples");
    if ((m.transaction != 0) != m.tuples.empty()) invalid("a renew is of a transaction, or of tuples");
  }
  void operator()(const Spaces& m) const {
    if (m.what > Spaces::What::drop) invalid("unknown request about spaces");
    if (m.durability > Durability::volatile_) invalid("unknown durability");
    if (m.what != Spaces::What::list) check_name(m.space, "name of the space");
    if (m.quota_tuples < -1 || m.quota_bytes < -1) invalid("a quota is -1 (as it is), 0 (none) or more");
  }
  void operator()(const Scan& m) const {
    check_name(m.space, "name of the space");
    check_templates(m.templates);
    if (m.max == 0) invalid("a page of no tuples");
  }
  void operator()(const Aggregate& m) const {
    check_name(m.space, "name of the space");
    check_templates(m.templates);
    if (m.terms.size() + m.group_by.size() > max_fields)
      too_many("columns", m.terms.size() + m.group_by.size(), "max_fields", max_fields);
    for (const auto position : m.group_by)
      if (position >= max_fields) invalid(fmt::format("a group by field {}", position));
    for (const auto& term : m.terms) {
      if (term.function > Aggregate::Function::max) invalid("unknown aggregate");
      if (term.position >= max_fields) invalid(fmt::format("an aggregate of field {}", term.position));
    }
  }
  void operator()(const Collect& m) const {
    check_name(m.from, "name of the space");
    check_name(m.to, "name of the space");
    check_templates(m.templates);
    if (m.from == m.to && !m.copy) invalid("a collect into the space it collects from");
  }
  void operator()(const Condition& m) const {
    if (m.what > Condition::What::absent) invalid("unknown kind of condition");
    check_name(m.space, "name of the space");
    validate_template(m.pattern.blob().span());
  }
  void operator()(const Action& m) const {
    if (m.what > Action::What::copy) invalid("unknown kind of action");
    check_span(m.lease_us, "lease");
    check_priority(m.priority);
    check_changes(m.changes);
    if (m.what == Action::What::update) return;
    check_name(m.space, "name of the space");
    if (m.what != Action::What::out) check_name(m.to, "name of the space");
    if (m.form.size() > tuple_bytes)
      throw Error(ErrorCode::limit_exceeded,
                  fmt::format("a form of {} bytes exceeds the limit tuple_bytes = {}", m.form.size(), tuple_bytes));
    validate_template(m.form.blob().span());
  }
  void operator()(const Statement& m) const {
    if (m.branches.empty()) invalid("a statement without a branch");
    check_span(m.timeout_us, "timeout");
    std::size_t parts = m.branches.size();
    for (const auto& branch : m.branches) {
      parts += branch.guard.size() + branch.body.size();
      for (const auto& condition : branch.guard) (*this)(condition);
      for (const auto& action : branch.body) (*this)(action);
    }
    if (parts > max_statement_parts)
      too_many("branches, conditions and actions", parts, "max_statement_parts", max_statement_parts);
  }
  void operator()(const Watch& m) const {
    check_name(m.space, "name of the space");
    check_templates(m.templates);
    check_span(m.timeout_us, "timeout");
    if (m.max == 0) invalid("a watch for no events");
  }
  void operator()(const Explain& m) const {
    check_name(m.space, "name of the space");
    validate_template(m.pattern.blob().span());
  }
  void operator()(const ListWaiters& m) const {
    if (!m.space.empty()) check_name(m.space, "name of the space");
  }
  void operator()(const Confirm& m) const { check_number(m.also.size(), "confirmations"); }
  void operator()(const Found& m) const {
    for (const auto& item : m.items) check_tuple(item.tuple, tuple_bytes);
  }
  void operator()(const Page& m) const {
    for (const auto& item : m.items) check_tuple(item.tuple, tuple_bytes);
    for (const auto& put : m.puts) {
      check_tuple(put.tuple, tuple_bytes);
      check_group(put.group);
    }
  }
  void operator()(const Ran& m) const {
    for (const auto* items : {&m.items, &m.updated})
      for (const auto& item : *items) check_tuple(item.tuple, tuple_bytes);
  }
  void operator()(const Events& m) const {
    for (const auto& event : m.events) {
      if (event.kind > Event::Kind::updated) invalid("unknown kind of event");
      check_tuple(event.item.tuple, tuple_bytes);
    }
  }
  void operator()(const Listing& m) const {
    for (const auto& space : m.spaces) {
      if (space.durability > Durability::volatile_) invalid("unknown durability");
    }
  }
  void operator()(const Failed& m) const {
    if (m.code < ErrorCode::timeout || m.code > ErrorCode::remote_error) invalid("unknown error code");
  }
  void operator()(const Call& m) const { check_tuple(m.tuple, tuple_bytes); }
  void operator()(const Reply& m) const { check_tuple(m.tuple, tuple_bytes); }
  void operator()(const Output& m) const { check_tuple(m.tuple, tuple_bytes); }
  template <class M>
  void operator()(const M&) const {}  // numbers and fixed bytes: nothing can be wrong with them
};

}  // namespace

void validate(const Message& message, std::size_t tuple_bytes) { std::visit(Check{tuple_bytes}, message); }

}  // namespace parvis::wire
