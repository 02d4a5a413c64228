// The operations of the model, but statements.
#include "tests/naive/model.hpp"

#include <algorithm>

namespace parvis::naive {

void Model::apply(SessionId id, Sequence n, std::shared_ptr<const Ask> ask, const Waiting& shown) {
  auto found = sessions.find(id);
  if (found == sessions.end() || !found->second.attached) return;
  const Session& s = found->second;
  const Call c{id, n, std::move(ask)};
  if (n <= s.confirmed) return say(c, Told::failed, static_cast<std::uint64_t>(ErrorCode::protocol_error));
  if (auto known = s.applied.find(n); known != s.applied.end()) return say_again(id, n, known->second);
  if (s.waiting.contains(n)) return;
  run(c, shown);
  settle();
}

void Model::run(const Call& c, const Waiting& ticket) {
  const Ask& ask = *c.ask;
  switch (ask.what) {
    case Ask::out: return run_out(c);
    case Ask::get: return run_get(c, ticket);
    case Ask::count: return say(c, Told::done, matches(ask.space, ask.patterns, false).size());
    case Ask::begin: make_transaction(c, true); return done(c, true, false);
    case Ask::commit: return run_commit(c);
    case Ask::abort: {
      if (!open_transaction(c)) return fail(c, ErrorCode::conflict);
      const bool lasting = transactions.at(ask.transaction).lasting;
      const bool is_strict = strict(transactions.at(ask.transaction));
      abort(ask.transaction, true);
      return done(c, lasting, is_strict);
    }
    case Ask::renew:
      if (!open_transaction(c)) return fail(c, ErrorCode::conflict);
      set_lease(ask.transaction, ask.lease);
      return say(c, Told::done, any_number);
    case Ask::leases: return run_leases(c);
    case Ask::collect: return run_collect(c);
    case Ask::scan: return run_scan(c);
    case Ask::aggregate: return run_aggregate(c);
    case Ask::statement:
      if (try_statement(c)) return;
      if (ask.wait && ask.timeout == 0) return fail(c, ErrorCode::timeout);
      if (ask.wait) return block(c, ticket, ask.timeout);
      return finish(c, {.told = {.what = Told::ran, .number = ask.courses.size()}});
    case Ask::watch: return run_watch(c);
    case Ask::quota:
      spaces[ask.space].quota = static_cast<std::uint64_t>(ask.quota_tuples);
      dirty.insert(ask.space);
      return say(c, Told::done, any_number);
  }
}

void Model::run_out(const Call& c) {
  const Ask& ask = *c.ask;
  Space& space = spaces[ask.space];
  if (puts_refused) return fail(c, ErrorCode::storage_full);
  const auto more = static_cast<std::int64_t>(ask.puts.size());
  const bool is_ahead = ahead && space.lasting && c.came < 0;
  if (room(ask.space, more) && space.line.empty()) return is_ahead ? write_ahead(c) : put(c);
  const bool never_room = space.quota != 0 && ask.puts.size() > space.quota;
  if (ask.room == 0 || never_room) return fail(c, ErrorCode::limit_exceeded);
  park(c, &Space::line, ask.room);
}

void Model::run_get(const Call& c, const Waiting& ticket) {
  const Ask& ask = *c.ask;
  if (ask.transaction != 0 && !open_transaction(c)) return fail(c, ErrorCode::conflict);
  if (try_get(c)) return;
  if (ask.wait && ask.timeout == 0) return fail(c, ErrorCode::timeout);
  if (ask.wait) return block(c, ticket, ask.timeout);
  if (ask.settle > 0 && conflict(c)) return block(c, ticket, ask.settle);
  none(c);
}

bool Model::try_get(const Call& c) {
  const Orders found = matches(c.ask->space, c.ask->patterns, c.ask->take, c.ask->max);
  if (!found.empty()) give(c, found);
  return !found.empty();
}

void Model::give(const Call& c, const Orders& orders) {
  const Ask& ask = *c.ask;
  const Space& space = spaces[ask.space];
  Applied a{.told = {.what = Told::found}, .lasting = space.lasting, .holds = true, .begun = ask.begins};
  for (Order order : orders) a.told.items.push_back(shown(order));
  if (!ask.take) {
    a.told.session = c.session, a.told.sequence = c.sequence;
    return told.push_back(std::move(a.told));
  }
  if (ask.begins) make_transaction(c, false);
  a.transaction = ask.begins ? name_of(c.session, c.sequence) : ask.transaction;
  a.strict = a.transaction == 0 && space.strict;
  for (Order order : orders) hold(order, a.transaction != 0 ? a.transaction : c.session);
  if (a.transaction != 0) {
    Transaction& t = transactions.at(a.transaction);
    t.lasting |= space.lasting;
    t.taken.insert(orders.begin(), orders.end());
  }
  finish(c, std::move(a));
}

void Model::run_commit(const Call& c) {
  const Ask& ask = *c.ask;
  if (!open_transaction(c)) return fail(c, ErrorCode::conflict);
  Transaction& t = transactions.at(ask.transaction);
  for (const auto* names : {&ask.named, &ask.released})
    for (Order order : *names)
      if (ask.partial && !t.taken.contains(order)) return fail(c, ErrorCode::conflict);
  if (puts_refused && !ask.puts.empty()) return fail(c, ErrorCode::storage_full);
  const Orders gone = ask.partial ? ask.named : Orders(t.taken.begin(), t.taken.end());
  std::map<std::uint16_t, std::int64_t> more;
  for (const Fresh& f : ask.puts) ++more[f.space];
  for (Order order : gone)
    if (auto m = more.find(tuples.at(order).fresh.space); m != more.end()) --m->second;
  for (auto [space, number] : more)
    if (!room(space, number)) return fail(c, ErrorCode::limit_exceeded);
  bool lasting = t.lasting, is_strict = strict(t);
  for (Order order : ask.partial ? ask.released : Orders())
    if (t.taken.erase(order) != 0) release(order, false);
  for (Order order : gone)
    if (t.taken.erase(order) != 0) erase(order);
  if (!ask.partial) end_transaction(ask.transaction);
  for (const Fresh& f : ask.puts) {
    lasting |= spaces[f.space].lasting;
    is_strict |= spaces[f.space].strict;
  }
  put(c);
  done(c, lasting, is_strict);
}

void Model::run_leases(const Call& c) {
  bool lasting = false;
  for (Order order : c.ask->named)
    if (!tuples.contains(order)) return fail(c, ErrorCode::not_found);
  for (Order order : c.ask->named) {
    auto t = tuples.find(order);
    if (t == tuples.end()) continue;  // named twice
    lasting |= spaces[t->second.fresh.space].lasting;
    t->second.lease_until = after(c.ask->lease);
    at(t->second.lease_until, [order](Model& m) { m.expire(order); });
    if (c.ask->lease == 0 && t->second.holder == 0) erase(order, Event::Kind::expired);
  }
  done(c, lasting, lasting, c.ask->named.size());
}

void Model::run_collect(const Call& c) {
  const Ask& ask = *c.ask;
  const Orders found = matches(ask.space, ask.patterns, !ask.copies);
  if (puts_refused && !found.empty()) return fail(c, ErrorCode::storage_full);
  if (!room(ask.to, static_cast<std::int64_t>(found.size()))) return fail(c, ErrorCode::limit_exceeded);
  for (Order order : found) transfer(order, ask.to, ask.copies);
  const auto either = [&](bool Space::*is) { return spaces[ask.to].*is || (!ask.copies && spaces[ask.space].*is); };
  done(c, !found.empty() && either(&Space::lasting), !found.empty() && either(&Space::strict), found.size());
}

// Each once, of those that were there at the first page. Whether a page is the last the engine may learn one later.
void Model::run_scan(const Call& c) {
  const Ask& ask = *c.ask;
  Told page{.session = c.session, .sequence = c.sequence, .what = Told::page, .number = any_number};
  page.until = ask.until != 0 ? ask.until : next_id;
  for (Order order : matches(ask.space, ask.patterns, false)) {
    if ((!ask.named.empty() && order <= ask.named[0]) || (order & ((Order{1} << id_bits) - 1)) >= page.until) continue;
    if (page.items.size() < ask.max) page.items.push_back(shown(order));
    else page.number = 0;
  }
  told.push_back(std::move(page));
}

// Count, sum, least and greatest number for each kind, as two items.
void Model::run_aggregate(const Call& c) {
  std::map<int, std::vector<int>> numbers;
  for (Order order : matches(c.ask->space, c.ask->patterns, false))
    numbers[tuples.at(order).fresh.kind].push_back(tuples.at(order).fresh.number);
  Told rows{.session = c.session, .sequence = c.sequence, .what = numbers.empty() ? Told::found : Told::rows};
  for (auto& [kind, all] : numbers) {
    int sum = 0;
    for (int number : all) sum += number;
    const auto [least, greatest] = std::minmax_element(all.begin(), all.end());
    rows.items.push_back({static_cast<Serial>(all.size()), kind, sum});
    rows.items.push_back({0, *least, *greatest});
  }
  told.push_back(std::move(rows));
}

void Model::run_watch(const Call& call) {
  Space& space = spaces[call.ask->space];
  if (!std::exchange(space.recorded, true)) space.next_event = std::max(space.next_event, epoch << 40);
  if (call.ask->from == 0) return say(call, Told::events, space.next_event);
  Call c = call;
  const std::uint64_t first = space.next_event - space.events.size();
  const bool gap = c.ask->from < first || c.ask->from > space.next_event;
  c.from = std::clamp(c.ask->from, first, space.next_event);
  if (!look_at_events(c, gap, !c.ask->wait || c.ask->timeout == 0)) park(c, &Space::watches, c.ask->timeout);
}

// True: it was answered.
bool Model::look_at_events(Call& c, bool gap, bool answer_always) {
  const Space& space = spaces[c.ask->space];
  const std::uint64_t first = space.next_event - space.events.size();
  Told found{.session = c.session, .sequence = c.sequence, .what = Told::events, .gap = gap};
  for (c.from = std::max(c.from, first); c.from < space.next_event; ++c.from) {
    const Shown& event = space.events[c.from - first];
    const bool wanted = (c.ask->kinds >> event.event & 1) != 0;
    const auto matches_it = [&](const Wanted& p) { return p.matches({event.kind, event.number}); };
    if (wanted && std::any_of(c.ask->patterns.begin(), c.ask->patterns.end(), matches_it)) found.items.push_back(event);
  }
  found.number = c.from;
  if (found.items.empty() && !gap && !answer_always) return false;
  if (gap) found.items.clear();
  told.push_back(std::move(found));
  return true;
}

void Model::end_turn() {
  for (std::uint16_t space : std::exchange(announced, {}))
    for (Place place : std::set(spaces[space].watches)) {
      Call& c = waiters.at(place);
      const bool gap = c.from < spaces[space].next_event - spaces[space].events.size();
      if (look_at_events(c, gap, false)) unlist(c.session, c.sequence);
    }
}

}  // namespace parvis::naive
