// Is a history of a tuple space linearizable? After Wing and Gong (1993) and Lowe (2017), as porcupine does it: the
// operations are put into an order one by one, each between its call and its return, and taken back where the model
// disagrees; what has been tried (which operations, and the state they led to) is remembered and not tried again.
//
// The model is one kind of tuples: a row of values in which put appends, take removes the first and read shows it; take
// and read that found nothing need an empty row. Kinds do not touch each other, so each is checked by itself (Herlihy
// and Wing: a history is linearizable when it is for every object).
//
// An operation of unknown outcome (its client gave up) may have taken effect at any time after its call, or never.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

namespace parvis::linearizability {

struct Operation {
  enum class What : std::uint8_t { put, take, read };
  static constexpr std::int64_t unknown = std::numeric_limits<std::int64_t>::max();
  int kind = 0;
  What what = What::put;
  std::optional<std::uint32_t> value{};  // put, or found; nothing: there was none
  std::int64_t called = 0, returned = unknown;
};
using History = std::vector<Operation>;

// Undecided: what has been tried no longer fits into `memory` bytes. The search is exponential in what happened at the
// same time and was not told apart for long.
enum class Verdict : std::uint8_t { linearizable, not_linearizable, undecided };
Verdict verdict(const History& history, std::size_t memory = std::size_t{512} << 20);
inline bool linearizable(const History& history) { return verdict(history) == Verdict::linearizable; }

}  // namespace parvis::linearizability
