// Tuples come, are placed, are held and go.
#include <algorithm>

#include <fmt/format.h>
#include <boost/container/small_vector.hpp>

#include "tuplespace/space/state.hpp"

namespace parvis::space {

namespace {
// What a tuple costs beside its bytes, for the decision whether there is room: table, index, allocation.
constexpr std::uint64_t overhead_of_tuple = 256;
}  // namespace

void Engine::State::run(Session& s, Sequence sequence, const Out& out) {
  if (out.tuples.empty()) return fail(s, sequence, ErrorCode::protocol_error, "an out without a tuple");
  if (s.unconfirmed >= limits.unconfirmed_per_session)
    return fail(s, sequence,
                over("unconfirmed_per_session", limits.unconfirmed_per_session,
                     "too many answers of this session are unconfirmed"));
  if (auto refused = refuse(out)) return fail(s, sequence, std::move(*refused));
  if (!wait_for_room(s, sequence, out) && !write_ahead(s, sequence, out)) put(s, sequence, out);
}

std::optional<Failed> Engine::State::refuse(const Out& out) {
  boost::container::small_vector<Incoming, 4> puts;
  puts.reserve(out.tuples.size());
  for (const Payload& tuple : out.tuples) puts.push_back({out.space, &tuple, out.priority, &out.group});
  return refuse(puts);
}

void Engine::State::put(Session& s, Sequence sequence, const Out& out) {
  Space& space = use_space(out.space);
  std::vector<Entry*> arriving;
  arriving.reserve(out.tuples.size());
  const std::uint64_t first = next_id;
  for (std::size_t i = 0; i < out.tuples.size(); ++i) {
    Entry& entry =
        create({space, out.tuples[i], out.priority, out.lease_us, out.delay_us, out.owned ? s.id : 0, out.group},
               i < ahead.size() ? &ahead[i] : nullptr);
    if (!entry.is(Entry::delayed)) arriving.push_back(&entry);
  }
  const std::uint64_t after = after_change(space.durability);
  record(s, sequence, {.lasting = space.lasting(), .number = first, .after = after});
  answer(s, sequence, Done{first}, after);
  place(arriving);
}

std::optional<Failed> Engine::State::refuse(std::span<const Incoming> puts) {
  if (!puts.empty() && !puts_refused.empty()) return Failed{ErrorCode::storage_full, puts_refused};
  std::uint64_t bytes = 0;
  for (const Incoming& put : puts) {
    if (auto refused = refuse_name(put.space)) return refused;
    if (put.priority < min_priority || put.priority > max_priority)
      return Failed{ErrorCode::protocol_error,
                    fmt::format("priority {} is not within {} .. {}", put.priority, min_priority, max_priority)};
    if (put.payload->size() > limits.tuple_bytes)
      return over("tuple_bytes", limits.tuple_bytes, fmt::format("a tuple of {} bytes", put.payload->size()));
    const std::size_t group = put.group != nullptr ? put.group->size() : 0;
    if (group > max_group_bytes)
      return Failed{ErrorCode::limit_exceeded, fmt::format("the key of a group has {} bytes; at most {} "
                                                           "(max_group_bytes), use a shorter one",
                                                           group, max_group_bytes)};
    bytes += put.payload->size() + group + overhead_of_tuple;
  }
  if (!puts.empty() && memory_bytes() + bytes > limits.memory_bytes)
    return over("memory_bytes", limits.memory_bytes, "no memory is left for more tuples; take some out");
  return refuse_comparisons(puts);
}

// A put may not fail because of who waits, unless so many tuples meet so many waiters that the server would stand
// still.
std::optional<Failed> Engine::State::refuse_comparisons(std::span<const Incoming> puts) {
  std::size_t worst = 0;
  for (const Incoming& put : puts)
    if (const Space* space = spaces.find(put.space)) worst += space->waiters;
  if (puts.size() < 2 || worst <= limits.steps_per_operation) return std::nullopt;
  std::size_t steps = 0;
  for (const Incoming& put : puts) {
    const Space* space = spaces.find(put.space);
    if (space == nullptr || space->waiters == 0) continue;
    const Blob flat = put.payload->flat();
    fields.split_and_hash(flat.span());
    steps += 1 + waiters.comparisons(*space, fields);
  }
  if (steps <= limits.steps_per_operation) return std::nullopt;
  return over(
      "steps_per_operation", limits.steps_per_operation,
      fmt::format("{} tuples would be compared with {} blocked operations; put fewer at a time", puts.size(), steps));
}

TupleBytes Engine::State::encoded_new(const NewTuple& tuple, TupleHead& head) {
  head = {tuple.space.id, tuple.priority};
  const Time lease_at = time_after(tuple.lease_us);
  if (lease_at != Time::max()) head.lease_until = wall_of(lease_at);
  if (tuple.delay_us > 0) head.not_before = wall_of(time_after(tuple.delay_us));
  head.owner = tuple.owner;
  const Blob group = tuple.group.flat();
  head.group = group.span();
  return tuple_bytes(head, tuple.payload);
}

// `written`: as it was written ahead, if it was.
Entry& Engine::State::create(const NewTuple& tuple, TupleBytes* written) {
  Space& space = tuple.space;
  const TupleId id = new_id();
  TupleHead head;
  Entry entry;
  if (written != nullptr && written->size != 0 && head_of(id, *written).space == space.id) {
    entry.bytes = std::move(*written);
    head = head_of(id, entry.bytes);
  } else {
    entry.bytes = encoded_new(tuple, head);
  }
  entry.order = order_of(tuple.priority, id);
  entry.space = space.slot;
  entry.set(Entry::leased, head.lease_until != 0);
  entry.set(Entry::owned, head.owner != 0);
  entry.set(Entry::delayed, head.not_before != 0);
  entry.set(Entry::grouped, !head.group.empty());
  if (space.lasting()) changes.put(id, entry.bytes.record_blob(), true);
  if (head.owner != 0) sessions.at(head.owner)->owned.insert(id);
  Entry& made = tuples.add(std::move(entry));
  account_new(made);
  // When it is there: a deadline of what is not there may be swept away.
  if (head.lease_until != 0) set_deadline(time_of_wall(head.lease_until), Deadline::Kind::lease, id);
  if (head.not_before != 0) set_deadline(time_of_wall(head.not_before), Deadline::Kind::delay, id);
  return made;
}

// Tuples become visible, all at once: the best goes to the longest waiting, one after the other; the rest into the
// index. Where a statement waits for one of them, it must see them all before anybody has taken any.
void Engine::State::place(std::vector<Entry*>& arriving) {
  regroup(arriving);
  if (!woken.empty() || a_statement_wants(arriving)) offer(arriving);
  else place_without_statements(arriving);
  settle();
}

void Engine::State::place_without_statements(std::vector<Entry*>& arriving) {
  std::sort(arriving.begin(), arriving.end(), [](const Entry* a, const Entry* b) { return a->order < b->order; });
  std::vector<Waiter*> served;
  for (Entry* entry : arriving) {
    touch(spaces.at(entry->space));
    fields.split_and_hash(entry->bytes.tuple());
    if (!serve(*entry, served)) insert(*entry, entry->is(Entry::behind));
  }
  for (Waiter* waiter : served) finish(*waiter);
}

// Shows a tuple to all readers that match and hands it to a taker, if there is one.
bool Engine::State::serve(Entry& entry, std::vector<Waiter*>& served) {
  const Space& space = spaces.at(entry.space);
  if (space.waiters == 0) return false;
  show_to_readers(entry, served);
  if (entry.is(Entry::behind)) return false;
  Waiter* taker = waiters.oldest(Role::taker, space, fields, entry.bytes.size);
  if (taker != nullptr) hand(*taker, entry, served);
  return taker != nullptr;
}

void Engine::State::show_to_readers(Entry& entry, std::vector<Waiter*>& served) {
  waiters.readers(spaces.at(entry.space), fields, entry.bytes.size, matching_readers);
  for (Waiter* reader : matching_readers) hand(*reader, entry, served);
}

void Engine::State::hand(Waiter& waiter, Entry& entry, std::vector<Waiter*>& served) {
  if (waiter.handed.empty()) served.push_back(&waiter);
  waiter.handed.push_back(&entry);
  waiter.handed_bytes += entry.bytes.size;
  if (waiter.handed.size() >= waiter.wish.max) waiters.unlist(waiter);
}

void Engine::State::insert(Entry& entry, bool behind) {
  Space& space = spaces.at(entry.space);
  (behind ? blocked : index).insert(space.id, entry.order, fields);
  space.census.add(fields);
  entry.set(behind ? Entry::behind : Entry::ready, true);
  ++space.ready;
  space.bytes += entry.bytes.size;
}

void Engine::State::remove_from_index(Entry& entry) {
  if (!entry.can_be_seen()) return;
  Space& space = spaces.at(entry.space);
  fields.split_and_hash(entry.bytes.tuple());
  (entry.is(Entry::behind) ? blocked : index).erase(space.id, entry.order, fields);
  space.census.remove(fields);
  entry.set(Entry::ready, false);
  entry.set(Entry::behind, false);
  --space.ready;
  space.bytes -= entry.bytes.size;
  touch(space);
  if (space.conditions != 0) waiters.for_each_absence(space, fields, [&](const Waiter& w) { woken.insert(w.place()); });
}

void Engine::State::hold(Entry& entry, std::uint64_t holder) {
  remove_from_index(entry);
  entry.holder = holder;
  account_held(entry);
}

// What was held comes back at its old place, unless its time is over meanwhile. The caller places `arriving`.
void Engine::State::release(Entry& entry, bool raise_attempts, std::vector<Entry*>& arriving) {
  const bool was_delivered = account_free(entry);
  const auto end = was_delivered ? std::nullopt : std::optional(Event::Kind::expired);  // delivered is taken
  if (spaces.at(entry.space).dropped) return erase_tuple(entry);
  if (entry.is(Entry::leased) || entry.is(Entry::owned) || raise_attempts) {
    TupleHead head = head_of(entry.id(), entry.bytes);
    if (head.lease_until != 0 && time_of_wall(head.lease_until) <= now) return erase_tuple(entry, end);
    if (head.owner != 0 && !sessions.contains(head.owner)) return erase_tuple(entry, end);
    if (raise_attempts) {
      head.attempts = ++entry.attempts;
      rewrite(entry, head, entry.bytes.tuple());
    }
  }
  if (was_delivered) note(entry, Event::Kind::returned);
  arriving.push_back(&entry);
}

void Engine::State::erase_tuple(Entry& entry, std::optional<Event::Kind> event) {
  remove_from_index(entry);
  account_gone(entry, event);
  Space& space = spaces.at(entry.space);
  if (entry.is(Entry::owned)) {
    auto owner = sessions.find(head_of(entry.id(), entry.bytes).owner);
    if (owner != sessions.end()) owner->second->owned.erase(entry.id());
  }
  if (space.lasting()) changes.erase(entry.id());
  tuples.erase(entry);
  if (space.dropped) spaces.release_if_unused(space);
}

// A held tuple whose lease ends stays with its holder; it vanishes if it comes back.
void Engine::State::expire(TupleId id) {
  Entry& entry = *tuples.find(id);
  if (entry.holder == 0) erase_tuple(entry, Event::Kind::expired);
}

void Engine::State::end_delays(const Deadline& first) {
  std::vector<Entry*> arriving;
  for (std::optional<Deadline> due = first; due; due = deadlines.pop_alike(first)) {
    if (!living(*due)) continue;
    Entry& entry = *tuples.find(due->id);
    account_due(entry);
    if (spaces.at(entry.space).dropped) erase_tuple(entry);
    else arriving.push_back(&entry);
  }
  place(arriving);
}

}  // namespace parvis::space
