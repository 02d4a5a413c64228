// What is kept about every tuple wherever it is: what it counts in its space, which events it makes, whether its group
// and those who wait for it to come back or to be gone have to look again.
#include "tuplespace/space/state.hpp"

namespace parvis::space {

// To a client that has only to confirm it; else a transaction holds it, which may give it back.
bool Engine::State::delivered(const Entry& entry) const {
  return entry.holder != 0 && !transactions.contains(entry.holder);
}

void Engine::State::use_room(Space& space, const Entry& entry) {
  ++space.used;
  space.used_bytes += entry.bytes.tuple().size();
}

void Engine::State::leave_room(Space& space, const Entry& entry) {
  --space.used;
  space.used_bytes -= entry.bytes.tuple().size();
  if (!space.outs.empty()) roomy.insert(space.slot);
}

void Engine::State::account_new(Entry& entry) {
  Space& space = spaces.at(entry.space);
  ++space.entries;
  use_room(space, entry);
  if (entry.is(Entry::delayed)) space.away.insert(entry.order, side_memory);
  else note(entry, Event::Kind::put);
}

void Engine::State::account_due(Entry& entry) {
  Space& space = spaces.at(entry.space);
  space.away.erase(entry.order, side_memory);
  entry.set(Entry::delayed, false);
  if (space.lasting()) {  // else it would come, and be told, a second time after a restart
    TupleHead head = head_of(entry.id(), entry.bytes);
    head.not_before = 0;
    rewrite(entry, head, entry.bytes.tuple());
  }
  note(entry, Event::Kind::put);
}

void Engine::State::account_held(Entry& entry) {
  Space& space = spaces.at(entry.space);
  ++space.held;
  space.away.insert(entry.order, side_memory);
  if (entry.is(Entry::grouped)) claim_in_group(entry);
  if (!delivered(entry)) return;
  leave_room(space, entry);
  note(entry, Event::Kind::taken);
}

// True: it had been delivered.
bool Engine::State::account_free(Entry& entry) {
  Space& space = spaces.at(entry.space);
  const bool was_delivered = delivered(entry);
  --space.held;
  space.away.erase(entry.order, side_memory);
  if (entry.is(Entry::grouped)) end_claim_in_group(entry);
  if (was_delivered) use_room(space, entry);
  else conflict_ended(entry.id());
  entry.holder = 0;
  return was_delivered;
}

void Engine::State::account_gone(Entry& entry, std::optional<Event::Kind> event) {
  Space& space = spaces.at(entry.space);
  const bool is_held = entry.holder != 0, was_delivered = delivered(entry);
  if (is_held) --space.held;
  if (is_held || entry.is(Entry::delayed)) space.away.erase(entry.order, side_memory);
  if (entry.is(Entry::grouped)) is_held ? end_claim_in_group(entry) : leave_group(entry);
  if (!was_delivered) leave_room(space, entry);
  if (is_held && !was_delivered) conflict_ended(entry.id());
  if (event && !was_delivered && !entry.is(Entry::delayed)) note(entry, *event);
  --space.entries;
}

// As records tell it, once it is settled who holds what.
void Engine::State::account_recovered(Entry& entry) {
  Space& space = spaces.at(entry.space);
  if (!delivered(entry)) use_room(space, entry);
  if (entry.holder != 0) {
    ++space.held;
    if (entry.is(Entry::grouped)) claim_in_group(entry);
  }
  if (entry.holder != 0 || entry.is(Entry::delayed)) space.away.insert(entry.order, side_memory);
}

}  // namespace parvis::space
