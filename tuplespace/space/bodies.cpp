// What a statement does: worked out first, as Effects, then done.
#include <algorithm>

#include <fmt/format.h>

#include "tuplespace/model/checks.hpp"
#include "tuplespace/space/statements.hpp"

namespace parvis::space {

Engine::State::Effects Engine::State::effects_of(const Branch& branch, const Guard& guard) {
  Effects effects;
  effects.taken.reserve(branch.guard.size());
  for (std::size_t i = 0; i < branch.guard.size(); ++i) {
    if (branch.guard[i].what == Condition::What::absent) continue;
    effects.found.push_back(guard.found()[i]);
    if (branch.guard[i].what == Condition::What::in) effects.taken.push_back(guard.found()[i]);
  }
  for (const Action& action : branch.body) add_effects(action, guard, effects);
  for (const Deed& deed : effects.deeds)
    if (deed.action->what == Action::What::update) std::erase(effects.taken, deed.entry);
  return effects;
}

void Engine::State::add_effects(const Action& action, const Guard& guard, Effects& effects) {
  if (action.what == Action::What::move || action.what == Action::What::copy)
    return add_transfers(action, guard, effects);
  const FormLimits room{limits.tuple_bytes, guard.steps_left()};
  Entry* entry = nullptr;
  ByteVector tuple;
  if (action.what == Action::What::update) {
    entry = guard.found()[action.condition];
    tuple = changed(entry->bytes.tuple(), action.changes, guard.bound(), room);
  } else {
    tuple = instantiated(action.form.flat().span(), guard.bound(), room);
    if (!action.changes.empty()) tuple = changed(tuple, action.changes, guard.bound(), room);
  }
  effects.bytes += tuple.size();
  checks::within(effects.bytes, limits.memory_bytes, "bytes of tuples that a statement makes", "memory_bytes",
                 "make fewer");
  effects.deeds.push_back({&action, entry, Blob::take(std::move(tuple))});
}

// They see what was there before the statement, without what it takes and moves.
void Engine::State::add_transfers(const Action& action, const Guard& guard, Effects& effects) {
  const Space* from = spaces.find(action.space);
  const auto pattern = substituted(action.form.flat().span(), guard.bound(), limits.tuple_bytes);
  if (from == nullptr || !pattern) return;
  std::vector<Matcher> matcher;
  matcher.emplace_back(*pattern);
  std::set<const Entry*> gone(effects.taken.begin(), effects.taken.end());
  for (const Deed& deed : effects.deeds)
    if (deed.action->what == Action::What::move) gone.insert(deed.entry);
  const bool copy = action.what == Action::What::copy;
  std::vector<Entry*> entries = matches_to_transfer(*from, matcher, copy, max_collect + gone.size() + 1);
  std::erase_if(entries, [&](const Entry* entry) { return gone.contains(entry); });
  effects.transfers += entries.size();
  check_transfers(effects.transfers);
  for (Entry* entry : entries) effects.deeds.push_back({&action, entry, entry->bytes.tuple_blob()});
}

std::optional<Failed> Engine::State::refuse(const Effects& effects) {
  std::uint64_t answer_bytes = 0;
  for (const Entry* entry : effects.found) answer_bytes += entry->bytes.size + item_overhead;
  std::vector<Payload> tuples_put;  // an update that does not grow needs no room
  std::vector<Incoming> puts;
  tuples_put.reserve(effects.deeds.size());
  for (const Deed& deed : effects.deeds) {
    const Action& action = *deed.action;
    const bool is_update = action.what == Action::What::update;
    if (is_update) answer_bytes += deed.tuple.size() + item_overhead;
    if (is_update && deed.tuple.size() <= deed.entry->bytes.tuple().size()) continue;
    const std::string_view to = is_update                          ? spaces.at(deed.entry->space).name
                                : action.what == Action::What::out ? action.space
                                                                   : action.to;
    tuples_put.emplace_back(deed.tuple);
    puts.push_back({to, &tuples_put.back(), is_update ? 0 : action.priority});
  }
  if (answer_bytes > limits.message_bytes)
    return over("message_bytes", limits.message_bytes,
                fmt::format("a statement whose answer has {} bytes; take less at a time", answer_bytes));
  if (auto refused = refuse(puts)) return refused;
  std::vector<Entry*> gone = effects.taken;
  for (const Deed& deed : effects.deeds)
    if (deed.action->what == Action::What::move ||
        (deed.action->what == Action::What::update && deed.tuple.size() > deed.entry->bytes.tuple().size()))
      gone.push_back(deed.entry);
  return refuse_quota(puts, gone);
}

// In one step. What it takes is gone for good: the answer, which is kept until it is confirmed, is all that is left.
void Engine::State::perform(Session& s, Sequence sequence, const Statement& statement, const Effects& effects,
                            std::vector<Entry*>& arriving) {
  auto ran = std::make_shared<Ran>();
  ran->branch = effects.branch;
  const std::uint64_t seen = seen_by(statement);
  Durability strictest = Durability::volatile_;  // of the spaces that change
  for (const Entry* entry : effects.found) ran->items.push_back(item_of(*entry));
  for (Entry* entry : effects.taken) {
    strictest = std::min(strictest, spaces.at(entry->space).durability);
    erase_tuple(*entry);
  }
  for (const Deed& deed : effects.deeds) strictest = std::min(strictest, perform(deed, *ran, arriving));

  const std::uint64_t after = after_both(strictest, seen);
  const bool lasting = strictest != Durability::volatile_;
  Applied applied{.kind = Applied::Kind::ran, .lasting = lasting, .ran = ran, .after = after};
  if (lasting) {
    applied.number = new_id();
    changes.put(applied.number, encode(*ran), true);
  }
  record(s, sequence, std::move(applied));
  answer(s, sequence, *ran, after);
}

// Says in what space: the strictest of those that it changed.
Durability Engine::State::perform(const Deed& deed, Ran& ran, std::vector<Entry*>& arriving) {
  const Action& action = *deed.action;
  if (action.what == Action::What::update) {
    update(*deed.entry, deed.tuple.span());
    ran.updated.push_back(item_of(*deed.entry));
    arriving.push_back(deed.entry);
    return spaces.at(deed.entry->space).durability;
  }
  if (action.what == Action::What::out) {
    Space& space = use_space(action.space);
    arriving.push_back(&create({space, deed.tuple, action.priority, action.lease_us}));
    ran.put.push_back(arriving.back()->id());
    return space.durability;
  }
  Space& to = use_space(action.to);
  const bool is_copy = action.what == Action::What::copy;
  const Durability from = is_copy ? Durability::volatile_ : spaces.at(deed.entry->space).durability;
  arriving.push_back(&transfer(*deed.entry, to, is_copy));
  return std::min(from, to.durability);
}

// Another content; id, place, priority, lease and owner stay. The caller places it.
void Engine::State::update(Entry& entry, ByteSpan tuple) {
  remove_from_index(entry);
  rewrite(entry, head_of(entry.id(), entry.bytes), tuple);
  note(entry, Event::Kind::updated);
}

}  // namespace parvis::space
