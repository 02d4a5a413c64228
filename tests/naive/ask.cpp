#include "tests/naive/ask.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "tuplespace/model/codec.hpp"
#include "tuplespace/model/text.hpp"

namespace parvis::naive {

namespace {

const std::string kind_names[] = {"apple", "pear", "plum"};
const char* const what_asked[] = {"out",    "get",     "count", "begin",     "commit",    "abort", "renew",
                                  "leases", "collect", "scan",  "aggregate", "statement", "watch", "quota"};
const char* const what_guarded[] = {"in", "rd", "absent"};
const char* const what_told[] = {"done", "found", "rows", "page", "ran", "events", "failed", "waiting"};

// Several forms of template, so that every path of the index is taken: by the first field, by both, by none, by
// ranges.
Blob template_of(const Wanted& p) {
  static std::map<std::tuple<int, int, bool>, Blob> known;
  Blob& blob = known[{p.kind, p.number, p.range}];
  if (blob.size() != 0) return blob;
  Template t;
  t.fields.push_back({Any{}});
  if (p.kind >= 0) t.fields[0].variant = Value(kind_names[p.kind]);
  if (p.kind >= 0 && p.number < 0) {
    t.open = true;
  } else {
    t.fields.push_back({Any{}});
    if (p.number >= 0) t.fields[1].variant = Value(int{p.number});
    t.fields.push_back({Formal{Type::integer}});
  }
  if (p.range && p.number >= 0) {
    t.fields[1].variant = Between{Value(int{p.number}), Value(p.number + 1)};
    if (p.kind >= 0) t.fields[0].variant = Prefix{Value(kind_names[p.kind].substr(0, 2))};
  }
  return blob = encoded(t);
}

std::string fields_of(const Fresh& f, const std::string& number) {
  return fmt::format("(\"{}\", {}, {})", kind_names[f.kind], number, f.serial);
}

Blob tuple_of(const Fresh& f) {
  return encoded(Tuple{{Value(kind_names[f.kind]), Value(int{f.number}), Value(std::int64_t{f.serial})}});
}

Blob form(const std::string& text) { return encoded(parse_template(text)); }

Branch branch_of(const Course& course, Micros lease) {
  Branch branch;
  for (const Guarded& g : course.guard) {
    Blob pattern = template_of(g.pattern);
    if (g.joins)
      pattern = form(fmt::format("({}, ?n:int, ?)", g.pattern.kind < 0 ? "?" : '"' + kind_names[g.pattern.kind] + '"'));
    branch.guard.push_back({g.what, space_name(g.space), pattern});
  }
  if (course.to >= 0)
    branch.body.push_back({course.copies ? Action::What::copy : Action::What::move,
                           space_name(static_cast<std::size_t>(course.moves_from)),
                           space_name(static_cast<std::size_t>(course.to)),
                           0,
                           template_of(course.moved),
                           {}});
  if (course.updates >= 0) {
    const std::string operand = course.by_variable ? "(?n:,)" : fmt::format("({},)", course.operand);
    branch.body.push_back({Action::What::update,
                           {},
                           {},
                           static_cast<std::uint32_t>(course.updates),
                           {},
                           {{1, course.how, form(operand)}}});
  }
  for (const Fresh& f : course.puts) {
    const std::string fields = fields_of(f, f.computed ? "?n:" : std::to_string(f.number));
    Action out{Action::What::out, space_name(f.space), {}, 0, form(fields), {}, lease, f.priority};
    if (f.computed) out.changes = {{1, Change::How::add, form("(1,)")}};
    branch.body.push_back(std::move(out));
  }
  return branch;
}

std::vector<TupleId> ids(const std::vector<std::uint64_t>& named) { return {named.begin(), named.end()}; }

Shown shown(const Item& item) {
  const Tuple t = decode_tuple(item.tuple.blob());
  const auto kind = std::find(std::begin(kind_names), std::end(kind_names), t.items[0].get<std::string>());
  return {static_cast<Serial>(t.items[2].get<std::int64_t>()),
          static_cast<int>(kind - std::begin(kind_names)),
          static_cast<int>(t.items[1].get<std::int64_t>()),
          item.attempts,
          0,
          item.id};
}

void add_row(Told& told, const Tuple& row) {
  const auto kind = std::find(std::begin(kind_names), std::end(kind_names), row.items[0].get<std::string>());
  const auto number = [&](std::size_t i) { return static_cast<int>(row.items[i].get<std::int64_t>()); };
  told.what = Told::rows;
  told.items.push_back({static_cast<Serial>(number(1)), static_cast<int>(kind - std::begin(kind_names)), number(2)});
  told.items.push_back({0, number(3), number(4)});
}

void tell(Told& told, const Done& done) { told.number = done.number; }
void tell(Told& told, const Listing&) { told.number = any_number; }
void tell(Told& told, const Failed& failed) {
  told.what = Told::failed;
  told.number = static_cast<std::uint64_t>(failed.code);
}
void tell(Told& told, const Found& found) {
  told.what = Told::found;
  for (const Item& item : found.items) {
    if (item.id != 0) told.items.push_back(shown(item));
    else add_row(told, decode_tuple(item.tuple.blob()));
  }
}
void tell(Told& told, const Page& page) {
  told.what = Told::page;
  told.number = page.done ? 1 : 0;
  told.until = page.until;
  for (const Item& item : page.items) told.items.push_back(shown(item));
}
void tell(Told& told, const Ran& ran) {
  told.what = Told::ran;
  told.number = ran.branch;
  for (const auto* items : {&ran.items, &ran.updated})
    for (const Item& item : *items) told.items.push_back(shown(item));
}
void tell(Told& told, const Events& events) {
  told.what = Told::events;
  told.number = events.next;
  told.gap = events.gap;
  if (events.gap) return;  // the order within one step, and so where the gap ends, is the engine's own
  for (const Event& event : events.events) {
    told.items.push_back(shown(event.item));
    told.items.back().event = static_cast<int>(event.kind);
  }
}

}  // namespace

std::string space_name(std::size_t space) { return fmt::format("space {}", space); }

std::string text(const Told& told) {
  std::string line = fmt::format("{}#{} {} {}{}", told.session, told.sequence, what_told[told.what],
                                 static_cast<std::int64_t>(told.number), told.gap ? " gap" : "");
  for (const Shown& s : told.items) {
    line += fmt::format(" {}.{}.{}/{}", s.kind, s.number, s.serial, s.attempts);
    if (told.what == Told::events) line += "~" + std::to_string(s.event);
  }
  return line;
}

std::string text(const Ask& ask) {
  std::string line = fmt::format("{} space {}", what_asked[ask.what], ask.space);
  for (auto [set, word] : {std::pair(ask.take, "take"),
                           {ask.wait, "wait"},
                           {ask.begins, "begins"},
                           {ask.partial, "partial"},
                           {ask.owned, "owned"},
                           {ask.copies, "copies"}})
    if (set) line += std::string(" ") + word;
  line += fmt::format(" max {}", ask.max);
  for (auto [value, usual, word] : {std::tuple<std::int64_t, std::int64_t, const char*>(ask.lease, -1, "lease"),
                                    {ask.timeout, -1, "timeout"},
                                    {ask.delay, 0, "delay"},
                                    {ask.room, 0, "room"},
                                    {ask.settle, 0, "settle"},
                                    {ask.to, 0, "to"},
                                    {ask.group, 0, "group"},
                                    {ask.quota_tuples, 0, "quota"},
                                    {ask.transaction, 0, "transaction"},
                                    {ask.from, 0, "from"},
                                    {ask.until, 0, "until"}})
    if (value != usual) line += fmt::format(" {} {}", word, value);
  const auto put = [&](const Fresh& f) {
    line += fmt::format(" ({}.{}{}.{})^{}@{}", f.kind, f.computed ? "n+" : "", f.number, f.serial, f.priority, f.space);
  };
  for (const Fresh& f : ask.puts) put(f);
  for (const Wanted& p : ask.patterns) line += fmt::format(" <{} {}{}>", p.kind, p.number, p.range ? "+" : "");
  for (auto name : ask.named) line += fmt::format(" named {}", name);
  for (auto name : ask.released) line += fmt::format(" released {}", name);
  for (const Course& course : ask.courses) {
    line += " |";
    for (const Guarded& g : course.guard)
      line += fmt::format(" {}@{}<{} {}>", what_guarded[static_cast<int>(g.what)], g.space, g.pattern.kind,
                          g.joins ? "n" : std::to_string(g.pattern.number));
    line += " =>";
    if (course.to >= 0)
      line += fmt::format(" {} {}->{} <{} {}>", course.copies ? "copy" : "move", course.moves_from, course.to,
                          course.moved.kind, course.moved.number);
    if (course.updates >= 0)
      line += fmt::format(" update {} how {} {}", course.updates, static_cast<int>(course.how),
                          course.by_variable ? "n" : std::to_string(course.operand));
    for (const Fresh& f : course.puts) put(f);
  }
  return line;
}

Operation operation_of(const Ask& ask) {
  const std::string space = space_name(ask.space);
  std::vector<Payload> puts, templates;
  for (const Fresh& f : ask.puts) puts.emplace_back(tuple_of(f));
  for (const Wanted& p : ask.patterns) templates.emplace_back(template_of(p));
  const Payload group = ask.group == 0 ? Payload() : Payload(encoded(Tuple{{Value(ask.group)}}));
  switch (ask.what) {
    case Ask::out: return Out{space, puts, ask.lease, ask.owned, ask.puts[0].priority, ask.delay, group, ask.room};
    case Ask::get:
      return Get{space,      templates, ask.take, ask.wait, ask.timeout, ask.max, ask.transaction_id,
                 ask.begins, ask.lease, 0,        0,        ask.settle};
    case Ask::count: return Count{space, templates};
    case Ask::begin: return Begin{ask.lease};
    case Ask::abort: return Abort{ask.transaction_id};
    case Ask::renew: return Renew{ask.transaction_id, ask.lease, {}};
    case Ask::leases: return Renew{0, ask.lease, ids(ask.named)};
    case Ask::collect: return Collect{space, space_name(ask.to), templates, ask.copies};
    case Ask::scan: return Scan{space, templates, ask.max, ask.after, ask.until};
    case Ask::aggregate: {
      using enum Aggregate::Function;
      return Aggregate{space, templates, {0}, {{count, 0}, {sum, 1}, {min, 1}, {max, 1}}};
    }
    case Ask::statement: {
      Statement statement{{}, ask.wait, ask.timeout};
      for (const Course& course : ask.courses) statement.branches.push_back(branch_of(course, ask.lease));
      return statement;
    }
    case Ask::watch: return Watch{space, templates, ask.kinds, ask.from == 0, ask.from, 1000, ask.wait, ask.timeout};
    case Ask::quota: return Spaces{Spaces::What::make, space, static_cast<Durability>(ask.to), ask.quota_tuples};
    case Ask::commit: break;
  }
  Commit commit{ask.transaction_id, {}, ask.partial, ids(ask.named), ids(ask.released)};
  for (std::size_t i = 0; i < puts.size(); ++i)
    commit.puts.push_back({space_name(ask.puts[i].space), puts[i], ask.lease, ask.puts[i].priority, ask.delay, group});
  return commit;
}

Told told_of(const space::Reply& reply) {
  Told told{.session = reply.session, .sequence = reply.sequence};
  if (const auto* waiting = std::get_if<Waiting>(&reply.answer)) {
    told.what = Told::waiting;
    told.number = waiting->ticket;
  } else {
    std::visit([&](const auto& answer) { tell(told, answer); }, std::get<Answer>(reply.answer));
  }
  return told;
}

std::string difference(std::vector<Told>& said, std::vector<Told>& expected) {
  for (auto* all : {&said, &expected}) {
    std::stable_sort(all->begin(), all->end(), [](const Told& a, const Told& b) { return a.key() < b.key(); });
    for (Told& told : *all)  // what happens in one step has no order, but for one and the same tuple
      if (told.what == Told::events)
        std::stable_sort(told.items.begin(), told.items.end(),
                         [](const Shown& a, const Shown& b) { return a.serial < b.serial; });
  }
  std::string what;
  const auto same = [](const Told& a, const Told& b) {
    const bool any = a.number == any_number || b.number == any_number;
    return a.key() == b.key() && (any || a.number == b.number) && a.gap == b.gap && a.items == b.items;
  };
  for (std::size_t i = 0; i < std::max(said.size(), expected.size()); ++i) {
    if (i < said.size() && i < expected.size() && same(said[i], expected[i])) continue;
    if (i < said.size()) what += "\n  said     " + text(said[i]);
    if (i < expected.size()) what += "\n  expected " + text(expected[i]);
    if (what.size() > 4000) break;
  }
  return what;
}

std::shared_ptr<const Ask> Names::translated(const std::shared_ptr<const Ask>& ask) const {
  if (ask->named.empty() && ask->released.empty() && ask->until == 0) return ask;
  auto copy = std::make_shared<Ask>(*ask);
  for (auto* names : {&copy->named, &copy->released})
    for (auto& name : *names) name = orders_.at(name).order;
  if (copy->until != 0) copy->until = untils_.at(copy->until);
  return copy;
}

std::string Names::learn(const std::vector<Told>& said, const std::vector<Told>& expected) {
  for (std::size_t i = 0; i < said.size(); ++i) {
    if (said[i].what == Told::page) untils_[said[i].until] = expected[i].until;
    if (said[i].what == Told::rows) continue;
    for (std::size_t j = 0; j < said[i].items.size(); ++j) {
      const Shown &here = said[i].items[j], &there = expected[i].items[j];
      // A tuple and its copy that end in one step: the order is the engine's own.
      const auto& all = said[i].items;
      if (said[i].what == Told::events && std::count(all.begin(), all.end(), here) > 1) continue;
      Named& named = orders_.try_emplace(here.name, Named{there.name}).first->second;
      if (named.order != there.name && named.told)
        return fmt::format("tuple {} ({}) is another one than before", here.serial, here.name);
      named.order = there.name;
    }
  }
  return {};
}

void Names::tell(const Answer& answer) {
  const auto mark = [&](const Item& item) {
    if (const auto named = orders_.find(item.id); named != orders_.end()) named->second.told = true;
  };
  if (const auto* found = std::get_if<Found>(&answer)) std::for_each(found->items.begin(), found->items.end(), mark);
  if (const auto* page = std::get_if<Page>(&answer)) std::for_each(page->items.begin(), page->items.end(), mark);
  if (const auto* events = std::get_if<Events>(&answer))
    for (const Event& event : events->events) mark(event.item);
  if (const auto* ran = std::get_if<Ran>(&answer)) std::for_each(ran->items.begin(), ran->items.end(), mark);
}

}  // namespace parvis::naive
