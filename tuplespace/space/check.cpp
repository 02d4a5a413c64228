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
  tuples.for_each([&](const Entry& entry) {
    check_entry(entry, parts);
    ++entries[entry.space];
    total += entry.bytes.size;
    if (!entry.is(Entry::ready)) return;
    ++ready[entry.space];
    bytes[entry.space] += entry.bytes.size;
  });
  require(total == tuples.tuple_bytes(), "bytes of tuples are counted wrongly", total);
  for (const auto& [name, space] : spaces.by_name()) {
    require(space->entries == entries[space->slot], "tuples of a space are counted wrongly", space->id);
    require(space->ready == ready[space->slot], "ready tuples of a space are counted wrongly", space->id);
    require(space->bytes == bytes[space->slot], "bytes of a space are counted wrongly", space->id);
    require(space->recorded || space->waiters != 0, "a space nobody uses was kept", space->id);
  }
  check_holders();
  check_statements();
}

void Engine::State::check_statements() const {
  require(offers.empty() && woken.empty(), "somebody is still to be served", offers.size() + woken.size());
  waiters.for_each([&](const Waiter& w) {
    if (!w.statement) return;
    std::span<const Matcher> templates = w.templates;
    for (const Branch& branch : w.statement->branches) {
      Guard guard(branch.guard, templates.first(branch.guard.size()), index, tuples, spaces, limits,
                  limits.steps_per_operation);
      require(guard.run() != Guard::Result::holds, "a statement waits although it could run", w.id);
      templates = templates.subspan(branch.guard.size());
    }
  });
}

void Engine::State::check_entry(const Entry& entry, Fields& parts) const {
  const Space& space = spaces.at(entry.space);
  const bool is_ready = entry.is(Entry::ready);
  require(is_ready + entry.is(Entry::delayed) + (entry.holder != 0) == 1, "a tuple is not in exactly one state",
          entry.id());
  parts.split_and_hash(entry.bytes.tuple());
  require(index.contains(space.id, entry.order, parts) == is_ready, "the index and a tuple disagree", entry.id());
  if (is_ready && !space.dropped) check_waiters(entry, parts);
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
