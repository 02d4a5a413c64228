// What the application of a simulated client thinks of doing next, and how it is said to the engine.
#include <algorithm>

#include "client.hpp"
#include "server.hpp"
#include "tuplespace/model/codec.hpp"

namespace parvis::simulation {

namespace {

constexpr int kinds = 3, numbers = 3;
const std::string kind_names[kinds] = {"apple", "pear", "plum"};

// Several forms of template, so that every path of the index is taken: by the first field, by both, by none.
Blob template_of(const Pattern& p) {
  static std::map<std::pair<int, int>, Blob> known;
  Blob& blob = known[{p.kind, p.number}];
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
  return blob = encoded(t);
}

Blob tuple_of(const Fresh& f) {
  return encoded(Tuple{{Value(kind_names[f.kind]), Value(int{f.number}), Value(std::int64_t{f.serial})}});
}

}  // namespace

Operation Client::operation_of(const Ask& ask) const {
  const std::string space = Server::space_name(ask.space);
  std::vector<Payload> puts, templates;
  for (const Fresh& f : ask.puts) puts.emplace_back(tuple_of(f));
  for (const Pattern& p : ask.patterns) templates.emplace_back(template_of(p));
  const auto claim = claims_.find(ask.transaction);
  const TransactionId transaction = claim == claims_.end() ? 0 : claim->second.id;
  switch (ask.what) {
    case Ask::out: return Out{space, puts, ask.lease, ask.owned, ask.puts[0].priority, ask.delay};
    case Ask::get:
      return Get{space, templates, ask.take, ask.wait, ask.timeout, ask.max, transaction, ask.begins, ask.lease};
    case Ask::count: return Count{space, templates};
    case Ask::begin: return Begin{ask.lease};
    case Ask::abort: return Abort{transaction};
    case Ask::renew: return Renew{transaction, ask.lease};
    case Ask::commit: break;
  }
  Commit commit{transaction, {}, ask.partial, {}, {}};
  for (std::size_t i = 0; i < puts.size(); ++i)
    commit.puts.push_back({Server::space_name(ask.puts[i].space), puts[i], ask.lease, ask.puts[i].priority});
  for (Serial serial : ask.consumed) commit.consumed.push_back(claim->second.items.at(serial));
  for (Serial serial : ask.released) commit.released.push_back(claim->second.items.at(serial));
  return commit;
}

std::shared_ptr<const Ask> Client::think_of() {
  World& w = around_.world;
  auto ask = std::make_shared<Ask>();
  // A few spaces of its own each, so that clients meet and yet no space is everybody's.
  ask->space = static_cast<std::uint16_t>((index_ + w.below(3)) % w.climate.spaces);
  if (!claims_.empty() && w.chance(40)) {
    think_of_claim(*ask);
  } else if (const auto dice = w.below(100); dice < 45) {
    think_of_get(*ask);
  } else if (dice < 50) {
    ask->what = Ask::count;
    ask->patterns.push_back({static_cast<std::int16_t>(w.below(kinds)), -1});
  } else if (dice < 54) {
    ask->what = Ask::begin;
    if (w.chance(60)) ask->lease = w.about(2'000'000);
  } else if (around_.live().spaces[ask->space].ready.size() > w.climate.crowded) {
    think_of_get(*ask);
  } else {
    think_of_puts(*ask);
  }
  return ask;
}

void Client::think_of_claim(Ask& ask) {
  World& w = around_.world;
  const auto& [name, claim] = *std::next(claims_.begin(), static_cast<std::ptrdiff_t>(w.below(claims_.size())));
  ask.transaction = name;
  const auto dice = w.below(100);
  if (dice < 25) return think_of_get(ask);
  ask.what = dice < 75 ? Ask::commit : dice < 90 ? Ask::abort : Ask::renew;
  if (ask.what == Ask::renew && w.chance(80)) ask.lease = w.about(2'000'000);
  if (ask.what != Ask::commit) return;
  // What it has not seen yet it does not consume.
  const auto inside = [in = name](const Call* one) { return one != nullptr && one->ask->transaction == in; };
  const bool unseen = std::any_of(open_.begin(), open_.end(), [&](Sequence n) { return inside(call(n)); }) ||
                      std::any_of(held_.begin(), held_.end(), [&](auto& held) { return inside(held.first.get()); });
  ask.partial = unseen || w.chance(50);
  if (ask.partial)
    for (const auto& [serial, id] : claim.items) {
      if (const auto what = w.below(100); what < 40) ask.consumed.push_back(serial);
      else if (what < 70) ask.released.push_back(serial);
    }
  if (w.chance(60)) think_of_puts(ask);
  ask.what = Ask::commit;
  ask.owned = false;
  ask.delay = 0;
}

void Client::think_of_get(Ask& ask) {
  World& w = around_.world;
  ask.what = Ask::get;
  ask.take = w.chance(w.climate.takes);
  ask.wait = w.chance(w.climate.waits);
  ask.begins = ask.take && ask.transaction == 0 && w.chance(35);
  if (w.chance(w.climate.many)) ask.max = 1 + static_cast<std::uint32_t>(w.below(4));
  if (w.chance(50)) ask.timeout = w.chance(10) ? 0 : w.about(1'000'000);
  if (ask.begins && w.chance(50)) ask.lease = w.about(2'000'000);
  for (int i = w.chance(85) ? 1 : 2; i > 0; --i) {
    Pattern p;
    if (w.chance(70)) p.kind = static_cast<std::int16_t>(w.below(kinds));
    if (w.chance(50)) p.number = static_cast<std::int16_t>(w.below(numbers));
    ask.patterns.push_back(p);
  }
}

void Client::think_of_puts(Ask& ask) {
  World& w = around_.world;
  ask.what = Ask::out;
  const int priority = w.chance(70) ? 0 : static_cast<int>(w.below(5)) - 2;
  for (auto i = 1 + (w.chance(w.climate.many) ? w.below(4) : 0); i > 0; --i) {
    ask.puts.push_back({static_cast<std::int16_t>(w.below(kinds)), static_cast<std::int16_t>(w.below(numbers)),
                        ++w.last_serial, priority, ask.space});
    around_.books.space_of.push_back(ask.space);
  }
  if (w.chance(15)) ask.lease = w.about(3'000'000);
  if (w.chance(10)) ask.delay = w.about(500'000);
  ask.owned = w.chance(8);
}

}  // namespace parvis::simulation
