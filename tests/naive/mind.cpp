#include "tests/naive/mind.hpp"

#include <algorithm>

namespace parvis::naive {

namespace {
constexpr int kinds = 3, numbers = 3;
constexpr std::size_t most_seen = 6;
}  // namespace

Ask Mind::think(std::uint16_t space, bool crowded, const std::function<bool(TransactionName)>& unseen) {
  Ask ask;
  ask.space = space;
  if (!claims.empty() && chance(40)) {
    think_of_claim(ask, unseen);
  } else if (const auto dice = below(100); dice < 42) {
    think_of_get(ask);
  } else if (dice < 48) {
    think_of_looking(ask);
  } else if (dice < 52) {
    ask.what = Ask::begin;
    if (chance(60)) ask.lease = about(2 * habits_.patience);
  } else if (dice < 60) {
    think_of_statement(ask);
  } else if (dice < 64) {
    think_of_watch(ask);
  } else if (dice < 67) {
    think_of_keeping_house(ask);
  } else if (crowded) {
    think_of_get(ask);
  } else {
    think_of_puts(ask);
  }
  return ask;
}

Wanted Mind::pattern() {
  Wanted p;
  if (chance(70)) p.kind = static_cast<int>(below(kinds));
  if (chance(50)) p.number = static_cast<int>(below(numbers));
  p.range = p.number >= 0 && chance(35);
  return p;
}

std::uint16_t Mind::some_space(std::uint16_t near) {
  return static_cast<std::uint16_t>((near + below(3)) % habits_.spaces);
}

Fresh Mind::fresh(std::uint16_t space, int priority) {
  return {static_cast<int>(below(kinds)), static_cast<int>(below(numbers)), ++last_serial_, priority, space};
}

void Mind::think_of_claim(Ask& ask, const std::function<bool(TransactionName)>& unseen) {
  const auto& [name, claim] = *std::next(claims.begin(), static_cast<std::ptrdiff_t>(below(claims.size())));
  ask.transaction = name;
  ask.transaction_id = claim.id;
  const auto dice = below(100);
  if (dice < 25) return think_of_get(ask);
  ask.what = dice < 75 ? Ask::commit : dice < 90 ? Ask::abort : Ask::renew;
  if (ask.what == Ask::renew && chance(80)) ask.lease = about(2 * habits_.patience);
  if (ask.what != Ask::commit) return;
  // What it has not seen yet it does not consume.
  const bool all = !unseen(name) && chance(50);
  if (chance(60)) think_of_puts(ask);
  ask.what = Ask::commit;
  ask.partial = !all;
  ask.owned = false;
  ask.room = 0;
  if (!ask.partial) return;
  for (const auto& [id, serial] : claim.items) {
    if (const auto what = below(100); what < 40) ask.named.push_back(id);
    else if (what < 70) ask.released.push_back(id);
  }
}

void Mind::think_of_get(Ask& ask) {
  ask.what = Ask::get;
  ask.take = chance(habits_.takes);
  ask.wait = chance(habits_.waits);
  ask.begins = ask.take && ask.transaction == 0 && chance(35);
  if (chance(habits_.many)) ask.max = 1 + static_cast<std::uint32_t>(below(4));
  if (chance(50)) ask.timeout = chance(10) ? 0 : about(habits_.patience);
  if (!ask.wait && chance(40)) ask.settle = about(habits_.patience);
  if (ask.begins && chance(50)) ask.lease = about(2 * habits_.patience);
  for (int i = chance(85) ? 1 : 2; i > 0; --i) ask.patterns.push_back(pattern());
}

void Mind::think_of_puts(Ask& ask) {
  ask.what = Ask::out;
  const int priority = chance(70) ? 0 : static_cast<int>(below(5)) - 2;
  for (auto i = 1 + (chance(habits_.many) ? below(4) : 0); i > 0; --i) ask.puts.push_back(fresh(ask.space, priority));
  if (chance(15)) ask.lease = about(3 * habits_.patience);
  if (chance(10)) ask.delay = about(habits_.patience / 2);
  if (chance(20)) ask.group = 1 + static_cast<int>(below(2));
  if (chance(50)) ask.room = about(habits_.patience);
  ask.owned = chance(8);
}

Course Mind::think_of_course(std::uint16_t space) {
  Course course;
  bool bound = false;
  for (auto n = 1 + below(3); n > 0; --n) {
    Guarded g;
    g.what = static_cast<Condition::What>(below(5) / 2);
    g.space = some_space(space);
    g.pattern = pattern();
    g.joins = chance(50);
    if (g.joins) g.pattern = {g.pattern.kind, -1};
    bound = bound || (g.joins && g.what != Condition::What::absent);
    const int which = static_cast<int>(course.guard.size());
    if (g.what == Condition::What::in && course.updates < 0 && chance(50)) course.updates = which;
    course.guard.push_back(g);
  }
  course.how = static_cast<Change::How>(below(6));
  course.operand = static_cast<int>(below(3)) - 1;
  course.by_variable = bound && course.how != Change::How::multiply && chance(30);
  if (chance(15)) {
    course.moves_from = some_space(space);
    course.to = static_cast<int>((static_cast<std::size_t>(course.moves_from) + 1) % habits_.spaces);
    course.copies = chance(30);
    course.moved = {static_cast<int>(below(kinds)), static_cast<int>(below(numbers))};
  }
  for (auto n = below(3); n > 0; --n) {
    course.puts.push_back(fresh(some_space(space), static_cast<int>(below(3)) - 1));
    course.puts.back().computed = bound && chance(30);
  }
  return course;
}

void Mind::think_of_statement(Ask& ask) {
  ask.what = Ask::statement;
  ask.take = true;
  ask.wait = chance(habits_.waits);
  if (chance(50)) ask.timeout = chance(10) ? 0 : about(habits_.patience);
  if (chance(15)) ask.lease = about(3 * habits_.patience);
  for (auto n = 1 + below(2); n > 0; --n) ask.courses.push_back(think_of_course(ask.space));
  if (!chance(15)) return;
  ask.courses.emplace_back();  // an else
  if (chance(50)) ask.courses.back().puts.push_back(fresh(ask.space, 0));
}

void Mind::think_of_looking(Ask& ask) {
  const auto dice = below(3);
  ask.what = dice == 0 ? Ask::count : dice == 1 ? Ask::aggregate : Ask::scan;
  ask.patterns.push_back({static_cast<int>(below(kinds)), -1});
  if (dice < 2) return;
  if (!scans_.empty()) {
    ask = scans_.back().ask;
    ask.named = {scans_.back().last};
    scans_.pop_back();
    return;
  }
  ask.patterns = {pattern()};
  ask.max = 1 + static_cast<std::uint32_t>(below(4));
}

void Mind::think_of_watch(Ask& ask) {
  ask.what = Ask::watch;
  ask.patterns = {pattern()};
  ask.kinds = static_cast<std::uint8_t>(chance(50) ? 0x1f : 1 + below(31));
  ask.wait = chance(habits_.waits);
  if (!watched_.empty() && chance(85)) {
    const auto at = std::next(watched_.begin(), static_cast<std::ptrdiff_t>(below(watched_.size())));
    ask.space = at->first;
    ask.from = chance(70) ? at->second.back() : at->second[below(at->second.size())];
  }
  ask.timeout = chance(10) ? 0 : about(habits_.patience);
}

void Mind::think_of_keeping_house(Ask& ask) {
  const auto dice = below(4);
  if (dice < 2) {
    ask.what = Ask::collect;
    ask.to = static_cast<std::uint16_t>((ask.space + 1 + below(2)) % habits_.spaces);
    ask.copies = ask.to == ask.space || chance(30);
    ask.patterns = {{static_cast<int>(below(kinds)), static_cast<int>(below(numbers))}};
  } else if (dice == 2 && !seen_.empty()) {
    ask.what = Ask::leases;
    ask.named = {seen_[below(seen_.size())]};
    if (const TupleId other = seen_[below(seen_.size())]; other != ask.named[0] && chance(30))
      ask.named.push_back(other);
    ask.lease = chance(20) ? 0 : chance(20) ? -1 : about(2 * habits_.patience);
  } else {
    ask.what = Ask::quota;
    ask.quota_tuples = chance(50) ? 0 : 3 + static_cast<int>(below(12));
  }
}

void Mind::hear(TransactionName name, const Ask& ask, const Answer& answer) {
  if (const auto* done = std::get_if<Done>(&answer); done != nullptr && ask.what == Ask::begin)
    claims[name] = {done->number};
  if (const auto* events = std::get_if<Events>(&answer)) {
    auto& known = watched_[ask.space];
    known.push_back(events->next);
    if (known.size() > most_seen) known.erase(known.begin());
  }
  const auto* page = std::get_if<Page>(&answer);
  if (page != nullptr && !page->done && !page->items.empty()) {
    scans_ = {{ask, page->items.back().id}};
    scans_.back().ask.after = page->after;
    scans_.back().ask.until = page->until;
  }
  const auto* found = std::get_if<Found>(&answer);
  if (found == nullptr || ask.what != Ask::get) return;
  for (const Item& item : found->items) seen_.push_back(item.id);
  if (seen_.size() > most_seen) seen_.erase(seen_.begin(), seen_.end() - most_seen);
}

}  // namespace parvis::naive
