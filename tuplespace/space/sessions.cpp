// Sessions: every operation takes effect once, and what a client has not confirmed is not lost with it.
#include <algorithm>

#include "tuplespace/space/state.hpp"

namespace parvis::space {

namespace {
constexpr std::int64_t tombstone_us = std::int64_t{30} * 24 * 3600 * 1'000'000;
}  // namespace

void Engine::State::touch(Session& s) {
  changes.touched();
  if (changes.urgent()) s.changed = changes.number();
  if (!std::exchange(s.dirty, true)) dirty_sessions.push_back(s.id);
}

void Engine::State::record(Session& s, Sequence sequence, Applied applied) {
  s.unconfirmed += applied.weight();
  kept_bytes += applied.kept_bytes();
  if (applied.lasting) touch(s);
  if (applied.lasting && applied.after == 0) applied.after = changes.number();
  s.applied.emplace_hint(s.applied.end(), sequence, std::move(applied));  // mostly the newest
}

// A take or put that did nothing is over, too. If it ran again, a client that hears the first answer late would
// believe that nothing happened, and confirm what it never saw. In memory alone: a restart ends the answers that are on
// their way.
void Engine::State::remember(Session& s, Sequence sequence, Applied answer) {
  if (sequence <= s.confirmed || s.unconfirmed >= limits.unconfirmed_per_session) return;
  answer.lasting = false;
  if (s.applied.emplace(sequence, std::move(answer)).second) ++s.unconfirmed;
}

// The same operation again, after a reconnect: the answer it had, the tuples being those it was given.
void Engine::State::answer_again(const Session& s, Sequence sequence, const Applied& applied) {
  const std::uint64_t after = applied.after;
  if (applied.kind == Applied::Kind::failed) return answer(s, sequence, *applied.failure, after);
  if (applied.kind == Applied::Kind::ran) return answer(s, sequence, *applied.ran, after);
  if (applied.kind == Applied::Kind::listing) return answer(s, sequence, Listing{}, after);
  if (!applied.has_tuples()) return answer(s, sequence, Done{applied.number}, after);
  Found found;
  found.transaction = applied.number;
  const std::uint64_t holder = applied.number != 0 ? applied.number : s.id;
  for (TupleId id : applied.tuples) {
    const Entry* entry = tuples.find(id);
    if (entry == nullptr || entry->holder != holder) return answer(s, sequence, conflict(applied.number), s.changed);
    found.items.push_back(item_of(*entry));
  }
  answer(s, sequence, std::move(found), after);
}

// The tuples that stand in the answer of a statement and nowhere else.
void Engine::State::drop_answer(const Applied& applied) {
  kept_bytes -= applied.kept_bytes();
  if (applied.kind == Applied::Kind::ran && applied.lasting) changes.erase(applied.number);
}

// The answer has arrived: what was delivered with it is gone for good.
std::map<Sequence, Applied>::iterator Engine::State::forget(Session& s, std::map<Sequence, Applied>::iterator applied) {
  const Applied& a = applied->second;
  s.unconfirmed -= a.weight();
  if (a.lasting) touch(s);
  drop_answer(a);
  if (a.has_tuples() && a.number == 0)
    for (TupleId id : a.tuples) erase_tuple(*tuples.find(id));
  return s.applied.erase(applied);
}

void Engine::State::confirm(Session& s, const Confirm& confirm) {
  // Nothing beyond an operation that still waits can be over.
  Sequence upto = confirm.upto;
  upto = std::min(upto, s.first_blocked() - 1);
  changes.set_patient(true);
  for (auto it = s.applied.begin(); it != s.applied.end() && it->first <= upto;) it = forget(s, it);
  for (Sequence sequence : confirm.also)
    if (auto it = s.applied.find(sequence); it != s.applied.end()) forget(s, it);
  changes.set_patient(false);
  s.confirmed = std::max(s.confirmed, upto);
}

// The client does not want it: back to its place as if nothing had happened, not even an attempt.
void Engine::State::refuse(Session& s, Sequence sequence) {
  if (auto waiting = s.waiting.find(sequence); waiting != s.waiting.end())
    return end_waiting(*waiting->second, ErrorCode::timeout, "refused");
  if (auto waiting = s.parked.find(sequence); waiting != s.parked.end())
    return end_parked(parked.at(waiting->second), ErrorCode::timeout, "refused");
  auto it = s.applied.find(sequence);
  if (it == s.applied.end() || !it->second.has_tuples()) return;
  const Applied applied = std::move(it->second);
  s.applied.erase(it);
  s.unconfirmed -= applied.weight();
  if (applied.lasting) touch(s);
  remember(s, sequence,
           {.kind = Applied::Kind::failed,
            .failure = std::make_shared<Failed>(Failed{ErrorCode::timeout, "refused"}),
            .after = s.changed});

  std::vector<Entry*> arriving;
  Transaction* t = own_transaction(s, applied.number);
  if (applied.number == 0) {
    for (TupleId id : applied.tuples) release(*tuples.find(id), false, arriving);
  } else if (t != nullptr && applied.kind == Applied::Kind::claimed) {
    abort(s, *t, false, arriving);
  } else if (t != nullptr) {
    for (TupleId id : applied.tuples)
      if (t->taken.erase(id) != 0) release(*tuples.find(id), false, arriving);
    touch(*t);
  }
  place(arriving);
}

void Engine::State::detach(Session& s) {
  if (!std::exchange(s.attached, false)) return;
  while (!s.waiting.empty()) end_waiting(*s.waiting.begin()->second);
  while (!s.parked.empty()) unpark(parked.at(s.parked.begin()->second));
  s.grace_until = now + limits.grace;
  set_deadline(s.grace_until, Deadline::Kind::grace, s.id);
}

// What it held comes back, what it owned vanishes, and what it may still ask about is remembered.
void Engine::State::end_session(Session& ending, bool expired) {
  while (!ending.waiting.empty()) end_waiting(*ending.waiting.begin()->second);
  while (!ending.parked.empty()) unpark(parked.at(ending.parked.begin()->second));
  std::vector<Entry*> arriving;
  const std::unique_ptr<Session> owned = std::move(sessions.at(ending.id));
  sessions.erase(ending.id);  // from here on its owned tuples do not come back
  Session& s = *owned;
  while (!s.transactions.empty()) abort(s, *transactions.at(*s.transactions.begin()), true, arriving);
  for (const auto& [sequence, applied] : s.applied)
    if (applied.has_tuples() && applied.number == 0)
      for (TupleId id : applied.tuples) release(*tuples.find(id), true, arriving);
  for (TupleId id : s.owned) {
    Entry* entry = tuples.find(id);
    if (entry != nullptr && entry->holder == 0) erase_tuple(*entry, Event::Kind::expired);
  }
  for (const auto& [sequence, applied] : s.applied) drop_answer(applied);
  bury(s, expired);
  ended.push_back(s.id);
  place(arriving);
}

// A goodbye with nothing unconfirmed leaves no trace: nobody will ask.
void Engine::State::bury(const Session& s, bool expired) {
  TombstoneRecord record;
  record.tombstone.secret = s.secret;
  record.tombstone.confirmed = s.confirmed;
  record.until = std::max<std::int64_t>(wall() + tombstone_us, 1);
  for (const auto& [sequence, applied] : s.applied)
    if (applied.lasting) record.tombstone.applied.push_back(sequence);
  if (!expired && record.tombstone.applied.empty()) {
    if (s.written) changes.erase(s.id);
    return;
  }
  changes.put(s.id, encode(record), !s.written);
  set_deadline(time_of_wall(record.until), Deadline::Kind::tombstone, s.id);
  tombstones.emplace(s.id, std::move(record));
}

}  // namespace parvis::space
