// Whether the guard of a statement holds, and with which tuples: the oldest for the first condition, then the oldest
// for the second that goes with it, and so on, going back where that ends nowhere.
//
// Variables that are bound stand in the later templates as actuals, so a join looks its tuples up by the index. Where
// the search fails it goes back to the last condition that had a part in the failure, not merely to the last one.
// Nothing is changed. Pointers are into the table, which must stay as it is while the search and its result live.
#pragma once

#include <bitset>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tuplespace/model/form.hpp"
#include "tuplespace/model/limits.hpp"
#include "tuplespace/space/index.hpp"
#include "tuplespace/space/spaces.hpp"
#include "tuplespace/space/walk.hpp"

namespace parvis::space {

class Guard {
 public:
  // `templates`: of the conditions, in their order. `steps`: how many tuples it may look at.
  Guard(const std::vector<Condition>& conditions, std::span<const Matcher> templates, const Index& index,
        const Index& blocked, const TupleTable& tuples, const SpaceTable& spaces, const Limits& limits,
        std::size_t steps);

  enum class Result : std::uint8_t { holds, fails, exhausted };  // exhausted: the steps ran out
  Result run();

  // When it holds. By condition; null where it is `absent`.
  [[nodiscard]] const std::vector<Entry*>& found() const { return found_; }
  [[nodiscard]] const BoundVariables& bound() const { return bound_; }
  [[nodiscard]] std::size_t steps_left() const { return steps_; }

 private:
  using Culprits = std::bitset<max_statement_parts>;  // conditions whose choice made a later one fail
  // A condition's template as far as its variables are bound.
  struct Wanted {
    const Space* space = nullptr;  // null: nothing matches
    const Matcher* as_written = nullptr;
    std::optional<Matcher> substituted;
    [[nodiscard]] const Matcher& matcher() const { return substituted ? *substituted : *as_written; }
  };

  [[nodiscard]] Wanted wanted(std::size_t which);
  [[nodiscard]] Culprits binders_of(std::size_t which) const;
  bool solve(std::size_t which, Culprits& culprits);
  bool absences_hold(Culprits& culprits);
  bool spend(std::size_t steps = 1);
  [[nodiscard]] Walk candidates(const Wanted& wanted, Condition::What what);

  const std::vector<Condition>& conditions_;
  std::span<const Matcher> templates_;
  const Index& index_;
  const Index& blocked_;  // seen by rd and absent alone
  const TupleTable& tuples_;
  const SpaceTable& spaces_;
  const Limits& limits_;
  std::size_t steps_;
  bool exhausted_ = false;

  std::vector<std::vector<std::string_view>> variables_;  // by condition
  std::vector<Entry*> found_;
  BoundVariables bound_;
  Fields fields_;  // scratch
};

}  // namespace parvis::space
