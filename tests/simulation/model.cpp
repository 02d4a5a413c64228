#include "model.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace parvis::simulation {

std::string text(const Told& told) {
  static const char* const names[] = {"done", "counted", "found", "failed", "waiting"};
  std::string line = fmt::format("{}#{} {} {}", told.session, told.sequence, names[told.what], told.number);
  for (auto [serial, attempts] : told.items) line += fmt::format(" {}/{}", serial, attempts);
  return line;
}

std::string text(const Ask& ask) {
  static const char* const names[] = {"out", "get", "count", "begin", "commit", "abort", "renew"};
  std::string line = fmt::format("{} space {}", names[ask.what], ask.space);
  for (auto [set, word] : {std::pair(ask.take, "take"), {ask.wait, "wait"}, {ask.begins, "begins"},
                           {ask.partial, "partial"}, {ask.owned, "owned"}})
    if (set) line += std::string(" ") + word;
  line += fmt::format(" max {} transaction {} lease {} timeout {} delay {}", ask.max, ask.transaction, ask.lease,
                      ask.timeout, ask.delay);
  for (const Fresh& f : ask.puts)
    line += fmt::format(" ({} {} {})^{}@{}", f.kind, f.number, f.serial, f.priority, f.space);
  for (const Pattern& p : ask.patterns) line += fmt::format(" <{} {}>", p.kind, p.number);
  for (Serial s : ask.consumed) line += fmt::format(" consumed {}", s);
  for (Serial s : ask.released) line += fmt::format(" released {}", s);
  return line;
}

void Model::say(SessionId id, Sequence n, Told::What what, std::uint64_t number) {
  told.push_back({id, n, what, number, {}});
}

// A failure is an answer too, and remembered until it is confirmed.
void Model::fail(SessionId id, Sequence n, ErrorCode code) {
  const auto number = static_cast<std::uint64_t>(code);
  sessions.at(id).applied.emplace(n, Applied{.what = Told::failed, .number = number});
  say(id, n, Told::failed, number);
}

void Model::apply(SessionId id, Sequence n, const Ask& ask, const Waiting& shown) {
  auto found = sessions.find(id);
  if (found == sessions.end() || !found->second.attached) return;
  Session& s = found->second;
  if (n <= s.confirmed) return say(id, n, Told::failed, static_cast<std::uint64_t>(ErrorCode::protocol_error));
  if (auto known = s.applied.find(n); known != s.applied.end()) return say_again(id, n, known->second);
  if (s.waiting.contains(n)) return;
  switch (ask.what) {
    case Ask::out: return run_out(id, s, n, ask);
    case Ask::get: return run_get(id, s, n, ask, shown);
    case Ask::commit: return run_commit(id, s, n, ask);
    case Ask::begin:
    case Ask::abort:
    case Ask::renew: return run_transaction(id, s, n, ask);
    case Ask::count: break;
  }
  std::uint64_t number = 0;
  for (auto [order, serial] : spaces[ask.space].ready) {
    const Fresh& f = tuples.at(serial).fresh;
    number += std::any_of(ask.patterns.begin(), ask.patterns.end(),
                          [&](const Pattern& p) { return p.matches(f.kind, f.number); });
  }
  say(id, n, Told::counted, number);
}

void Model::say_again(SessionId id, Sequence n, const Applied& applied) {
  Told again{id, n, applied.what, applied.number, {}};
  for (Serial serial : applied.serials) {
    auto found = tuples.find(serial);
    const bool still = found != tuples.end() && (applied.transaction != 0
                                                     ? found->second.transaction == applied.transaction
                                                     : found->second.held_by == id);
    if (!still) return say(id, n, Told::failed, static_cast<std::uint64_t>(ErrorCode::conflict));
    again.items.emplace_back(serial, found->second.attempts);
  }
  told.push_back(std::move(again));
}

void Model::run_out(SessionId id, Session& s, Sequence n, const Ask& ask) {
  if (puts_refused) return fail(id, n, ErrorCode::storage_full);
  std::vector<Serial> arriving;
  for (const Fresh& f : ask.puts) put(id, f, ask.lease, ask.delay, ask.owned, arriving);
  const Space& space = spaces[ask.space];
  s.applied.emplace(n, Applied{.lasting = space.lasting, .strict = space.strict});
  say(id, n, Told::done);
  place(arriving);
}

void Model::put(SessionId id, const Fresh& fresh, Micros lease, Micros delay, bool owned,
                std::vector<Serial>& arriving) {
  if (ever.size() <= fresh.serial) ever.resize(fresh.serial + 1024);
  if (ever[fresh.serial] && spaces[fresh.space].lasting)
    throw Violation(fmt::format("tuple {} is put a second time", fresh.serial));
  ever[fresh.serial] = true;
  Tuple t;
  t.fresh = fresh;
  t.order = static_cast<std::uint64_t>(max_priority - fresh.priority) << 40 | next_order++;
  t.lease_until = after(lease);
  t.delayed = delay > 0;
  t.visible_at = now + delay;
  t.owner = owned ? id : 0;
  set_deadline(t.lease_until, Deadline::lease, fresh.serial);
  if (t.delayed) set_deadline(t.visible_at, Deadline::delay, fresh.serial);
  else arriving.push_back(fresh.serial);
  if (owned) sessions.at(id).owned.insert(fresh.serial);
  tuples.emplace(fresh.serial, std::move(t));
}

