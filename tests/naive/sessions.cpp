// The model's sessions: answers and what is remembered of them, transactions, ends, time, and what a crash leaves.
#include <algorithm>

#include "tests/naive/model.hpp"

namespace parvis::naive {

void Model::say(const Call& c, Told::What what, std::uint64_t number) {
  told.push_back({.session = c.session, .sequence = c.sequence, .what = what, .number = number});
}

void Model::finish(const Call& c, Applied applied) {
  applied.told.session = c.session;
  applied.told.sequence = c.sequence;
  told.push_back(applied.told);
  sessions.at(c.session).applied[c.sequence] = std::move(applied);
}

void Model::done(const Call& c, bool lasting, bool strict, std::uint64_t number) {
  finish(c, {.told = {.what = Told::done, .number = number}, .lasting = lasting, .strict = strict});
}

// A failure is an answer too, and remembered until it is confirmed.
void Model::fail(const Call& c, ErrorCode code) {
  finish(c, {.told = {.what = Told::failed, .number = static_cast<std::uint64_t>(code)}});
}

void Model::none(const Call& c) {
  if (c.ask->take) return finish(c, {.told = {.what = Told::found}});
  say(c, Told::found);
}

// The same answer; of tuples, while it still holds them.
void Model::say_again(SessionId id, Sequence n, const Applied& applied) {
  const std::uint64_t holder = applied.transaction != 0 ? applied.transaction : id;
  if (applied.holds)
    for (const Shown& item : applied.told.items) {
      const auto t = tuples.find(item.name);
      if (t == tuples.end() || t->second.holder != holder)
        return say({id, n, nullptr}, Told::failed, static_cast<std::uint64_t>(ErrorCode::conflict));
    }
  told.push_back(applied.told);
}

void Model::attach(SessionId id) {
  const auto found = sessions.find(id);
  if (found == sessions.end()) return;
  found->second.attached = true;
  found->second.grace_until = never;
}

void Model::detach(SessionId id) {
  const auto found = sessions.find(id);
  if (found == sessions.end() || !found->second.attached) return;
  Session& s = found->second;
  s.attached = false;
  while (!s.waiting.empty()) unlist(id, s.waiting.begin()->first);
  s.grace_until = now + grace;
  at(s.grace_until, [id](Model& m) {
    const auto due = m.sessions.find(id);
    if (due != m.sessions.end() && due->second.grace_until <= m.now) m.end(id, true);
  });
  settle();
}

void Model::end(SessionId id, bool expired) {
  const auto found = sessions.find(id);
  if (found == sessions.end()) return;
  while (!found->second.waiting.empty()) unlist(id, found->second.waiting.begin()->first);
  const Session s = std::move(found->second);
  sessions.erase(found);
  for (TransactionName t : s.transactions) {
    for (Order order : transactions.at(t).taken) release(order, true);
    transactions.erase(t);
  }
  Tombstone stone{s.confirmed, {}};
  for (const auto& [n, applied] : s.applied) {
    if (applied.lasting) stone.applied.push_back(n);
    if (applied.holds && applied.transaction == 0)
      for (const Shown& item : applied.told.items) release(item.name, true);
  }
  Orders owned;
  for (const auto& [order, t] : tuples)
    if (t.owner == id && t.holder == 0) owned.push_back(order);
  for (Order order : owned) erase(order, Event::Kind::expired);
  if (expired || !stone.applied.empty()) tombstones.emplace(id, std::move(stone));
  settle();
}

void Model::cancel(SessionId id, Sequence sequence) {
  if (const auto c = unlist(id, sequence)) fail(*c, ErrorCode::timeout);
  settle();
}

void Model::refuse(SessionId id, Sequence n) {
  const auto session = sessions.find(id);
  if (session == sessions.end()) return;
  cancel(id, n);
  const auto found = session->second.applied.find(n);
  if (found == session->second.applied.end() || found->second.told.what != Told::found) return;
  const Applied was =
      std::exchange(found->second, {.told = {id, n, Told::failed, static_cast<std::uint64_t>(ErrorCode::timeout)}});
  const bool is_open = session->second.transactions.contains(was.transaction);
  if (was.begun && is_open) abort(was.transaction, false);
  for (const Shown& item : was.begun ? std::vector<Shown>() : was.told.items)
    if (was.transaction == 0 || (is_open && transactions.at(was.transaction).taken.erase(item.name) != 0))
      release(item.name, false);
  settle();
}

void Model::forget(Session& s, std::map<Sequence, Applied>::iterator applied) {
  if (applied->second.holds && applied->second.transaction == 0)
    for (const Shown& item : applied->second.told.items) erase(item.name);
  s.applied.erase(applied);
}

void Model::confirm(SessionId id, const Confirm& confirm) {
  const auto found = sessions.find(id);
  if (found == sessions.end()) return;
  Session& s = found->second;
  Sequence upto = confirm.upto;
  if (!s.waiting.empty()) upto = std::min(upto, s.waiting.begin()->first - 1);
  while (!s.applied.empty() && s.applied.begin()->first <= upto) forget(s, s.applied.begin());
  for (Sequence n : confirm.also)
    if (auto it = s.applied.find(n); it != s.applied.end()) forget(s, it);
  s.confirmed = std::max(s.confirmed, upto);
  settle();
}

void Model::make_transaction(const Call& c, bool lasting) {
  const TransactionName name = name_of(c.session, c.sequence);
  transactions[name] = {c.session, -1, never, lasting};
  sessions.at(c.session).transactions.insert(name);
  set_lease(name, c.ask->lease);
}

void Model::set_lease(TransactionName name, Micros lease) {
  Transaction& t = transactions.at(name);
  t.lease = lease;
  t.until = after(lease);
  at(t.until, [name](Model& m) {
    const auto due = m.transactions.find(name);
    if (due != m.transactions.end() && due->second.until <= m.now) m.abort(name, true);
  });
}

bool Model::strict(const Transaction& t) const {
  return std::any_of(t.taken.begin(), t.taken.end(),
                     [&](Order order) { return spaces[tuples.at(order).fresh.space].strict; });
}

void Model::abort(TransactionName name, bool tried) {
  for (Order order : transactions.at(name).taken) release(order, tried);
  end_transaction(name);
}

void Model::end_transaction(TransactionName name) {
  const SessionId id = transactions.at(name).session;
  Session& s = sessions.at(id);
  for (const auto& [n, place] : std::map(s.waiting))
    if (waiters.at(place).ask->transaction == name) fail(*unlist(id, n), ErrorCode::conflict);
  s.transactions.erase(name);
  transactions.erase(name);
}

// What is due at one instant happens, and then whoever can go on does.
void Model::advance(Micros to) {
  while (!alarms.empty() && alarms.begin()->first <= to) {
    now = std::max(now, alarms.begin()->first);
    while (!alarms.empty() && alarms.begin()->first <= now) {
      const auto alarm = alarms.extract(alarms.begin());
      alarm.mapped()(*this);
    }
    settle();
  }
  now = std::max(now, to);
}

// Nobody is connected, volatile spaces are empty, claims and graces are whole again, leases have run on.
void Model::crash(std::uint64_t new_epoch, std::uint64_t first_id) {
  epoch = new_epoch;
  next_ticket = 1;
  next_id = std::max(next_id, first_id);
  puts_refused = false;
  told.clear();
  asked_ahead.clear();
  alarms.clear();
  waiters.clear();
  announced.clear();
  std::erase_if(transactions, [](auto& t) { return !t.second.lasting; });
  std::erase_if(tuples, [&](auto& t) { return !spaces[t.second.fresh.space].lasting; });
  for (Space& space : spaces) {
    for (auto* line : {&space.blocked, &space.line, &space.watches}) line->clear();
    if (space.lasting) continue;
    space.tuples.clear();
    space.events.clear();
    space.recorded = false;
    space.next_event = 0;
  }
  for (auto& [id, session] : sessions) {
    Session& s = session;
    s.waiting.clear();
    s.attached = true;
    std::erase_if(s.applied, [](auto& a) { return !a.second.lasting; });
    std::erase_if(s.transactions, [&](TransactionName t) { return !transactions.contains(t); });
    detach(id);
  }
  for (auto& [name, t] : transactions) {
    std::erase_if(t.taken, [&](Order order) { return !tuples.contains(order); });
    set_lease(name, t.lease);
  }
  for (const auto& [order, t] : std::map(tuples.begin(), tuples.end())) {
    at(t.lease_until, [order = order](Model& m) { m.expire(order); });
    if (t.delayed) at(t.visible_at, [order = order](Model& m) { m.appear(order); });
  }
  dirty.clear();
}

bool Model::knows(SessionId id, Sequence sequence) const {
  if (auto s = sessions.find(id); s != sessions.end())
    return sequence <= s->second.confirmed || s->second.applied.contains(sequence);
  auto t = tombstones.find(id);
  if (t == tombstones.end()) return true;  // a goodbye with nothing unconfirmed
  return sequence <= t->second.confirmed ||
         std::find(t->second.applied.begin(), t->second.applied.end(), sequence) != t->second.applied.end();
}

}  // namespace parvis::naive
