// Who is blocked, on what, since when, and by whom: sessions that hold, in transactions, what the waiter wants.
// Sessions that wait for each other in a circle are told by the number of their circle.
#include <algorithm>

#include <fmt/format.h>

#include "tuplespace/model/text.hpp"
#include "tuplespace/space/state.hpp"

namespace parvis::space {

namespace {

constexpr std::size_t most_rows_of_waiters = 10'000;

using Edges = std::map<SessionId, std::set<SessionId>>;

// Appends the sessions that can be reached, each behind all that it reaches.
void visit(const Edges& edges, SessionId first, std::set<SessionId>& seen, std::vector<SessionId>& finished) {
  struct Step {
    SessionId id;
    std::set<SessionId>::const_iterator at, end;
  };
  static const std::set<SessionId> nobody;
  std::vector<Step> path;
  const auto enter = [&](SessionId id) {
    if (!seen.insert(id).second) return;
    const auto found = edges.find(id);
    const std::set<SessionId>& next = found == edges.end() ? nobody : found->second;
    path.push_back({id, next.begin(), next.end()});
  };
  for (enter(first); !path.empty();) {
    Step& step = path.back();
    if (step.at == step.end) {
      finished.push_back(step.id);
      path.pop_back();
    } else {
      enter(*step.at++);
    }
  }
}

// By session: the number of its circle of two or more, from 1 on. (Kosaraju: forwards for the order, then backwards.)
std::map<SessionId, std::uint64_t> circles_of(const Edges& edges) {
  std::set<SessionId> seen;
  std::vector<SessionId> order;
  Edges reversed;
  for (const auto& [id, to] : edges) {
    visit(edges, id, seen, order);
    for (const SessionId other : to) reversed[other].insert(id);
  }
  seen.clear();
  std::map<SessionId, std::uint64_t> circles;
  std::uint64_t number = 0;
  for (auto id = order.rbegin(); id != order.rend(); ++id) {
    std::vector<SessionId> members;
    visit(reversed, *id, seen, members);
    if (members.size() < 2) continue;
    ++number;
    for (const SessionId member : members) circles[member] = number;
  }
  return circles;
}

std::vector<Value> texts_of(std::span<const Matcher> templates) {
  std::vector<Value> texts;
  for (const Matcher& matcher : templates)
    texts.emplace_back(to_text(decode_template(Blob::borrowed(matcher.bytes()))));
  return texts;
}

}  // namespace

std::set<SessionId> Engine::State::blockers_of(const Space& space, std::span<const Matcher> templates) {
  std::set<SessionId> sessions_holding;
  for (IdList::Cursor at(space.away); at && steps_left > 0; at.next(), --steps_left) {
    const Entry& entry = *tuples.find(id_of(*at));
    const auto holder = transactions.find(entry.holder);
    if (holder == transactions.end() || sessions_holding.contains(holder->second->session)) continue;
    fields.split(entry.bytes.tuple());
    if (std::any_of(templates.begin(), templates.end(), [&](const Matcher& m) { return m.matches(fields.values); }))
      sessions_holding.insert(holder->second->session);
  }
  return sessions_holding;
}

std::vector<Engine::State::Blocked> Engine::State::blocked_operations(std::string_view name) const {
  std::vector<Blocked> rows;
  waiters.for_each([&](const Waiter& w) {
    const std::vector<Space*> waits_in = w.spaces();
    const auto is_asked_for = [&](const Space* space) { return name.empty() || space->name == name; };
    if (std::any_of(waits_in.begin(), waits_in.end(), is_asked_for))
      rows.push_back({w.since, w.session, w.sequence, &w, nullptr, {}});
  });
  for (const auto& [id, p] : parked)
    if (name.empty() || p.space_name() == name) rows.push_back({p.since, p.session, p.sequence, nullptr, &p, {}});
  std::sort(rows.begin(), rows.end(), [](const Blocked& a, const Blocked& b) {
    return std::tie(a.since, a.session, a.sequence) < std::tie(b.since, b.session, b.sequence);
  });
  return rows;
}

Item Engine::State::row_of(const Blocked& row, std::uint64_t circle) const {
  List templates, by;
  std::string space;
  if (row.waiter != nullptr) {
    templates.items = texts_of(row.waiter->templates);
    for (const Space* s : row.waiter->spaces()) space += (space.empty() ? "" : ", ") + s->name;
  } else {
    templates.items = texts_of(row.parked->templates);
    if (!row.parked->ahead.empty() && row.parked->is_again()) templates.items.emplace_back("the disk");
    else if (!row.parked->is_watch() && !row.parked->is_again())
      templates.items.emplace_back(fmt::format("room for {} tuples", row.parked->out.tuples.size()));
    space = row.parked->space_name();
  }
  for (const SessionId id : row.by) by.items.emplace_back(static_cast<std::int64_t>(id));
  const bool take = row.waiter != nullptr && row.waiter->wish.take;
  const double seconds = static_cast<double>((now - row.since).count()) / 1e6;
  return {0, 0,
          encoded(Tuple{{Value(static_cast<std::int64_t>(row.session)), Value(sessions.at(row.session)->name),
                         Value(std::move(space)), Value(take), Value(std::move(templates)), Value(seconds),
                         Value(std::move(by)), Value(static_cast<std::int64_t>(circle))}})};
}

void Engine::State::run(Session& s, Sequence sequence, const ListWaiters& list) {
  if (!list.space.empty())
    if (auto refused = refuse_name(list.space)) return fail(s, sequence, std::move(*refused));
  std::vector<Blocked> rows = blocked_operations(list.space);
  steps_left = limits.steps_per_operation;
  Edges edges;
  for (Blocked& row : rows) {
    if (row.waiter == nullptr) continue;
    for (const Space* space : row.waiter->spaces()) row.by.merge(blockers_of(*space, row.waiter->templates));
    if (!row.by.empty()) edges[row.session].insert(row.by.begin(), row.by.end());
  }
  const auto circles = circles_of(edges);
  Found found;
  std::uint64_t after = 0;
  for (const auto& [name, space] : spaces.by_name()) after = std::max(after, after_look(*space));
  rows.resize(std::min<std::size_t>({rows.size(), list.max, most_rows_of_waiters}));
  for (const Blocked& row : rows) {
    const auto circle = circles.find(row.session);
    found.items.push_back(row_of(row, circle == circles.end() || row.by.empty() ? 0 : circle->second));
  }
  answer(s, sequence, std::move(found), after);
}

}  // namespace parvis::space
