// Tuples to another space: by collect, and by the move and copy of a statement.
#include <algorithm>

#include <fmt/format.h>

#include "tuplespace/model/checks.hpp"
#include "tuplespace/space/state.hpp"

namespace parvis::space {

void Engine::State::run(Session& s, Sequence sequence, const Collect& collect) {
  for (const std::string& name : {collect.from, collect.to})
    if (auto refused = refuse_name(name)) return fail(s, sequence, std::move(*refused));
  if (auto refused = refuse_templates(collect.templates)) return fail(s, sequence, std::move(*refused));
  if (collect.from == collect.to && !collect.copy)
    return fail(s, sequence, ErrorCode::protocol_error, "a collect from a space into itself");
  if (s.unconfirmed >= limits.unconfirmed_per_session)
    return fail(s, sequence,
                over("unconfirmed_per_session", limits.unconfirmed_per_session,
                     "too many answers of this session are unconfirmed"));
  const Space* from = spaces.find(collect.from);
  const std::uint64_t seen = from != nullptr ? after_look(*from) : spaces_dropped;
  std::vector<Entry*> entries;
  try {
    const std::vector<Matcher> matchers = matchers_of(collect.templates);
    if (from != nullptr) entries = matches_to_transfer(*from, matchers, collect.copy, max_collect + 1);
    check_transfers(entries.size());
  } catch (const Error& e) {
    return fail(s, sequence, e.code(), e.what(), seen);
  }
  std::vector<Payload> payloads;
  std::vector<Incoming> puts;
  payloads.reserve(entries.size());
  for (const Entry* entry : entries) {
    payloads.emplace_back(entry->bytes.tuple_blob());
    puts.push_back({collect.to, &payloads.back(), 0});
  }
  if (auto refused = refuse(puts)) return fail(s, sequence, std::move(*refused), seen);
  const std::span<Entry* const> gone(entries.data(), collect.copy ? 0 : entries.size());
  if (auto refused = refuse_quota(puts, gone)) return fail(s, sequence, std::move(*refused), seen);

  Durability strictest = Durability::volatile_;
  std::vector<Entry*> arriving;
  if (!entries.empty()) {
    Space& to = use_space(collect.to);
    strictest = collect.copy ? to.durability : std::min(to.durability, from->durability);
    for (Entry* entry : entries) arriving.push_back(&transfer(*entry, to, collect.copy));
  }
  const std::uint64_t after = after_both(strictest, seen);
  const bool lasting = strictest != Durability::volatile_;
  record(s, sequence, {.lasting = lasting, .number = entries.size(), .after = after});
  answer(s, sequence, Done{entries.size()}, after);
  place(arriving);
}

void Engine::State::check_transfers(std::size_t number) {
  checks::within(number, max_collect, "tuples moved or copied in one step", "max_collect", "do it in several steps");
}

// A tuple of its own in the other space, as young as anything put now, in the same order as before. It keeps priority,
// lease and owner, and what was moved also how often it was tried. The caller places it.
Entry& Engine::State::transfer(Entry& entry, Space& to, bool copy) {
  const TupleHead head = head_of(entry.id(), entry.bytes);
  const std::int64_t lease_us = head.lease_until == 0 ? -1 : std::max<std::int64_t>(head.lease_until - wall(), 0);
  const Payload tuple(entry.bytes.tuple_blob());
  Entry& made = create({to, tuple, head.priority, lease_us, 0, head.owner});
  if (copy) return made;
  if (head.attempts != 0) {
    TupleHead tried = head_of(made.id(), made.bytes);
    tried.attempts = made.attempts = head.attempts;
    rewrite(made, tried, made.bytes.tuple());
  }
  erase_tuple(entry);
  return made;
}

}  // namespace parvis::space
