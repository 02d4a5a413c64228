// Looking, waiting and handing out.
#include <algorithm>

#include <fmt/format.h>

#include "tuplespace/space/state.hpp"

namespace parvis::space {

namespace {
constexpr std::size_t most_kept = 1024;  // bytes of a template
}  // namespace

std::vector<Matcher> matchers_of(const std::vector<Payload>& templates) {
  std::vector<Matcher> matchers;
  matchers.reserve(templates.size());
  for (const Payload& pattern : templates) matchers.emplace_back(pattern.flat().span());
  return matchers;
}

// Who asks again mostly asks the same: workers a farm, a client in a loop.
std::vector<Matcher> Engine::State::matchers_for(const Get& get) {
  if (get.templates.size() == 1 && last_asked.size() == 1 &&
      same_bytes(last_asked.front().bytes(), get.templates.front().flat().span()))
    return std::move(last_asked);
  return matchers_of(get.templates);
}

void Engine::State::keep(std::vector<Matcher>&& matchers) {
  if (matchers.size() == 1 && matchers.front().bytes().size() <= most_kept) last_asked = std::move(matchers);
}

std::optional<Failed> refuse_templates(const std::vector<Payload>& templates) {
  if (templates.empty()) return Failed{ErrorCode::protocol_error, "an operation without a template"};
  if (templates.size() <= max_templates) return std::nullopt;
  return Failed{ErrorCode::limit_exceeded,
                fmt::format("{} templates in one operation; at most {} (max_templates), ask in several operations",
                            templates.size(), max_templates)};
}

Walk Engine::State::candidates(const Space& space, std::span<const Matcher> matchers, Sight sight, Order after) {
  steps_left = limits.steps_per_operation;
  Walk walk(tuples, space, fields, steps_left);
  walk.add(index, matchers, after);
  if (sight == reads) walk.add(blocked, matchers, after);
  return walk;
}

bool Engine::State::find(const Space& space, std::span<const Matcher> matchers, std::uint32_t max, Sight sight,
                         std::vector<Entry*>& found) {
  std::size_t bytes = 0;
  Walk walk = candidates(space, matchers, sight);
  while (Entry* entry = walk.next()) {
    bytes += entry->bytes.size + item_overhead;
    if (!found.empty() && bytes > limits.reply_bytes) return true;
    found.push_back(entry);
    if (found.size() == max) return true;
  }
  return walk.complete();
}

std::vector<Entry*> Engine::State::matches_to_transfer(const Space& from, std::span<const Matcher> matchers, bool copy,
                                                       std::size_t max) {
  std::vector<Entry*> found;
  Walk walk = candidates(from, matchers, copy ? reads : takes);
  while (Entry* entry = found.size() < max ? walk.next() : nullptr) found.push_back(entry);
  if (found.size() == max || walk.complete()) return found;
  const Failed failed = too_many_steps("too many tuples had to be compared to move them", ordering_for(from, matchers));
  throw Error(failed.code, failed.text);
}

void Engine::State::run(Session& s, Sequence sequence, const Get& get) {
  if (auto refused = refuse(s, get)) return fail(s, sequence, std::move(*refused));
  std::vector<Matcher> matchers = matchers_for(get);
  Space* space = spaces.find(get.space);
  const Wish wish{get.take, get.max, get.transaction, get.begin, get.lease_us};
  std::vector<Entry*> found;
  if (space != nullptr && !find(*space, matchers, get.max, get.take ? takes : reads, found))
    return fail(s, sequence, too_many_steps("too many tuples had to be compared", ordering_for(*space, matchers)));
  if (!found.empty()) {
    keep(std::move(matchers));
    return give(s, sequence, wish, *space, found);
  }
  const std::uint64_t after = space != nullptr ? after_look(*space) : spaces_dropped;
  if (!get.wait) {
    steps_left = limits.steps_per_operation;
    const TupleId witness = get.settle_us != 0 && space != nullptr ? witness_for(s.id, *space, matchers) : 0;
    if (witness == 0) {
      keep(std::move(matchers));
      return answer_none(s, sequence, get.take, after);
    }
    Wish settling = wish;
    settling.settling = true;
    if (Waiter* waiter = block(s, sequence, get, settling, std::move(matchers))) watch_witness(*waiter, witness);
    return;
  }
  if (get.timeout_us == 0) return fail(s, sequence, ErrorCode::timeout, "nothing matches", after);
  block(s, sequence, get, wish, std::move(matchers));
}

std::optional<Failed> Engine::State::refuse(const Session& s, const Get& get) const {
  if (auto refused = refuse_name(get.space)) return refused;
  if (auto refused = refuse_templates(get.templates)) return refused;
  if (get.max == 0) return Failed{ErrorCode::protocol_error, "an operation that asks for no tuple at all"};
  if (get.max > limits.reply_tuples)
    return over("reply_tuples", limits.reply_tuples,
                fmt::format("{} tuples in one reply; ask for fewer at a time", get.max));
  if (get.transaction != 0 && own_transaction(s, get.transaction) == nullptr) return conflict(get.transaction);
  if (!get.take) return std::nullopt;
  if (get.transaction != 0 && get.begin)
    return Failed{ErrorCode::protocol_error, "a take inside a transaction cannot begin another"};
  if (get.begin && s.transactions.size() >= limits.transactions_per_session)
    return over("transactions_per_session", limits.transactions_per_session, "too many transactions are open");
  if (s.unconfirmed >= limits.unconfirmed_per_session)
    return over("unconfirmed_per_session", limits.unconfirmed_per_session,
                "too many takes of this session are unconfirmed");
  return std::nullopt;
}

Item Engine::State::item_of(const Entry& entry) const { return {entry.id(), entry.attempts, entry.bytes.tuple_blob()}; }

// Answers a Get with these tuples; a take holds them, for its transaction or until the answer is confirmed.
void Engine::State::give(Session& s, Sequence sequence, const Wish& wish, Space& space,
                         const std::vector<Entry*>& entries) {
  Found found;
  found.items.reserve(entries.size());
  for (const Entry* entry : entries) found.items.push_back(item_of(*entry));
  if (!wish.take) return answer(s, sequence, std::move(found), after_look(space));

  Transaction* t = nullptr;
  if (wish.transaction != 0) t = own_transaction(s, wish.transaction);
  if (wish.begin) t = &make_transaction(s, wish.lease_us, space.lasting());
  // A claim need not wait for the sync: if a loss of power forgets it, its commit finds no transaction. A take inside a
  // transaction that was there before has no such fence: its commit would go through without it.
  const bool claim = wish.begin && space.lasting();
  const std::uint64_t after = after_change(claim ? Durability::relaxed : space.durability);
  Applied applied{
      .kind = wish.begin ? Applied::Kind::claimed : Applied::Kind::found, .lasting = space.lasting(), .after = after};
  applied.tuples.reserve(entries.size());
  for (Entry* entry : entries) {
    hold(*entry, t != nullptr ? t->id : s.id);
    if (t != nullptr) t->taken.insert(entry->id());
    applied.tuples.push_back(entry->id());
  }
  if (t != nullptr) {
    t->lasting = t->lasting || space.lasting();
    if (space.lasting()) touch(*t);
    found.transaction = applied.number = t->id;
  }
  record(s, sequence, std::move(applied));
  answer(s, sequence, std::move(found), after);
}

// Null: it was refused.
Waiter* Engine::State::block(Session& s, Sequence sequence, const Get& get, const Wish& wish,
                             std::vector<Matcher> matchers) {
  std::size_t bytes = 0;
  for (const Matcher& matcher : matchers) bytes += 2 * matcher.bytes().size();
  if (auto refused = refuse_to_block(s, bytes)) {
    fail(s, sequence, std::move(*refused));
    return nullptr;
  }
  Waiter waiter;
  waiter.space = &space_to_wait_in(get.space);
  waiter.wish = wish;
  waiter.templates = std::move(matchers);
  return &enlist(s, sequence, std::move(waiter), {get.ticket_epoch, get.ticket},
                 wish.settling ? get.settle_us : get.timeout_us);
}

std::optional<Failed> Engine::State::refuse_to_block(const Session& s, std::size_t bytes) const {
  if (waiters.size() + parked.size() >= limits.waiters)
    return over("waiters", limits.waiters, "too many operations are blocked in this server");
  if (s.waiting.size() + s.parked.size() >= limits.waiters_per_session)
    return over("waiters_per_session", limits.waiters_per_session, "too many operations of this session are blocked");
  if (memory_bytes() + bytes > limits.memory_bytes)
    return over("memory_bytes", limits.memory_bytes, "no memory is left for more blocked operations");
  return std::nullopt;
}

Space& Engine::State::space_to_wait_in(std::string_view name) {
  Space* space = spaces.find(name);
  return space != nullptr ? *space : spaces.make(std::string(name), new_id(), default_durability);
}

// `shown`: a ticket from before a reconnect or restart keeps its place; one that was never given out is no ticket.
Waiter& Engine::State::enlist(Session& s, Sequence sequence, Waiter waiter, const Ticket& shown,
                              std::int64_t timeout_us) {
  waiter.session = s.id;
  waiter.sequence = sequence;
  waiter.since = now;
  const bool genuine = shown.epoch != 0 && shown < Ticket{meta.epoch, next_ticket};
  waiter.ticket = genuine ? shown : Ticket{meta.epoch, next_ticket++};
  Waiter& w = waiters.add(std::move(waiter));
  s.waiting.emplace(sequence, &w);
  if (w.wish.transaction != 0) transactions.at(w.wish.transaction)->waiting.insert(sequence);
  set_deadline(time_after(timeout_us), Deadline::Kind::waiter, w.id);

  Reply& reply = replies.emplace_back();
  reply.session = s.id;
  reply.sequence = sequence;
  reply.answer = Waiting{w.ticket.epoch, w.ticket.number};
  reply.lazy = true;
  return w;
}

void Engine::State::finish(Waiter& waiter) {
  Session& s = *sessions.at(waiter.session);
  const Sequence sequence = waiter.sequence;
  const Wish wish = waiter.wish;
  Space& space = *waiter.space;
  const std::vector<Entry*> handed = std::move(waiter.handed);
  end_waiting(waiter);
  give(s, sequence, wish, space, handed);
}

void Engine::State::end_waiting(Waiter& waiter) {
  const std::vector<Space*> waited_in = waiter.spaces();
  sessions.at(waiter.session)->waiting.erase(waiter.sequence);
  if (waiter.wish.transaction != 0) transactions.at(waiter.wish.transaction)->waiting.erase(waiter.sequence);
  if (waiter.wish.settling) forget_witness(waiter);
  waiters.remove(waiter);
  for (Space* space : waited_in) spaces.release_if_unused(*space);
}

void Engine::State::end_waiting(Waiter& waiter, ErrorCode code, std::string text) {
  std::uint64_t after = 0;
  for (const Space* space : waiter.spaces()) after = std::max(after, after_look(*space));
  fail(*sessions.at(waiter.session), waiter.sequence, code, std::move(text), after);
  end_waiting(waiter);
}

}  // namespace parvis::space
