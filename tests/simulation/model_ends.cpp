// The model's sessions and their ends, its clock, and what a crash leaves.
#include <algorithm>

#include "model.hpp"

namespace parvis::simulation {

void Model::attach(SessionId id) {
  auto found = sessions.find(id);
  if (found == sessions.end()) return;
  found->second.attached = true;
  found->second.grace_until = never;
}

void Model::detach(SessionId id) {
  auto found = sessions.find(id);
  if (found == sessions.end() || !found->second.attached) return;
  Session& s = found->second;
  s.attached = false;
  while (!s.waiting.empty()) unlist(id, s.waiting.begin()->first);
  s.grace_until = now + grace;
  set_deadline(s.grace_until, Deadline::grace, id);
}

void Model::end(SessionId id, bool expired) {
  auto found = sessions.find(id);
  if (found == sessions.end()) return;
  while (!found->second.waiting.empty()) unlist(id, found->second.waiting.begin()->first);
  std::vector<Serial> arriving;
  Session s = std::move(found->second);
  sessions.erase(found);
  for (TransactionName t : s.transactions) {
    for (Serial serial : transactions.at(t).taken) take_back(serial, true, arriving);
    transactions.erase(t);
  }
  Tombstone stone{s.confirmed, {}};
  for (const auto& [n, applied] : s.applied) {
    if (applied.lasting) stone.applied.push_back(n);
    if (applied.transaction == 0)
      for (Serial serial : applied.serials) take_back(serial, true, arriving);
  }
  for (Serial serial : s.owned)
    if (auto t = tuples.find(serial); t != tuples.end() && !t->second.held()) erase(serial);
  if (expired || !stone.applied.empty()) tombstones.emplace(id, std::move(stone));
  place(arriving);
}

void Model::cancel(SessionId id, Sequence sequence) {
  if (unlist(id, sequence)) fail(id, sequence, ErrorCode::timeout);
}

void Model::refuse(SessionId id, Sequence n) {
  auto session = sessions.find(id);
  if (session == sessions.end()) return;
  if (unlist(id, n)) return fail(id, n, ErrorCode::timeout);
  auto found = session->second.applied.find(n);
  if (found == session->second.applied.end() || found->second.what != Told::found) return;
  const Applied was = std::move(found->second);
  found->second = {.what = Told::failed, .number = static_cast<std::uint64_t>(ErrorCode::timeout)};
  std::vector<Serial> arriving;
  if (was.transaction == 0) {
    for (Serial serial : was.serials) take_back(serial, false, arriving);
  } else if (session->second.transactions.contains(was.transaction)) {
    if (was.begun) {
      abort(was.transaction, false, arriving);
    } else {
      for (Serial serial : was.serials)
        if (transactions.at(was.transaction).taken.erase(serial) != 0) take_back(serial, false, arriving);
    }
  }
  place(arriving);
}

void Model::forget(Session& s, std::map<Sequence, Applied>::iterator applied) {
  if (applied->second.transaction == 0)
    for (Serial serial : applied->second.serials) erase(serial);
  s.applied.erase(applied);
}

void Model::confirm(SessionId id, const Confirm& confirm) {
  auto found = sessions.find(id);
  if (found == sessions.end()) return;
  Session& s = found->second;
  Sequence upto = confirm.upto;
  if (!s.waiting.empty()) upto = std::min(upto, s.waiting.begin()->first - 1);
  while (!s.applied.empty() && s.applied.begin()->first <= upto) forget(s, s.applied.begin());
  for (Sequence n : confirm.also)
    if (auto it = s.applied.find(n); it != s.applied.end()) forget(s, it);
  s.confirmed = std::max(s.confirmed, upto);
}

void Model::advance(Micros to) {
  while (!deadlines.empty() && deadlines.begin()->at <= to) {
    const Deadline due = *deadlines.begin();
    deadlines.erase(deadlines.begin());
    now = std::max(now, due.at);
    fire(due);
  }
  now = std::max(now, to);
}

void Model::fire(const Deadline& due) {
  std::vector<Serial> arriving;
  switch (due.kind) {
    case Deadline::lease: {
      auto t = tuples.find(static_cast<Serial>(due.id));
      if (t != tuples.end() && !t->second.held()) erase(t->first);
      return;
    }
    case Deadline::delay:
      for (Deadline next = due;;) {
        auto t = tuples.find(static_cast<Serial>(next.id));
        if (t != tuples.end() && t->second.delayed) {
          t->second.delayed = false;
          arriving.push_back(t->first);
        }
        if (deadlines.empty() || deadlines.begin()->at != due.at || deadlines.begin()->kind != due.kind) break;
        next = *deadlines.begin();
        deadlines.erase(deadlines.begin());
      }
      return place(arriving);
    case Deadline::transaction: {
      auto t = transactions.find(due.id);
      if (t == transactions.end() || t->second.until != due.at) return;
      abort(due.id, true, arriving);
      return place(arriving);
    }
    case Deadline::waiter: {
      const SessionId id = due.more >> 24;
      const Sequence n = due.more & 0xffffff;
      auto s = sessions.find(id);
      if (s == sessions.end() || !s->second.waiting.contains(n)) return;
      for (const Waiter& w : spaces[s->second.waiting.at(n)].waiters)
        if (w.id == due.id) return cancel(id, n);
      return;
    }
    case Deadline::grace: {
      auto s = sessions.find(due.id);
      if (s != sessions.end() && s->second.grace_until == due.at) end(due.id, true);
      return;
    }
  }
}

// Nobody is connected, volatile spaces are empty, claims and graces are whole again, leases have run on.
void Model::crash(std::uint64_t new_epoch) {
  epoch = new_epoch;
  next_ticket = 1;
  puts_refused = false;
  told.clear();
  deadlines.clear();
  for (Space& space : spaces) {
    space.waiters.clear();
    space.ready.clear();
  }
  std::erase_if(transactions, [](auto& t) { return !t.second.lasting; });
  std::erase_if(tuples, [&](auto& t) { return !spaces[t.second.fresh.space].lasting; });
  for (auto& [id, s] : sessions) {
    s.attached = false;
    s.waiting.clear();
    s.grace_until = now + grace;
    set_deadline(s.grace_until, Deadline::grace, id);
    std::erase_if(s.applied, [](auto& a) { return !a.second.lasting; });
    std::erase_if(s.transactions, [&](TransactionName t) { return !transactions.contains(t); });
    std::erase_if(s.owned, [&](Serial serial) { return !tuples.contains(serial); });
  }
  for (auto& [name, t] : transactions) {
    t.waiting.clear();
    std::erase_if(t.taken, [&](Serial serial) { return !tuples.contains(serial); });
    t.until = after(t.lease);
    set_deadline(t.until, Deadline::transaction, name);
  }
  std::vector<const Tuple*> all;
  for (auto& [serial, t] : tuples) all.push_back(&t);
  std::sort(all.begin(), all.end(), [](const Tuple* a, const Tuple* b) { return a->order < b->order; });
  for (const Tuple* t : all) {
    set_deadline(t->lease_until, Deadline::lease, t->fresh.serial);
    if (t->delayed) set_deadline(t->visible_at, Deadline::delay, t->fresh.serial);
    else if (!t->held()) spaces[t->fresh.space].ready.insert({t->order, t->fresh.serial});
  }
}

bool Model::knows(SessionId id, Sequence sequence) const {
  if (auto s = sessions.find(id); s != sessions.end())
    return sequence <= s->second.confirmed || s->second.applied.contains(sequence);
  auto t = tombstones.find(id);
  if (t == tombstones.end()) return true;  // a goodbye with nothing unconfirmed
  return sequence <= t->second.confirmed ||
         std::find(t->second.applied.begin(), t->second.applied.end(), sequence) != t->second.applied.end();
}

}  // namespace parvis::simulation
