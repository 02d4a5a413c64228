// inp and rdp that wait for a conflict to end: everything that matches is held by transactions of others. Such a waiter
// knows one of those tuples, its witness. When that one is gone or handed to somebody for good, it looks for another;
// when there is none, the answer is no.
#include <algorithm>

#include "tuplespace/space/state.hpp"

namespace parvis::space {

namespace {
constexpr TupleId unknown = ~TupleId{0};  // the steps ran out before one was found: there may be one
}  // namespace

// A tuple that matches and is held by a transaction of another session; 0: none.
TupleId Engine::State::witness_for(SessionId asking, const Space& space, std::span<const Matcher> matchers) {
  for (IdList::Cursor at(space.away); at; at.next()) {
    if (steps_left == 0) return unknown;
    --steps_left;
    const Entry& entry = *tuples.find(id_of(*at));
    const auto holder = transactions.find(entry.holder);
    if (holder == transactions.end() || holder->second->session == asking) continue;
    fields.split(entry.bytes.tuple());
    if (std::any_of(matchers.begin(), matchers.end(), [&](const Matcher& m) { return m.matches(fields.values); }))
      return entry.id();
  }
  return 0;
}

void Engine::State::watch_witness(Waiter& waiter, TupleId witness) {
  waiter.witness = witness;
  if (witness != unknown) witnesses.emplace(witness, waiter.id);
}

// A tuple that a transaction held is free, or gone.
void Engine::State::conflict_ended(TupleId id) {
  const auto [begin, end] = witnesses.equal_range(id);
  for (auto it = begin; it != end; ++it) {
    waiters.find(it->second)->witness = unknown;
    unsettled.push_back(it->second);
  }
  witnesses.erase(begin, end);
}

void Engine::State::forget_witness(const Waiter& waiter) {
  const auto [begin, end] = witnesses.equal_range(waiter.witness);
  for (auto it = begin; it != end; ++it)
    if (it->second == waiter.id) return static_cast<void>(witnesses.erase(it));
}

// Those whose conflict has ended, as far as the steps go; the others in the next turn.
void Engine::State::look_for_conflicts() {
  steps_left = limits.steps_per_operation;
  while (!unsettled.empty() && steps_left > 0) {
    Waiter* waiter = waiters.find(unsettled.back());
    unsettled.pop_back();
    if (waiter == nullptr || !waiter->wish.settling) continue;
    const TupleId witness = witness_for(waiter->session, *waiter->space, waiter->templates);
    if (witness != 0) watch_witness(*waiter, witness);
    else answer_none(*waiter);
  }
  if (!unsettled.empty()) set_deadline(now + slice_pause, Deadline::Kind::slice, 0);
}

void Engine::State::answer_none(Waiter& waiter) {
  Session& s = *sessions.at(waiter.session);
  const Sequence sequence = waiter.sequence;
  const bool take = waiter.wish.take;
  const std::uint64_t after = after_look(*waiter.space);
  end_waiting(waiter);
  answer_none(s, sequence, take, after);
}

void Engine::State::answer_none(Session& s, Sequence sequence, bool take, std::uint64_t after) {
  if (take) remember(s, sequence, {.kind = Applied::Kind::found, .after = after});
  answer(s, sequence, Found{}, after);
}

void Engine::State::time_out(Waiter& waiter) {
  if (waiter.wish.settling) return answer_none(waiter);
  end_waiting(waiter, ErrorCode::timeout, "nothing matched in time");
}

}  // namespace parvis::space
