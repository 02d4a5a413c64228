// Who is blocked, on what, since when, and by whom: sessions that hold, in transactions, what the waiter wants.
// Sessions that wait for each other in a circle are told by the number of their circle.
#include <algorithm>

#include <fmt/format.h>

#include "tuplespace/model/text.hpp"
#include "tuplespace/space/state.hpp"

namespace parvis::space {

namespace {

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

std::vector<Engine::State::Blocked> Engine::State::blocked_operations(std::string_view name) {
  std::vector<Blocked> rows;
  waiters.for_each([&](const Waiter& w) {
    std::vector<std::string> names;
    bool wanted = name.empty();
    for (const Space* space : w.spaces()) {
      names.push_back(space->name);
      wanted = wanted || space->name == name;
    }
    if (wanted)
      rows.push_back({w.since, w.session, w.sequence, fmt::format("{}", fmt::join(names, ", ")), w.wish.take,
                      texts_of(w.templates), &w, {}});
  });
  for (const auto& [id, p] : parked) {
    if (!name.empty() && p.space->name != name) continue;
    std::vector<Value> texts = texts_of(p.templates);
    if (!p.is_watch()) texts.emplace_back(fmt::format("room for {} tuples", p.out.tuples.size()));
    rows.push_back({p.since, p.session, p.sequence, p.space->name, false, std::move(texts), nullptr, {}});
  }
  std::sort(rows.begin(), rows.end(), [](const Blocked& a, const Blocked& b) {
    return std::tie(a.since, a.session, a.sequence) < std::tie(b.since, b.session, b.sequence);
  });
  return rows;
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
  for (Blocked& row : rows) {
    if (found.items.size() >= std::min<std::size_t>(list.max, limits.reply_tuples)) break;
    List by;
    for (const SessionId id : row.by) by.items.emplace_back(static_cast<std::int64_t>(id));
    const auto circle = circles.find(row.session);
    const bool in_circle = circle != circles.end() && !row.by.empty();
    found.items.push_back({0, 0, encoded(Tuple{{Value(static_cast<std::int64_t>(row.session)),
                                                Value(sessions.at(row.session)->name), Value(row.space),
                                                Value(row.take), Value(List{std::move(row.templates)}),
                                                Value(static_cast<double>((now - row.since).count()) / 1e6),
                                                Value(std::move(by)),
                                                Value(static_cast<std::int64_t>(in_circle ? circle->second : 0))}})});
  }
  answer(s, sequence, std::move(found), after);
}

}  // namespace parvis::space
