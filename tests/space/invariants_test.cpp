// Random histories without a model: groups, quotas of tuples and bytes with outs in line, leases renewed, settling,
// watches by small pages; with aborts, lost connections and crashes. check() looks after every step: it knows that a
// group is handed out one at a time and in order, that what counts against a quota is counted, that nobody is left
// behind.
#include "asker.hpp"

#include <random>
#include <set>

using namespace parvis;
using namespace parvis::space;
using namespace parvis::space::test;

namespace {

class RandomHistory {
 public:
  explicit RandomHistory(std::uint64_t seed) : random_(seed) {
    for (int i = 0; i < 3; ++i) clients_.emplace_back(harness_);
    clients_[0].ask(Spaces{Spaces::What::make, "s", Durability::durable, 12, 400});
  }
  void play(int steps) {
    for (int i = 0; i < steps; ++i) act(clients_[below(clients_.size())]);
  }

 private:
  std::size_t below(std::size_t n) { return random_() % n; }
  Payload group() {
    const std::size_t which = below(3);
    return which == 0 ? Payload() : Payload(tuple("(" + std::to_string(which) + ",)"));
  }
  Out some_out() {
    Out o{"s", {}};
    for (std::size_t n = 1 + below(2); n > 0; --n) o.tuples.emplace_back(tuple("(" + std::to_string(++serial_) + ",)"));
    o.group = group();
    o.priority = static_cast<int>(below(3));
    o.room_us = below(2) == 0 ? 0 : static_cast<std::int64_t>(below(3'000'000));
    if (below(4) == 0) o.lease_us = static_cast<std::int64_t>(below(4'000'000));
    if (below(4) == 0) o.delay_us = static_cast<std::int64_t>(below(2'000'000));
    return o;
  }
  Get some_get() {
    Get g{"s", {pattern("(?int,)")}, below(3) != 0, below(2) == 0, 1'000'000};
    g.begin = g.take && below(2) == 0;
    g.max = static_cast<std::uint32_t>(1 + below(3));
    g.settle_us = below(2) == 0 ? 0 : 1'000'000;
    return g;
  }
  void end_some(Asker& c) {
    if (claims_[c.id].empty()) return;
    const TransactionId t = *claims_[c.id].begin();
    claims_[c.id].erase(t);
    if (below(2) == 0) c.send(Abort{t});
    else c.send(Commit{t, {Put{"s", tuple("(" + std::to_string(++serial_) + ",)"), -1, 0, 0, group()}}});
  }
  void act(Asker& c) {
    switch (below(12)) {
      case 0:
      case 1:
      case 2: c.send(some_out()); break;
      case 3:
      case 4:
      case 5: c.send(some_get()); break;
      case 6: end_some(c); break;
      case 7: c.confirm(); break;
      case 8: harness_.advance(Time(below(1'500'000))); break;
      case 9:
        c.send(Watch{"s", {pattern("(?int,)")}, 0x1f, below(2) == 0, below(50), 3, below(2) == 0, 500'000});
        break;
      case 10: renew(c); break;
      default: disturb(c);
    }
    listen();
  }
  void renew(Asker& c) {
    if (seen_.empty()) return;
    c.send(Renew{0, static_cast<std::int64_t>(below(3)) * 1'000'000 - 1, {seen_[below(seen_.size())]}});
  }
  void disturb(Asker& c) {
    if (below(3) == 0) {
      harness_.crash();
      for (Asker& each : clients_) harness_.engine->attach(each.id, harness_.now);
      if (harness_.engine->secret_of(c.id) == nullptr) FAIL("a session that was attached has ended");
    } else if (below(2) == 0) {
      harness_.engine->detach(c.id, harness_.now);
      harness_.engine->attach(c.id, harness_.now);
    } else {
      harness_.engine->refuse(c.id, {c.sequence}, harness_.now);
    }
    harness_.turn();
    harness_.engine->check();
  }
  void listen() {
    harness_.turn();
    for (const Reply& reply : harness_.released) {
      const auto* answer = std::get_if<Answer>(&reply.answer);
      const auto* found = answer == nullptr ? nullptr : std::get_if<Found>(answer);
      if (found == nullptr) continue;
      if (found->transaction != 0) claims_[reply.session].insert(found->transaction);
      for (const Item& item : found->items) seen_.push_back(item.id);
    }
    harness_.released.clear();
    harness_.engine->check();
  }

  std::mt19937_64 random_;
  Harness harness_;
  std::vector<Asker> clients_;
  std::map<SessionId, std::set<TransactionId>> claims_;
  std::vector<TupleId> seen_;
  int serial_ = 0;
};

}  // namespace

TEST_CASE("Groups, quotas, leases, settling and watches agree with themselves through random histories") {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    INFO("seed " << seed);
    RandomHistory(seed).play(300);
  }
}
