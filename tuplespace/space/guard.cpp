#include "tuplespace/space/guard.hpp"

#include <algorithm>

namespace parvis::space {

namespace {
constexpr std::size_t bytes_a_step = 1024;  // of a template that is made anew
}  // namespace

Guard::Guard(const std::vector<Condition>& conditions, std::span<const Matcher> templates, const Index& index,
             const Index& blocked, const TupleTable& tuples, const SpaceTable& spaces, const Limits& limits,
             std::size_t steps)
    : conditions_(conditions),
      templates_(templates),
      index_(index),
      blocked_(blocked),
      tuples_(tuples),
      spaces_(spaces),
      limits_(limits),
      steps_(steps),
      found_(conditions.size(), nullptr) {
  variables_.reserve(conditions.size());
  for (const Matcher& matcher : templates) variables_.push_back(variables_of(matcher.bytes()));
}

Guard::Result Guard::run() {
  // A template that has no candidate at all, whatever is bound, spares the search.
  for (std::size_t i = 0; i < conditions_.size(); ++i) {
    if (conditions_[i].what == Condition::What::absent) continue;
    const Space* space = spaces_.find(conditions_[i].space);
    if (space == nullptr) return Result::fails;
    const bool reads = conditions_[i].what == Condition::What::rd;
    if (!index_.has_candidates(space->id, templates_[i]) &&
        !(reads && blocked_.has_candidates(space->id, templates_[i])))
      return Result::fails;
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
    if (bytes && spend(bytes->size() / bytes_a_step)) wanted.substituted.emplace(*bytes);
    else wanted.space = nullptr;
  }
  return wanted;
}

Walk Guard::candidates(const Wanted& wanted, Condition::What what) {
  Walk walk(tuples_, *wanted.space, fields_, steps_);
  walk.add(index_, std::span(&wanted.matcher(), 1));
  if (what != Condition::What::in) walk.add(blocked_, std::span(&wanted.matcher(), 1));
  return walk;
}

// The conditions that have bound variables of this one.
Guard::Culprits Guard::binders_of(std::size_t which) const {
  Culprits binders;
  for (const std::string_view name : variables_[which])
    if (const auto* bound = bound_.find(name)) binders.set(bound->where);
  return binders;
}

// Finds tuples for this condition and those behind it. When there are none, `culprits` are the earlier conditions that
// would have to choose otherwise.
bool Guard::solve(std::size_t which, Culprits& culprits) {
  while (which < conditions_.size() && conditions_[which].what == Condition::What::absent) ++which;
  if (which == conditions_.size()) return absences_hold(culprits);
  if (!spend()) return false;
  culprits = binders_of(which);
  const Wanted want = wanted(which);
  if (want.space == nullptr) return false;
  Walk walk = candidates(want, conditions_[which].what);
  while (Entry* entry = walk.next()) {
    if (const auto other = std::find(found_.begin(), found_.end(), entry); other != found_.end()) {
      culprits.set(static_cast<std::size_t>(other - found_.begin()));
      continue;
    }
    const std::size_t before = bound_.size();
    bound_.bind(templates_[which].bytes(), fields_.values, static_cast<std::uint32_t>(which));
    found_[which] = entry;
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
  exhausted_ = exhausted_ || !walk.complete();
  return false;
}

bool Guard::absences_hold(Culprits& culprits) {
  for (std::size_t i = 0; i < conditions_.size(); ++i) {
    if (conditions_[i].what != Condition::What::absent) continue;
    if (!spend()) return false;
    const Wanted unwanted = wanted(i);
    if (exhausted_) return false;
    if (unwanted.space == nullptr) continue;
    Walk walk = candidates(unwanted, Condition::What::absent);
    if (walk.next() != nullptr) {
      culprits = binders_of(i);
      return false;
    }
    exhausted_ = exhausted_ || !walk.complete();
    if (exhausted_) return false;
  }
  return true;
}

}  // namespace parvis::space