void Model::run_get(SessionId id, Session& s, Sequence n, const Ask& ask, const Waiting& shown) {
  if (ask.transaction != 0 && !open_transaction(s, ask.transaction))
    return fail(id, n, ErrorCode::conflict);
  Space& space = spaces[ask.space];
  std::vector<Serial> found;
  for (auto [order, serial] : space.ready) {
    const Fresh& f = tuples.at(serial).fresh;
    if (std::none_of(ask.patterns.begin(), ask.patterns.end(),
                     [&](const Pattern& p) { return p.matches(f.kind, f.number); }))
      continue;
    found.push_back(serial);
    if (found.size() == ask.max) break;
  }
  if (!found.empty()) return give(id, n, ask, found);
  if (!ask.wait) {
    if (ask.take) s.applied.emplace(n, Applied{.what = Told::found});
    return say(id, n, Told::found);
  }
  if (ask.timeout == 0) return fail(id, n, ErrorCode::timeout);
  Waiter w{next_waiter++, epoch, 0, id, n, ask};
  const bool genuine = shown.epoch != 0 && std::pair(shown.epoch, shown.ticket) < std::pair(epoch, next_ticket);
  if (genuine) w.epoch = shown.epoch;
  w.ticket = genuine ? shown.ticket : next_ticket++;
  const auto later = [](const Waiter& a, const Waiter& b) {
    return std::tie(a.epoch, a.ticket, a.id) < std::tie(b.epoch, b.ticket, b.id);
  };
  s.waiting.emplace(n, ask.space);
  if (ask.transaction != 0) transactions.at(ask.transaction).waiting.insert(n);
  set_deadline(after(ask.timeout), Deadline::waiter, w.id, id << 24 | n);
  say(id, n, Told::waiting, w.ticket);
  space.waiters.insert(std::upper_bound(space.waiters.begin(), space.waiters.end(), w, later), w);
}

void Model::give(SessionId id, Sequence n, const Ask& ask, const std::vector<Serial>& serials) {
  Told answer{id, n, Told::found, 0, {}};
  for (Serial serial : serials) answer.items.emplace_back(serial, tuples.at(serial).attempts);
  told.push_back(std::move(answer));
  if (!ask.take) return;
  const bool lasting = spaces[ask.space].lasting;
  TransactionName in = ask.transaction;
  if (ask.begins) {
    in = name(id, n);
    transactions[in] = {id, ask.lease, after(ask.lease), false, {}, {}};
    sessions.at(id).transactions.insert(in);
    set_deadline(after(ask.lease), Deadline::transaction, in);
  }
  for (Serial serial : serials) {
    Tuple& t = tuples.at(serial);
    spaces[ask.space].ready.erase({t.order, serial});
    if (in == 0) t.held_by = id;
    else t.transaction = in, transactions.at(in).taken.insert(serial);
  }
  if (in != 0) transactions.at(in).lasting |= lasting;
  sessions.at(id).applied.emplace(
      n, Applied{.what = Told::found, .lasting = lasting, .strict = in == 0 && spaces[ask.space].strict,
                 .begun = ask.begins, .transaction = in, .serials = serials});
}

// Tuples become visible, all at once: each in its order to all readers that match and then to the longest waiting
// taker; who was served is answered when all have been placed.
void Model::place(std::vector<Serial>& arriving) {
  std::sort(arriving.begin(), arriving.end(),
            [&](Serial a, Serial b) { return tuples.at(a).order < tuples.at(b).order; });
  std::vector<std::pair<std::uint16_t, std::uint64_t>> served;  // space and id of waiters
  for (Serial serial : arriving) {
    const Tuple& t = tuples.at(serial);
    Space& space = spaces[t.fresh.space];
    bool taken = false;
    for (bool take : {false, true})
      for (Waiter& w : space.waiters) {
        if (w.ask.take != take || w.handed.size() >= w.ask.max || taken) continue;
        if (std::none_of(w.ask.patterns.begin(), w.ask.patterns.end(),
                         [&](const Pattern& p) { return p.matches(t.fresh.kind, t.fresh.number); }))
          continue;
        if (w.handed.empty()) served.emplace_back(t.fresh.space, w.id);
        w.handed.push_back(serial);
        taken = take;
      }
    space.ready.insert({t.order, serial});  // give() takes it out again
  }
  for (auto [where, id] : served) {
    auto& waiters = spaces[where].waiters;
    auto at = std::find_if(waiters.begin(), waiters.end(), [id = id](const Waiter& w) { return w.id == id; });
    const Waiter w = *at;
    unlist(w.session, w.sequence);
    give(w.session, w.sequence, w.ask, w.handed);
  }
}

