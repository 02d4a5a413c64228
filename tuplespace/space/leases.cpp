// Leases of tuples that are there already: renewed, lifted, cancelled. Whoever knows a tuple's id may; the lease
// belongs to the tuple, not to a client.
#include <algorithm>

#include <fmt/format.h>

#include "tuplespace/space/state.hpp"

namespace parvis::space {

void Engine::State::renew_tuples(Session& s, Sequence sequence, const Renew& renew) {
  if (auto refused = refuse_renewal(s, renew)) return fail(s, sequence, std::move(*refused));
  bool lasting = false;
  for (TupleId id : renew.tuples) {
    Entry* entry = tuples.find(id);
    if (entry == nullptr) continue;  // named twice, and its lease ended the first time
    const Space& space = spaces.at(entry->space);
    lasting = lasting || space.lasting();
    set_lease(*entry, renew.lease_us);
  }
  record(s, sequence, {.lasting = lasting, .number = renew.tuples.size()});
  answer(s, sequence, Done{renew.tuples.size()}, lasting ? changes.number() : 0);
}

std::optional<Failed> Engine::State::refuse_renewal(const Session& s, const Renew& renew) const {
  if (renew.tuples.empty()) return conflict(renew.transaction);
  if (s.unconfirmed >= limits.unconfirmed_per_session)
    return over("unconfirmed_per_session", limits.unconfirmed_per_session,
                "too many answers of this session are unconfirmed");
  for (TupleId id : renew.tuples) {
    const Entry* entry = tuples.find(id);
    if (entry == nullptr || spaces.at(entry->space).dropped)
      return Failed{ErrorCode::not_found, fmt::format("tuple {} is not there (any more); no lease was changed", id)};
  }
  return std::nullopt;
}

// The lease of a held tuple ends at its time, too, but shows only when the tuple comes back: then it vanishes.
void Engine::State::set_lease(Entry& entry, std::int64_t lease_us) {
  TupleHead head = head_of(entry.id(), entry.bytes);
  const Time until = time_after(lease_us);
  head.lease_until = until == Time::max() ? 0 : wall_of(until);
  if (lease_us == 0 && entry.holder == 0) return erase_tuple(entry, Event::Kind::expired);
  rewrite(entry, head, entry.bytes.tuple());
  entry.set(Entry::leased, head.lease_until != 0);
  if (head.lease_until != 0) set_deadline(time_of_wall(head.lease_until), Deadline::Kind::lease, entry.id());
}

// Another head, or another tuple under it: then it does not stand in the index.
void Engine::State::rewrite(Entry& entry, const TupleHead& head, ByteSpan tuple) {
  Space& space = spaces.at(entry.space);
  const std::uint64_t before = entry.bytes.size;
  space.used_bytes += tuple.size() - entry.bytes.tuple().size();
  tuples.replace_record(entry, tuple_bytes(head, tuple));
  if (entry.can_be_seen()) space.bytes += entry.bytes.size - before;
  if (space.lasting()) changes.put(entry.id(), entry.bytes.record_blob(), false);
}

}  // namespace parvis::space
