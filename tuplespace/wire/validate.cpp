#include "tuplespace/wire/validate.hpp"

#include <fmt/format.h>

#include "tuplespace/model/checks.hpp"
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
    for (const auto& tuple : m.tuples) check_tuple(tuple, tuple_bytes);
  }
  void operator()(const Get& m) const {
    check_name(m.space, "name of the space");
    check_templates(m.templates);
    check_span(m.timeout_us, "timeout");
    check_span(m.lease_us, "lease");
    if (m.max == 0) invalid("a get of at most 0 tuples");
    if (m.begin && m.transaction != 0) invalid("a get begins a transaction or is inside one, not both");
    if (!m.take && (m.begin || m.transaction != 0)) invalid("only a get that takes can be inside a transaction");
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
      check_tuple(put.tuple, tuple_bytes);
    }
  }
  void operator()(const Renew& m) const { check_span(m.lease_us, "lease"); }
  void operator()(const Spaces& m) const {
    if (m.what > Spaces::What::drop) invalid("unknown request about spaces");
    if (m.durability > Durability::volatile_) invalid("unknown durability");
    if (m.what != Spaces::What::list) check_name(m.space, "name of the space");
  }
  void operator()(const Confirm& m) const { check_number(m.also.size(), "confirmations"); }
  void operator()(const Found& m) const {
    for (const auto& item : m.items) check_tuple(item.tuple, tuple_bytes);
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
