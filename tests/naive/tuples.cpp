// In the model: tuples come, are held and go, and who waits for that.
#include <algorithm>

#include "tests/naive/model.hpp"

namespace parvis::naive {

Model::Order Model::create(const Fresh& fresh, Micros lease_until, Micros visible_at, SessionId owner, int group) {
  if (ever.size() <= fresh.serial) ever.resize(fresh.serial + 1024);
  if (ever[fresh.serial] && spaces[fresh.space].lasting)
    throw Violation("tuple " + std::to_string(fresh.serial) + " is put a second time");
  ever[fresh.serial] = true;
  const Order order = static_cast<Order>(max_priority - fresh.priority) << id_bits | next_id++;
  const bool delayed = visible_at > 0;
  const Tuple& t = tuples[order] = {fresh, order, 0, owner, 0, lease_until, visible_at, delayed, group};
  spaces[fresh.space].tuples.insert(order);
  dirty.insert(fresh.space);
  if (!delayed) note(t, Event::Kind::put);
  at(lease_until, [order](Model& m) { m.expire(order); });
  if (delayed) at(t.visible_at, [order](Model& m) { m.appear(order); });
  return order;
}

void Model::put(const Call& c) {
  const Ask& ask = *c.ask;
  const Micros from = c.came < 0 ? now : c.came;
  const Micros lease_until = ask.lease < 0 ? never : from + ask.lease;
  const Micros visible_at = ask.delay > 0 ? from + ask.delay : 0;
  for (const Fresh& f : ask.puts) create(f, lease_until, visible_at, ask.owned ? c.session : 0, ask.group);
  if (ask.what == Ask::out) done(c, spaces[ask.space].lasting, spaces[ask.space].strict);
}

// As young as anything put now. A copy was never tried; neither is in a group any more.
void Model::transfer(Order order, std::uint16_t to, bool copy) {
  const Tuple t = tuples.at(order);
  touched.push_back(t.fresh.serial);
  Fresh fresh = t.fresh;
  fresh.space = to;
  ever[fresh.serial] = false;
  const Order made = create(fresh, t.lease_until, 0, t.owner, 0);
  if (copy) return;
  tuples.at(made).attempts = t.attempts;
  erase(order);
}

void Model::hold(Order order, std::uint64_t holder) {
  Tuple& t = tuples.at(order);
  t.holder = holder;
  dirty.insert(t.fresh.space);
  if (!transactions.contains(holder)) note(t, Event::Kind::taken);
}

void Model::release(Order order, bool tried) {
  Tuple& t = tuples.at(order);
  const bool delivered = !transactions.contains(t.holder);
  t.holder = 0;
  dirty.insert(t.fresh.space);
  if (t.lease_until <= now || (t.owner != 0 && !sessions.contains(t.owner)))
    return erase(order, delivered ? std::nullopt : std::optional(Event::Kind::expired));
  t.attempts += tried ? 1 : 0;
  if (delivered) note(t, Event::Kind::returned);
}

void Model::erase(Order order, std::optional<Event::Kind> event) {
  const Tuple& t = tuples.at(order);
  const bool delivered = t.holder != 0 && !transactions.contains(t.holder);
  if (event && !delivered && !t.delayed) note(t, *event);
  spaces[t.fresh.space].tuples.erase(order);
  dirty.insert(t.fresh.space);
  tuples.erase(order);
}

void Model::expire(Order order) {
  const auto t = tuples.find(order);
  if (t != tuples.end() && t->second.holder == 0 && t->second.lease_until <= now) erase(order, Event::Kind::expired);
}

void Model::appear(Order order) {
  const auto t = tuples.find(order);
  if (t == tuples.end() || !std::exchange(t->second.delayed, false)) return;
  dirty.insert(t->second.fresh.space);
  note(t->second, Event::Kind::put);
}

Shown Model::shown(Order order) const {
  const Tuple& t = tuples.at(order);
  return {t.fresh.serial, t.fresh.kind, t.fresh.number, t.attempts, 0, order};
}

void Model::note(const Tuple& t, Event::Kind kind) {
  Space& space = spaces[t.fresh.space];
  if (!space.recorded) return;
  Shown& event = space.events.emplace_back(shown(t.order));
  event.event = static_cast<int>(kind);
  ++space.next_event;
  if (space.events.size() > event_count) space.events.pop_front();
  announced.insert(t.fresh.space);
}

// Everything counts but what was delivered and is not confirmed.
bool Model::room(std::uint16_t space, std::int64_t more) const {
  const Space& s = spaces[space];
  if (s.quota == 0 || more <= 0) return true;
  return std::count_if(s.tuples.begin(), s.tuples.end(),
                       [&](Order order) {
                         const std::uint64_t holder = tuples.at(order).holder;
                         return holder == 0 || transactions.contains(holder);
                       }) +
             more <=
         static_cast<std::int64_t>(s.quota);
}

// Of its group it is the oldest that has come, and none is held.
bool Model::takeable(const Tuple& t) const {
  if (!t.visible() || t.group == 0) return t.visible();
  const auto id = [](Order order) { return order & ((Order{1} << id_bits) - 1); };
  const auto& all = spaces[t.fresh.space].tuples;
  return std::none_of(all.begin(), all.end(), [&](Order order) {
    const Tuple& other = tuples.at(order);
    return other.group == t.group && (other.holder != 0 || (!other.delayed && id(order) < id(t.order)));
  });
}

Model::Orders Model::matches(std::uint16_t space, const std::vector<Wanted>& patterns, bool take,
                             std::size_t max) const {
  Orders found;
  for (Order order : spaces[space].tuples) {
    if (found.size() == max) break;
    const Tuple& t = tuples.at(order);
    if (std::any_of(patterns.begin(), patterns.end(), [&](const Wanted& p) { return p.matches(t.fresh); }) &&
        (take ? takeable(t) : t.visible()))
      found.push_back(order);
  }
  return found;
}

// Somebody else's transaction holds a match.
bool Model::conflict(const Call& c) const {
  const auto& all = spaces[c.ask->space].tuples;
  return std::any_of(all.begin(), all.end(), [&](Order order) {
    const Tuple& t = tuples.at(order);
    const auto holder = transactions.find(t.holder);
    return holder != transactions.end() && holder->second.session != c.session &&
           std::any_of(c.ask->patterns.begin(), c.ask->patterns.end(), [&](auto& p) { return p.matches(t.fresh); });
  });
}

// Whoever can go on does: first those that only read, then always the longest waiting; then outs that have room now.
void Model::settle() {
  while (serve(false) || serve(true) || admit()) {
  }
  for (std::uint16_t space : std::set(dirty))
    for (Place place : std::set(spaces[space].blocked)) {
      const Call c = waiters.at(place);
      if (c.ask->what != Ask::get || c.ask->wait || conflict(c)) continue;
      unlist(c.session, c.sequence);
      none(c);
    }
  dirty.clear();
}

bool Model::serve(bool takers) {
  std::set<Place> places;
  for (std::uint16_t space : dirty) places.insert(spaces[space].blocked.begin(), spaces[space].blocked.end());
  for (Place place : places) {
    const Call c = waiters.at(place);
    const bool takes = c.ask->take || c.ask->what == Ask::statement;
    if (takes != takers || !(c.ask->what == Ask::get ? try_get(c) : try_statement(c))) continue;
    unlist(c.session, c.sequence);
    return true;
  }
  return false;
}

bool Model::admit() {
  for (std::uint16_t space : dirty) {
    if (spaces[space].line.empty()) continue;
    const Call c = waiters.at(*spaces[space].line.begin());
    if (!room(space, static_cast<std::int64_t>(c.ask->puts.size()))) continue;
    unlist(c.session, c.sequence);
    puts_refused ? fail(c, ErrorCode::storage_full) : put(c);
    return true;
  }
  return false;
}

std::set<std::uint16_t> Model::spaces_of(const Ask& ask) {
  if (ask.what != Ask::statement) return {ask.space};
  std::set<std::uint16_t> all;
  for (const Course& course : ask.courses)
    for (const Guarded& g : course.guard) all.insert(g.space);
  return all;
}

void Model::block(const Call& c, const Waiting& ticket, Micros timeout) {
  const bool genuine = ticket.epoch != 0 && std::pair(ticket.epoch, ticket.ticket) < std::pair(epoch, next_ticket);
  const Place place{genuine ? ticket.epoch : epoch, genuine ? ticket.ticket : next_ticket++, next_waiter++};
  waiters.emplace(place, c);
  for (std::uint16_t space : spaces_of(*c.ask)) spaces[space].blocked.insert(place);
  sessions.at(c.session).waiting.emplace(c.sequence, place);
  at(after(timeout), [place](Model& m) { m.time_out(place); });
  say(c, Told::waiting, place.ticket);
}

void Model::park(const Call& c, std::set<Place> Space::*line, Micros timeout) {
  const Place place{0, 0, next_waiter++};
  waiters.emplace(place, c);
  (spaces[c.ask->space].*line).insert(place);
  sessions.at(c.session).waiting.emplace(c.sequence, place);
  at(after(timeout), [place](Model& m) { m.time_out(place); });
}

void Model::write_ahead(const Call& c) {
  const Place place{0, 0, next_waiter++};
  waiters.emplace(place, c).first->second.came = now;
  sessions.at(c.session).waiting.emplace(c.sequence, place);
  asked_ahead.push_back(place);
}

void Model::written_ahead(Place place, std::optional<ErrorCode> failed) {
  const auto found = waiters.find(place);
  if (found == waiters.end()) return;  // who asked has left
  const Call c = *unlist(found->second.session, found->second.sequence);
  failed ? fail(c, *failed) : run_out(c);
  settle();
}

std::optional<Model::Call> Model::unlist(SessionId id, Sequence n) {
  const auto session = sessions.find(id);
  if (session == sessions.end() || !session->second.waiting.contains(n)) return std::nullopt;
  const Place place = session->second.waiting.extract(n).mapped();
  Call c = std::move(waiters.extract(place).mapped());
  for (std::uint16_t space : spaces_of(*c.ask)) {
    for (auto* line : {&spaces[space].blocked, &spaces[space].line, &spaces[space].watches}) line->erase(place);
    dirty.insert(space);
  }
  return c;
}

void Model::time_out(Place place) {
  const auto found = waiters.find(place);
  if (found == waiters.end()) return;
  const Call c = found->second;
  unlist(c.session, c.sequence);
  if (c.ask->what == Ask::watch) return say(c, Told::events, c.from);
  if (c.ask->what == Ask::get && !c.ask->wait) return none(c);
  fail(c, ErrorCode::timeout);
}

}  // namespace parvis::naive
