// What must be true between two calls. Tests call it after every step; it looks at everything.
#include <stdexcept>

#include <fmt/format.h>

#include "tuplespace/space/state.hpp"

namespace parvis::space {

namespace {
void require(bool truth, const char* what, std::uint64_t id) {
  if (!truth) throw std::logic_error(fmt::format("the engine contradicts itself: {} ({})", what, id));
}
}  // namespace

void Engine::State::check() const {
  Fields parts;
  std::map<std::uint32_t, std::uint64_t> entries, ready, bytes;
  std::uint64_t total = 0;
  std::size_t ordered = 0, ordered_behind = 0;
  tuples.for_each([&](const Entry& entry) {
    check_entry(entry, parts);
    const OrderedIndexes::Where where(spaces.at(entry.space).id, parts.values.size());
    if (entry.is(Entry::ready)) ordered += index.ordered().places(where, entry.order, parts);
    if (entry.is(Entry::behind)) ordered_behind += blocked.ordered().places(where, entry.order, parts);
    ++entries[entry.space];
    total += entry.bytes.size;
    if (!entry.can_be_seen()) return;
    ++ready[entry.space];
    bytes[entry.space] += entry.bytes.size;
  });
  require(total == tuples.tuple_bytes(), "bytes of tuples are counted wrongly", total);
  for (const auto& [name, space] : spaces.by_name()) {
    require(space->entries == entries[space->slot], "tuples of a space are counted wrongly", space->id);
    require(space->ready == ready[space->slot], "ready tuples of a space are counted wrongly", space->id);
    require(space->bytes == bytes[space->slot], "bytes of a space are counted wrongly", space->id);
    require(space->census.total() == space->ready && (!space->census.exact() || space->census.sum() == space->ready),
            "the census of a space is wrong", space->id);
    require(space->recorded || space->waiters != 0, "a space nobody uses was kept", space->id);
  }
  require(index.ordered().entries() == ordered && blocked.ordered().entries() == ordered_behind,
          "an ordered index holds what is not there", ordered);
  require(index.ordered().sound() && blocked.ordered().sound(), "an ordered index is not sound", ordered);
  check_holders();
  check_statements();
  check_accounts();
}

void Engine::State::check_group(const Entry& entry) const {
  const TupleHead head = head_of(entry.id(), entry.bytes);
  const auto found = groups.find(GroupName(head.space, as_text(head.group)));
  if (entry.is(Entry::delayed)) return;
  require(found != groups.end(), "a tuple's group is not there", entry.id());
  const Group& group = found->second;
  require(group.held <= 1 && (group.held == 0 || group.head == 0), "more than one of a group is held", entry.id());
  require(group.head == group.first(), "the head of a group is not its oldest", entry.id());
  require(entry.is(Entry::ready) == (group.head == entry.id()), "a tuple is ready before its turn", entry.id());
  require((entry.holder != 0) == !group.members.contains(entry.id()), "a group and its tuple disagree", entry.id());
}

void Engine::State::check_accounts() const {
  struct Account {
    std::uint64_t used = 0, bytes = 0, held = 0, away = 0;
  };
  std::map<std::uint32_t, Account> accounts;
  tuples.for_each([&](const Entry& entry) {
    Account& account = accounts[entry.space];
    account.held += entry.holder != 0 ? 1 : 0;
    account.away += entry.can_be_seen() ? 0 : 1;
    if (delivered(entry)) return;
    ++account.used;
    account.bytes += entry.bytes.tuple().size();
  });
  std::size_t parked_here = 0, parked_by = 0;
  for (const auto& [name, space] : spaces.by_name()) {
    const Account& account = accounts[space->slot];
    require(space->used == account.used && space->used_bytes == account.bytes, "a quota is counted wrongly", space->id);
    require(space->held == account.held, "held tuples are counted wrongly", space->id);
    require(space->away.size() == account.away, "tuples that are away are counted wrongly", space->id);
    const bool has_quota = space->quota_tuples + space->quota_bytes != 0;
    require(has_quota || space->outs.empty(), "an out waits for no quota", space->id);
    parked_here += space->outs.size() + space->watches.size();
    if (const EventLog* log = space->log.get())
      require(log->next - log->first == log->events.size(), "events have a hole", space->id);
  }
  for (const auto& [id, session] : sessions) parked_by += session->parked.size();
  parked_here += looks.size() + writing.size();
  require(parked_here == parked.size() && parked_by == parked.size(), "a blocked operation is nobody's", parked.size());
  require(changed_groups.empty() && roomy.empty() && unsettled.empty(), "something is still to be settled", 0);
}

void Engine::State::check_statements() const {
  require(offers.empty() && woken.empty(), "somebody is still to be served", offers.size() + woken.size());
  waiters.for_each([&](const Waiter& w) {
    if (!w.statement) return;
    std::span<const Matcher> templates = w.templates;
    for (const Branch& branch : w.statement->branches) {
      Guard guard(branch.guard, templates.first(branch.guard.size()), index, blocked, tuples, spaces, limits,
                  limits.steps_per_operation);
      require(guard.run() != Guard::Result::holds, "a statement waits although it could run", w.id);
      templates = templates.subspan(branch.guard.size());
    }
  });
}

void Engine::State::check_entry(const Entry& entry, Fields& parts) const {
  const Space& space = spaces.at(entry.space);
  const bool is_ready = entry.is(Entry::ready);
  const bool is_behind = entry.is(Entry::behind);
  require(is_ready + is_behind + entry.is(Entry::delayed) + (entry.holder != 0) == 1,
          "a tuple is not in exactly one state", entry.id());
  parts.split_and_hash(entry.bytes.tuple());
  require(index.contains(space.id, entry.order, parts) == is_ready, "the index and a tuple disagree", entry.id());
  require(blocked.contains(space.id, entry.order, parts) == is_behind, "the other index and a tuple disagree",
          entry.id());
  require(space.away.contains(entry.order) == !entry.can_be_seen(), "a tuple is away and can be seen", entry.id());
  if (entry.is(Entry::grouped)) check_group(entry);
  if (entry.can_be_seen() && !space.dropped) check_waiters(entry, parts);
  if (entry.holder == 0) return;
  auto transaction = transactions.find(entry.holder);
  if (transaction != transactions.end())
    return require(transaction->second->taken.contains(entry.id()), "a tuple's holder does not know of it", entry.id());
  auto session = sessions.find(entry.holder);
  require(session != sessions.end(), "a tuple is held by nobody", entry.id());
  std::size_t times = 0;
  for (const auto& [sequence, applied] : session->second->applied)
    if (applied.has_tuples() && applied.number == 0)
      for (TupleId id : applied.tuples) times += id == entry.id() ? 1 : 0;
  require(times == 1, "a tuple is not delivered exactly once", entry.id());
}

void Engine::State::check_waiters(const Entry& entry, const Fields& parts) const {
  waiters.for_each([&](const Waiter& w) {
    if (w.statement || w.space->slot != entry.space) return;
    if (w.wish.take && entry.is(Entry::behind)) return;
    for (const Matcher& matcher : w.templates)
      require(!matcher.matches(parts.values), "somebody waits for a tuple that is there", entry.id());
  });
}

void Engine::State::check_holders() const {
  for (const auto& [id, t] : transactions) {
    require(sessions.contains(t->session) && sessions.at(t->session)->transactions.contains(id),
            "a transaction is nobody's", id);
    for (TupleId tuple : t->taken)
      require(tuples.find(tuple) != nullptr && tuples.find(tuple)->holder == id,
              "a claim names a tuple it does not hold", id);
    for (Sequence sequence : t->waiting)
      require(sessions.at(t->session)->waiting.contains(sequence), "a transaction waits for nothing", id);
  }
  std::size_t waiting = 0;
  std::uint64_t kept = 0;
  for (const auto& [id, s] : sessions) {
    waiting += s->waiting.size();
    std::size_t unconfirmed = 0;
    for (const auto& [sequence, applied] : s->applied) {
      unconfirmed += applied.weight();
      kept += applied.kept_bytes();
      require(sequence > s->confirmed, "a confirmed answer was kept", sequence);
      require(!s->waiting.contains(sequence), "an answered operation waits", sequence);
      if (!applied.has_tuples() || applied.number != 0) continue;
      for (TupleId tuple : applied.tuples)
        require(tuples.find(tuple) != nullptr && tuples.find(tuple)->holder == id, "a delivered tuple is elsewhere",
                tuple);
    }
    require(unconfirmed == s->unconfirmed, "unconfirmed answers are counted wrongly", id);
    require(s->attached || s->waiting.empty(), "somebody who is away waits", id);
    for (TupleId tuple : s->owned) require(tuples.find(tuple) != nullptr, "an owned tuple is gone", tuple);
  }
  require(waiting == waiters.size(), "a waiter is nobody's", waiting);
  require(kept == kept_bytes, "bytes of answers are counted wrongly", kept);
}

}  // namespace parvis::space
