// From records to memory. Ascending ids mean that a space comes before its tuples; sessions, claims and tuples come
// in any order, so who holds what is settled when all are read.
#include <algorithm>

#include <fmt/format.h>

#include "tuplespace/space/state.hpp"

namespace parvis::space {

void Engine::State::load(storage::RecordId id, ByteSpan bytes) {
  Record any = decode(id, bytes);
  if (id != meta_record && (id < first_id || id >= meta.reserved))
    throw Error(ErrorCode::storage_error,
                fmt::format("record {} of the store lies outside of the ids given away (below {})", id, meta.reserved));
  if (std::holds_alternative<MetaRecord>(any) != (id == meta_record))
    throw Error(ErrorCode::storage_error,
                fmt::format("record {} of the store is of a kind that has no place there", id));
  if (auto* record = std::get_if<MetaRecord>(&any)) {
    meta = *record;
    if (meta.reserved < first_id || meta.reserved > ~std::uint64_t{0} / 2)
      throw Error(ErrorCode::storage_error,
                  fmt::format("record {} of the store says that ids up to {} are given away", id, meta.reserved));
  } else if (auto* space = std::get_if<SpaceRecord>(&any)) {
    Space& made = spaces.make(std::move(space->name), id, space->durability);
    made.recorded = true;
    made.quota_tuples = space->quota_tuples;
    made.quota_bytes = space->quota_bytes;
    loaded_spaces[id] = &made;
  } else if (auto* tuple = std::get_if<TupleRecord>(&any)) {
    load_tuple(id, std::move(*tuple));
  } else if (auto* client = std::get_if<SessionRecord>(&any)) {
    auto made = std::make_unique<Session>();
    made->id = id;
    made->secret = client->secret;
    made->attached = false;
    made->confirmed = client->confirmed;
    made->applied = std::move(client->applied);
    made->written = true;
    sessions.emplace(id, std::move(made));
  } else if (auto* claim = std::get_if<ClaimRecord>(&any)) {
    auto made = std::make_unique<Transaction>();
    made->id = id;
    made->session = claim->session;
    made->lease_us = claim->lease_us;
    made->taken.insert(claim->tuples.begin(), claim->tuples.end());
    made->lasting = made->written = true;
    transactions.emplace(id, std::move(made));
  } else if (auto* events = std::get_if<EventsRecord>(&any)) {
    load_events(id, std::move(*events));
  } else if (auto* ran = std::get_if<Ran>(&any)) {
    loaded_answers.emplace(id, std::make_shared<const Ran>(std::move(*ran)));
  } else {
    tombstones.emplace(id, std::move(std::get<TombstoneRecord>(any)));
  }
}

void Engine::State::load_tuple(storage::RecordId id, TupleRecord record) {
  Space*& space = loaded_spaces[record.head.space];
  if (space == nullptr) space = &spaces.make_dropped(record.head.space);
  Entry entry;
  entry.bytes = std::move(record.bytes);
  entry.order = order_of(record.head.priority, id);
  entry.space = space->slot;
  entry.attempts = record.head.attempts;
  entry.set(Entry::leased, record.head.lease_until != 0);
  entry.set(Entry::owned, record.head.owner != 0);
  entry.set(Entry::delayed, record.head.not_before != 0);
  entry.set(Entry::grouped, !head_of(id, entry.bytes).group.empty());
  ++space->entries;
  tuples.add(std::move(entry));
}

void Engine::State::recovered() {
  ++meta.epoch;
  next_id = meta.reserved;
  meta.reserved += id_block;
  meta_dirty = true;
  meta_batch = changes.number();
  changes.hurry();
  recover_sessions();
  recover_transactions();
  recover_tuples();
  recover_events();
  for (const auto& [id, record] : tombstones) set_deadline(time_of_wall(record.until), Deadline::Kind::tombstone, id);
  loaded_spaces.clear();
  is_recovered = true;
}

void Engine::State::hold_recovered(storage::RecordId record, std::uint64_t holder, TupleId id) {
  Entry* entry = tuples.find(id);
  if (entry == nullptr || entry->holder != 0)
    throw Error(ErrorCode::storage_error, fmt::format("record {} of the store holds tuple {}, which {}", record, id,
                                                      entry == nullptr ? "is not there" : "somebody else holds"));
  entry->holder = holder;
  entry->set(Entry::delayed, false);
}

std::shared_ptr<const Ran> Engine::State::answer_loaded(storage::RecordId record, std::uint64_t id) {
  auto found = loaded_answers.extract(id);
  if (found.empty())
    throw Error(ErrorCode::storage_error,
                fmt::format("record {} of the store names the answer {}, which is not there", record, id));
  return std::move(found.mapped());
}

// Whoever was connected has its full grace again.
void Engine::State::recover_sessions() {
  for (auto& [id, session] : sessions) {
    for (auto& [sequence, applied] : session->applied) {
      if (applied.kind == Applied::Kind::ran) applied.ran = answer_loaded(id, applied.number);
      session->unconfirmed += applied.weight();
      kept_bytes += applied.kept_bytes();
      if (!applied.has_tuples() || applied.number != 0) continue;
      for (TupleId tuple : applied.tuples) hold_recovered(id, id, tuple);
    }
    session->grace_until = now + limits.grace;
    set_deadline(session->grace_until, Deadline::Kind::grace, id);
  }
  if (!loaded_answers.empty())
    throw Error(ErrorCode::storage_error,
                fmt::format("record {} of the store is an answer of no session", loaded_answers.begin()->first));
}

void Engine::State::recover_transactions() {
  for (auto& [id, transaction] : transactions) {
    auto owner = sessions.find(transaction->session);
    if (owner == sessions.end())
      throw Error(
          ErrorCode::storage_error,
          fmt::format("record {} of the store is a claim of session {}, which is not there", id, transaction->session));
    owner->second->transactions.insert(id);
    for (TupleId tuple : transaction->taken) hold_recovered(id, id, tuple);
    set_lease(*transaction, transaction->lease_us);
  }
}

void Engine::State::recover_tuples() {
  std::vector<Entry*> entries;
  entries.reserve(tuples.size());
  tuples.for_each([&](Entry& entry) { entries.push_back(&entry); });
  std::vector<Entry*> grouped;
  // In order, so that every list grows at its end.
  std::sort(entries.begin(), entries.end(), [](const Entry* a, const Entry* b) { return a->order < b->order; });
  for (Entry* entry : entries) {
    account_recovered(*entry);
    const TupleId id = entry->id();
    if (entry->is(Entry::leased) || entry->is(Entry::owned) || entry->is(Entry::delayed)) {
      const TupleHead head = head_of(id, entry->bytes);
      if (head.owner != 0) {
        auto owner = sessions.find(head.owner);
        if (owner != sessions.end()) owner->second->owned.insert(id);
      }
      if (head.lease_until != 0) set_deadline(time_of_wall(head.lease_until), Deadline::Kind::lease, id);
      if (entry->is(Entry::delayed)) {
        set_deadline(time_of_wall(head.not_before), Deadline::Kind::delay, id);
        continue;
      }
    }
    if (entry->holder != 0) continue;
    if (entry->is(Entry::grouped)) {
      grouped.push_back(entry);
      continue;
    }
    fields.split_and_hash(entry->bytes.tuple());
    insert(*entry);
  }
  place(grouped);
  for (const auto& [id, space] : loaded_spaces)
    if (space->dropped) set_deadline(now, Deadline::Kind::sweep, space->slot);
}

}  // namespace parvis::space
