// Statements: a guard over several tuples and spaces, and what is done in one step when it holds. Blocked ones hold
// nothing.
#include "tuplespace/space/statements.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace parvis::space {

namespace {

// The conditions of all guards, one after the other.
template <class Visit>
void for_each_condition(const Statement& statement, Visit&& visit) {
  for (const Branch& branch : statement.branches)
    for (const Condition& condition : branch.guard) visit(condition);
}

Failed invalid(std::string text) { return {ErrorCode::protocol_error, std::move(text)}; }

}  // namespace

void Engine::State::run(Session& s, Sequence sequence, const Statement& statement) {
  if (auto refused = refuse(s, statement)) return fail(s, sequence, std::move(*refused));
  std::vector<Matcher> templates;
  for_each_condition(statement, [&](const Condition& c) { templates.emplace_back(c.pattern.flat().span()); });
  Decision decision = decide(statement, templates);
  if (auto* failed = std::get_if<Failed>(&decision)) return fail(s, sequence, std::move(*failed), seen_by(statement));
  if (const auto* effects = std::get_if<Effects>(&decision)) {
    std::vector<Entry*> arriving;
    perform(s, sequence, statement, *effects, arriving);
    return place(arriving);
  }
  if (statement.wait && statement.timeout_us == 0)
    return fail(s, sequence, Failed{ErrorCode::timeout, "no guard holds"}, seen_by(statement));
  if (statement.wait) return block(s, sequence, statement, std::move(templates));
  auto none = std::make_shared<Ran>();
  none->branch = static_cast<std::uint32_t>(statement.branches.size());
  remember(s, sequence, {.kind = Applied::Kind::ran, .ran = none, .after = seen_by(statement)});
  answer(s, sequence, *none, seen_by(statement));
}

std::optional<Failed> Engine::State::refuse(const Session& s, const Statement& statement) const {
  if (statement.branches.empty()) return invalid("a statement without a branch");
  if (s.unconfirmed >= limits.unconfirmed_per_session)
    return over("unconfirmed_per_session", limits.unconfirmed_per_session,
                "too many answers of this session are unconfirmed");
  std::size_t parts = statement.branches.size();
  for (const Branch& branch : statement.branches) {
    parts += branch.guard.size() + branch.body.size();
    if (auto refused = refuse(branch)) return refused;
  }
  if (parts <= max_statement_parts) return std::nullopt;
  return Failed{ErrorCode::limit_exceeded,
                fmt::format("a statement of {} branches, conditions and actions; at most {} (max_statement_parts), "
                            "do it in several",
                            parts, max_statement_parts)};
}

std::optional<Failed> Engine::State::refuse(const Branch& branch) const {
  for (const Condition& condition : branch.guard)
    if (auto refused = refuse_name(condition.space)) return refused;
  std::bitset<max_statement_parts> updated;
  for (const Action& action : branch.body) {
    if (action.what == Action::What::update) {
      const std::size_t which = action.condition;
      if (which >= branch.guard.size() || branch.guard[which].what != Condition::What::in)
        return invalid(fmt::format("an update of condition {}, which is no `in` of this guard", which));
      if (which < updated.size() && updated.test(which))
        return invalid(fmt::format("two updates of condition {}; one can have several changes", which));
      updated.set(which % updated.size());
      continue;
    }
    if (auto refused = refuse_name(action.space)) return refused;
    if (action.what == Action::What::out) continue;
    if (auto refused = refuse_name(action.to)) return refused;
    if (action.what == Action::What::move && action.space == action.to)
      return invalid(fmt::format("a move from space {} into itself", action.to));
  }
  return std::nullopt;
}

void Engine::State::block(Session& s, Sequence sequence, const Statement& statement, std::vector<Matcher> templates) {
  std::size_t bytes = 0;
  for (const Matcher& matcher : templates) bytes += 2 * matcher.bytes().size();
  if (auto refused = refuse_to_block(s, bytes + bytes_of(statement))) return fail(s, sequence, std::move(*refused));
  Waiter waiter;
  waiter.templates = std::move(templates);
  waiter.statement = std::make_unique<const Statement>(own_copy(statement));
  for_each_condition(statement, [&](const Condition& condition) {
    const Role role = condition.what == Condition::What::absent ? Role::absence : Role::condition;
    waiter.sites.push_back({&space_to_wait_in(condition.space), role});
  });
  waiter.space = waiter.sites.front().space;
  enlist(s, sequence, std::move(waiter), {statement.ticket_epoch, statement.ticket}, statement.timeout_us);
}

// The batch that an answer must wait for that tells what the guards have seen.
std::uint64_t Engine::State::seen_by(const Statement& statement) const {
  std::uint64_t after = 0;
  for_each_condition(statement, [&](const Condition& condition) {
    const Space* space = spaces.find(condition.space);
    after = std::max(after, space != nullptr ? after_look(*space) : spaces_dropped);
  });
  return after;
}

Failed Engine::State::exhausted(const Branch& branch, std::span<const Matcher> templates) const {
  bool ordering = false;
  for (std::size_t i = 0; i < branch.guard.size(); ++i) {
    const Space* space = spaces.find(branch.guard[i].space);
    ordering = ordering || (space != nullptr && ordering_for(*space, templates.subspan(i, 1)));
  }
  return too_many_steps("too many tuples had to be compared for the guard of a statement", ordering);
}

// Which branch runs, and what it will do. Nothing has changed.
Engine::State::Decision Engine::State::decide(const Statement& statement, std::span<const Matcher> templates) {
  std::size_t steps = limits.steps_per_operation;
  for (std::uint32_t i = 0; i < statement.branches.size(); ++i) {
    const Branch& branch = statement.branches[i];
    const std::span<const Matcher> of_branch = templates.first(branch.guard.size());
    Guard guard(branch.guard, of_branch, index, blocked, tuples, spaces, limits, steps);
    templates = templates.subspan(branch.guard.size());
    const Guard::Result result = guard.run();
    steps = guard.steps_left();
    if (result == Guard::Result::exhausted) return exhausted(branch, of_branch);
    if (result == Guard::Result::fails) continue;
    try {
      Effects effects = effects_of(branch, guard);
      effects.branch = i;
      if (auto refused = refuse(effects)) return std::move(*refused);
      return effects;
    } catch (const Error& e) {
      return Failed{e.code(), e.what()};
    }
  }
  return {};
}

}  // namespace parvis::space
