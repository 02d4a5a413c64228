// Transactions, which are also the claims of the farm: takes that come back unless they are committed. The puts of a
// commit come with it, so a transaction holds nothing but what it took.
#include <algorithm>

#include <fmt/format.h>

#include "tuplespace/space/state.hpp"

namespace parvis::space {

void Engine::State::run(Session& s, Sequence sequence, const Begin& begin) {
  if (s.transactions.size() >= limits.transactions_per_session)
    return fail(s, sequence,
                over("transactions_per_session", limits.transactions_per_session, "too many transactions are open"));
  if (s.unconfirmed >= limits.unconfirmed_per_session)
    return fail(s, sequence,
                over("unconfirmed_per_session", limits.unconfirmed_per_session,
                     "too many answers of this session are unconfirmed"));
  const Transaction& t = make_transaction(s, begin.lease_us, true);
  const std::uint64_t after = after_change(Durability::relaxed);  // as a claim: only the commit waits for a sync
  record(s, sequence, {.number = t.id, .after = after});
  answer(s, sequence, Done{t.id}, after);
}

void Engine::State::run(Session& s, Sequence sequence, const Commit& commit) {
  Transaction* t = own_transaction(s, commit.transaction);
  if (t == nullptr) return fail(s, sequence, conflict(commit.transaction));
  if (auto refused = refuse(*t, commit)) return fail(s, sequence, std::move(*refused));

  bool lasting = t->lasting;
  Durability strictest = strictest_of(*t);
  std::vector<Entry*> arriving;
  if (commit.partial) {
    for (TupleId id : commit.released) {
      if (t->taken.erase(id) != 0) release(*tuples.find(id), false, arriving);
    }
    for (TupleId id : commit.consumed) {
      if (t->taken.erase(id) != 0) erase_tuple(*tuples.find(id));
    }
    touch(*t);
  } else {
    for (TupleId id : t->taken) erase_tuple(*tuples.find(id));
    end_transaction(s, *t);
  }
  for (const Put& put : commit.puts) {
    Space& space = use_space(put.space);
    lasting = lasting || space.lasting();
    strictest = std::min(strictest, space.durability);
    Entry& entry = create({space, put.tuple, put.priority, put.lease_us, put.delay_us, 0, put.group});
    if (!entry.is(Entry::delayed)) arriving.push_back(&entry);
  }
  const std::uint64_t after = after_change(strictest);
  record(s, sequence, {.lasting = lasting, .after = after});
  answer(s, sequence, Done{}, after);
  place(arriving);
}

std::optional<Failed> Engine::State::refuse(const Transaction& t, const Commit& commit) {
  if (commit.partial) {
    for (const auto* ids : {&commit.consumed, &commit.released})
      for (TupleId id : *ids)
        if (!t.taken.contains(id))
          return Failed{ErrorCode::conflict, fmt::format("transaction {} does not hold tuple {}", t.id, id)};
    for (TupleId id : commit.released)
      if (std::find(commit.consumed.begin(), commit.consumed.end(), id) != commit.consumed.end())
        return Failed{ErrorCode::protocol_error, fmt::format("tuple {} is both consumed and released", id)};
  }
  std::vector<Incoming> puts;
  puts.reserve(commit.puts.size());
  for (const Put& put : commit.puts) puts.push_back({put.space, &put.tuple, put.priority, &put.group});
  if (auto refused = refuse(puts)) return refused;
  std::vector<Entry*> gone;
  if (commit.partial)
    for (TupleId id : commit.consumed) gone.push_back(tuples.find(id));
  else
    for (TupleId id : t.taken) gone.push_back(tuples.find(id));
  return refuse_quota(puts, gone);
}

void Engine::State::run(Session& s, Sequence sequence, const Abort& operation) {
  Transaction* t = own_transaction(s, operation.transaction);
  if (t == nullptr) return fail(s, sequence, conflict(operation.transaction));
  const bool lasting = t->lasting;
  const std::uint64_t after = after_change(strictest_of(*t));
  std::vector<Entry*> arriving;
  abort(s, *t, true, arriving);
  record(s, sequence, {.lasting = lasting, .after = after});
  answer(s, sequence, Done{}, after);
  place(arriving);
}

// Of a transaction it is not recorded: renewing twice is renewing once, and an ended transaction stays ended.
void Engine::State::run(Session& s, Sequence sequence, const Renew& renew) {
  if (renew.transaction == 0) return renew_tuples(s, sequence, renew);
  Transaction* t = own_transaction(s, renew.transaction);
  if (t == nullptr) return fail(s, sequence, conflict(renew.transaction));
  if (t->lease_us != renew.lease_us) touch(*t);
  set_lease(*t, renew.lease_us);
  answer(s, sequence, Done{1}, s.changed | only_written);
}

// Of the spaces it took from; one that holds nothing is a record of its own, which nobody waits for.
Durability Engine::State::strictest_of(const Transaction& t) const {
  Durability strictest = t.lasting ? Durability::relaxed : Durability::volatile_;
  for (TupleId id : t.taken) strictest = std::min(strictest, spaces.at(tuples.find(id)->space).durability);
  return strictest;
}

Transaction* Engine::State::own_transaction(const Session& s, TransactionId id) const {
  return s.transactions.contains(id) ? transactions.at(id).get() : nullptr;
}

Failed Engine::State::conflict(TransactionId id) const {
  return {ErrorCode::conflict, fmt::format("transaction {} has ended, or is not of this session", id)};
}

Transaction& Engine::State::make_transaction(Session& s, std::int64_t lease_us, bool lasting) {
  auto made = std::make_unique<Transaction>();
  Transaction& t = *made;
  t.id = new_id();
  t.session = s.id;
  t.lasting = lasting;
  transactions.emplace(t.id, std::move(made));
  s.transactions.insert(t.id);
  set_lease(t, lease_us);
  touch(t);
  return t;
}

void Engine::State::set_lease(Transaction& t, std::int64_t lease_us) {
  t.lease_us = lease_us < 0 ? -1 : lease_us;
  t.until = time_after(lease_us);
  set_deadline(t.until, Deadline::Kind::transaction, t.id);
}

void Engine::State::touch(Transaction& t) {
  if (!t.lasting) return;
  changes.touched();
  sessions.at(t.session)->changed = changes.number();
  if (!std::exchange(t.dirty, true)) dirty_transactions.push_back(t.id);
}

// Everything taken comes back; the caller places it.
void Engine::State::abort(Session& s, Transaction& t, bool raise_attempts, std::vector<Entry*>& arriving) {
  for (TupleId id : t.taken) release(*tuples.find(id), raise_attempts, arriving);
  end_transaction(s, t);
}

void Engine::State::end_transaction(Session& s, Transaction& t) {
  while (!t.waiting.empty()) {
    Waiter& waiter = *s.waiting.at(*t.waiting.begin());
    end_waiting(waiter, ErrorCode::conflict, fmt::format("transaction {} has ended", t.id));
  }
  if (t.lasting) {
    s.changed = changes.number();
    if (t.written) changes.erase(t.id);
  }
  s.transactions.erase(t.id);
  transactions.erase(t.id);
}

}  // namespace parvis::space