bool Model::unlist(SessionId id, Sequence n) {
  auto session = sessions.find(id);
  if (session == sessions.end()) return false;
  auto where = session->second.waiting.find(n);
  if (where == session->second.waiting.end()) return false;
  auto& waiters = spaces[where->second].waiters;
  session->second.waiting.erase(where);
  auto at = std::find_if(waiters.begin(), waiters.end(),
                         [&](const Waiter& w) { return w.session == id && w.sequence == n; });
  if (auto t = transactions.find(at->ask.transaction); t != transactions.end())
    t->second.waiting.erase(n);
  waiters.erase(at);
  return true;
}

void Model::take_back(Serial serial, bool tried, std::vector<Serial>& arriving) {
  Tuple& t = tuples.at(serial);
  t.held_by = t.transaction = 0;
  if (t.lease_until <= now || (t.owner != 0 && !sessions.contains(t.owner))) return erase(serial);
  t.attempts += tried ? 1 : 0;
  arriving.push_back(serial);
}

void Model::erase(Serial serial) {
  const Tuple& t = tuples.at(serial);
  spaces[t.fresh.space].ready.erase({t.order, serial});
  if (auto owner = sessions.find(t.owner); owner != sessions.end()) owner->second.owned.erase(serial);
  tuples.erase(serial);
}

void Model::run_transaction(SessionId id, Session& s, Sequence n, const Ask& ask) {
  if (ask.what == Ask::begin) {
    const TransactionName t = name(id, n);
    transactions[t] = {id, ask.lease, after(ask.lease), true, {}, {}};
    s.transactions.insert(t);
    set_deadline(after(ask.lease), Deadline::transaction, t);
    s.applied.emplace(n, Applied{.lasting = true});
    return say(id, n, Told::done);
  }
  if (!open_transaction(s, ask.transaction)) return fail(id, n, ErrorCode::conflict);
  Transaction& t = transactions.at(ask.transaction);
  if (ask.what == Ask::renew) {
    t.lease = ask.lease;
    t.until = after(ask.lease);
    set_deadline(t.until, Deadline::transaction, ask.transaction);
    return say(id, n, Told::done);
  }
  const bool lasting = t.lasting, is_strict = strict(t);
  std::vector<Serial> arriving;
  abort(ask.transaction, true, arriving);
  s.applied.emplace(n, Applied{.lasting = lasting, .strict = is_strict});
  say(id, n, Told::done);
  place(arriving);
}

void Model::run_commit(SessionId id, Session& s, Sequence n, const Ask& ask) {
  if (!open_transaction(s, ask.transaction)) return fail(id, n, ErrorCode::conflict);
  Transaction& t = transactions.at(ask.transaction);
  if (ask.partial)
    for (const auto* serials : {&ask.consumed, &ask.released})
      for (Serial serial : *serials)
        if (!t.taken.contains(serial)) return fail(id, n, ErrorCode::conflict);
  if (puts_refused && !ask.puts.empty()) return fail(id, n, ErrorCode::storage_full);
  bool lasting = t.lasting, is_strict = strict(t);
  std::vector<Serial> arriving;
  if (ask.partial) {
    for (Serial serial : ask.released)
      if (t.taken.erase(serial) != 0) take_back(serial, false, arriving);
    for (Serial serial : ask.consumed)
      if (t.taken.erase(serial) != 0) erase(serial);
  } else {
    for (Serial serial : t.taken) erase(serial);
    end_transaction(ask.transaction);
  }
  for (const Fresh& f : ask.puts) {
    lasting |= spaces[f.space].lasting;
    is_strict |= spaces[f.space].strict;
    put(id, f, ask.lease, 0, false, arriving);
  }
  s.applied.emplace(n, Applied{.lasting = lasting, .strict = is_strict});
  say(id, n, Told::done);
  place(arriving);
}

bool Model::strict(const Transaction& t) const {
  return std::any_of(t.taken.begin(), t.taken.end(),
                     [&](Serial serial) { return spaces[tuples.at(serial).fresh.space].strict; });
}

void Model::abort(TransactionName name, bool tried, std::vector<Serial>& arriving) {
  for (Serial serial : transactions.at(name).taken) take_back(serial, tried, arriving);
  end_transaction(name);
}

void Model::end_transaction(TransactionName name) {
  const SessionId id = transactions.at(name).session;
  while (!transactions.at(name).waiting.empty()) {
    const Sequence n = *transactions.at(name).waiting.begin();
    unlist(id, n);
    fail(id, n, ErrorCode::conflict);
  }
  sessions.at(id).transactions.erase(name);
  transactions.erase(name);
}

}  // namespace parvis::simulation
