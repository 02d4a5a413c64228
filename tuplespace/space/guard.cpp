#include "tuplespace/space/guard.hpp"

#include <algorithm>

namespace parvis::space {

namespace {
constexpr std::size_t bytes_a_step = 1024;  // of a template that is made anew
}  // namespace

Guard::Guard(const std::vector<Condition>& conditions, std::span<const Matcher> templates, const Index& index,
             const TupleTable& tuples, const SpaceTable& spaces, const Limits& limits, std::size_t steps)
    : conditions_(conditions), templates_(templates), index_(index), tuples_(tuples), spaces_(spaces), limits_(limits),
      steps_(steps), found_(conditions.size(), nullptr) {
  variables_.reserve(conditions.size());
  for (const Matcher& matcher : templates) variables_.push_back(variables_of(matcher.bytes()));
}

Guard::Result Guard::run() {
  // A template that has no candidate at all, whatever is bound, spares the search.
  for (std::size_t i = 0; i < conditions_.size(); ++i) {
    if (conditions_[i].what == Condition::What::absent) continue;
    const Space* space = spaces_.find(conditions_[i].space);
    if (space == nullptr || index_.candidates(space->id, templates_[i]) == nullptr) return Result::fails;
  }
  Culprits culprits;
  if (solve(0, culprits)) return Result::holds;
  return exhausted_ ? Result::exhausted : Result::fails;
}

bool Guard::spend(std::size_t steps) {
  exhausted_ = exhausted_ || steps_ < steps;
  if (!exhausted_) steps_ -= steps;
  return !exhausted_;
}

Guard::Wanted Guard::wanted(std::size_t which) {
  Wanted wanted;
  wanted.space = spaces_.find(conditions_[which].space);
  if (wanted.space == nullptr) return wanted;
  wanted.as_written = &templates_[which];
  if (binders_of(which).any()) {
    auto bytes = substituted(templates_[which].bytes(), bound_, limits_.tuple_bytes);
    if (!bytes || !spend(bytes->size() / bytes_a_step)) return wanted;
    wanted.substituted.emplace(*bytes);
  }
  wanted.candidates = index_.candidates(wanted.space->id, wanted.matcher());
  return wanted;
}

// The conditions that have bound variables of this one.
Guard::Culprits Guard::binders_of(std::size_t which) const {
  Culprits binders;
  for (const std::string_view name : variables_[which])
    if (const auto* bound = bound_.find(name)) binders.set(bound->where);
  return binders;
}

bool Guard::matches(const Wanted& wanted, const Entry& entry) {
  fields_.split(entry.bytes.tuple());
  return entry.space == wanted.space->slot && wanted.matcher().matches(fields_.values);
}

// Finds tuples for this condition and those behind it. When there are none, `culprits` are the earlier conditions that
// would have to choose otherwise.
bool Guard::solve(std::size_t which, Culprits& culprits) {
  while (which < conditions_.size() && conditions_[which].what == Condition::What::absent) ++which;
  if (which == conditions_.size()) return absences_hold(culprits);
  if (!spend()) return false;
  culprits = binders_of(which);
  const Wanted want = wanted(which);
  if (want.candidates == nullptr) return false;
  for (IdList::Cursor at(*want.candidates); at; at.next()) {
    if (!spend()) return false;
    Entry& entry = *tuples_.find(id_of(*at));
    if (!matches(want, entry)) continue;
    if (const auto other = std::find(found_.begin(), found_.end(), &entry); other != found_.end()) {
      culprits.set(static_cast<std::size_t>(other - found_.begin()));
      continue;
    }
    const std::size_t before = bound_.size();
    bound_.bind(templates_[which].bytes(), fields_.values, static_cast<std::uint32_t>(which));
    found_[which] = &entry;
    Culprits behind;
    if (solve(which + 1, behind)) return true;
    found_[which] = nullptr;
    bound_.truncate(before);
    if (exhausted_) return false;
    if (!behind.test(which)) {
      culprits = behind;  // another choice here would fail in the same way
      return false;
    }
    culprits |= behind.reset(which);
  }
  return false;
}

bool Guard::absences_hold(Culprits& culprits) {
  for (std::size_t i = 0; i < conditions_.size(); ++i) {
    if (conditions_[i].what != Condition::What::absent) continue;
    if (!spend()) return false;
    const Wanted unwanted = wanted(i);
    if (exhausted_) return false;
    if (unwanted.candidates == nullptr) continue;
    for (IdList::Cursor at(*unwanted.candidates); at; at.next()) {
      if (!spend()) return false;
      if (!matches(unwanted, *tuples_.find(id_of(*at)))) continue;
      culprits = binders_of(i);
      return false;
    }
  }
  return true;
}

}  // namespace parvis::space
