// Events: what is told, in which order, across restarts and gaps.
#include "asker.hpp"

using namespace parvis;
using namespace parvis::space;
using namespace parvis::space::test;
using Catch::Matchers::Contains;

namespace {

Watch watch(std::uint64_t from, bool wait = false) {
  Watch w{"s", {pattern("(...)")}};
  w.from = from;
  w.wait = wait;
  return w;
}
std::uint64_t begin(Asker& client) {
  Watch w = watch(0);
  w.begin = true;
  return Asker::as<Events>(client.ask(w)).next;
}

}  // namespace

TEST_CASE("A watch tells committed transitions, in order, numbered without a hole") {
  Harness harness;
  Asker a(harness), b(harness);
  a.ask(out("(0,)"));  // before anybody watches
  const std::uint64_t first = begin(a);
  CHECK(a.text(watch(first)).empty());
  a.ask(out("(1,)"));
  Out leased = out("(2,)");
  leased.lease_us = 1'000'000;
  a.ask(leased);
  b.ask(inp("(1,)"));
  harness.engine->refuse(b.id, {b.sequence}, harness.now);
  harness.advance(2s);
  Out delayed = out("(3,)");
  delayed.delay_us = 1'000'000;
  a.ask(delayed);
  harness.advance(2s);
  harness.turn();
  const auto events = Asker::as<Events>(a.ask(watch(first)));
  CHECK(Asker::text_of(Answer(events)) == "put (1,) ; put (2,) ; taken (1,) ; returned (1,) ; expired (2,) ; put (3,)");
  for (std::size_t i = 0; i < events.events.size(); ++i) CHECK(events.events[i].number == first + i);
  CHECK(events.next == first + 6);
  Watch some = watch(first);
  some.templates = {pattern("(2,)")};
  some.kinds = 1 << 3;
  const auto expired = Asker::as<Events>(a.ask(some));
  CHECK(Asker::text_of(Answer(expired)) == "expired (2,)");
  CHECK(expired.next == first + 6);  // beyond those that do not match
  some = watch(first);
  some.max = 2;
  CHECK(Asker::as<Events>(a.ask(some)).next == first + 2);
}

TEST_CASE("P4: nothing of a transaction is told before its commit, and nothing of one that is aborted") {
  Harness harness;
  Asker a(harness), b(harness);
  const std::uint64_t first = begin(a);
  a.ask(out("(1,)"));
  auto held = Asker::as<Found>(b.ask(claim("(1,)")));
  CHECK(a.text(watch(first)) == "put (1,)");
  b.ask(Abort{held.transaction});
  CHECK(a.text(watch(first + 1)).empty());
  held = Asker::as<Found>(b.ask(claim("(1,)")));
  b.ask(Commit{held.transaction, {Put{"s", tuple("(2,)")}}});
  CHECK(a.text(watch(first + 1)) == "taken (1,) attempts 1 ; put (2,)");
}

TEST_CASE("A blocked watch wakes at the next event that matches, ends empty at its timeout, and can be cancelled") {
  Harness harness;
  Asker a(harness), b(harness);
  const std::uint64_t first = begin(a);
  Watch w = watch(first, true);
  w.templates = {pattern("(7,)")};
  const Sequence n = a.send(w);
  b.ask(out("(6,)"));
  CHECK_THAT(a.text(n), Contains("no answer"));
  b.ask(out("(7,)"));
  CHECK(a.text(n) == "put (7,)");
  w = watch(first + 2, true);
  w.timeout_us = 1'000'000;
  const Sequence late = a.send(w);
  harness.advance(2s);
  harness.turn();
  const auto none = Asker::as<Events>(a.heard(late));
  CHECK(none.events.empty());
  CHECK(none.next == first + 2);
  const Sequence cancelled = a.send(watch(first + 2, true));
  harness.engine->cancel(a.id, {cancelled}, harness.now);
  harness.turn();
  CHECK_THAT(a.text(cancelled), Contains("Timeout"));
  const Sequence dropped = a.send(watch(first + 2, true));
  b.ask(Spaces{Spaces::What::drop, "s"});
  CHECK_THAT(a.text(dropped), Contains("NotFound"));
}

TEST_CASE("P9: of many events the last are kept, and who asks for earlier ones is told of the gap") {
  Limits limits;
  limits.event_count = 3;
  Harness harness(limits);
  Asker a(harness);
  const std::uint64_t first = begin(a);
  for (int i = 0; i < 5; ++i) a.ask(out("(" + std::to_string(i) + ",)"));
  CHECK(a.text(watch(first)) == "gap ; put (2,) ; put (3,) ; put (4,)");
  CHECK(a.text(watch(first + 2)) == "put (2,) ; put (3,) ; put (4,)");
  CHECK(Asker::as<Events>(a.ask(watch(first + 100))).gap);
  CHECK(harness.disk.size() < 20);
}

TEST_CASE("P1: a durable space has its events after a restart, a volatile one a gap, and numbers never go back") {
  const Durability durability = GENERATE(Durability::durable, Durability::volatile_);
  Harness harness({}, durability);
  Asker a(harness);
  const std::uint64_t first = begin(a);
  for (int i = 0; i < 3; ++i) a.ask(out("(" + std::to_string(i) + ",)"));
  harness.crash();
  Asker b(harness);
  const auto events = Asker::as<Events>(b.ask(watch(first)));
  CHECK(events.next >= first + 3);
  CHECK(events.gap == (durability == Durability::volatile_));
  CHECK(events.events.size() == (durability == Durability::volatile_ ? 0 : 3));
  b.ask(out("(9,)"));
  CHECK(b.text(watch(events.next)) == "put (9,)");
  harness.crash();
  harness.crash();
  Asker c(harness);
  CHECK(Asker::as<Events>(c.ask(watch(events.next))).next > events.next);
}

TEST_CASE("Recording ends an hour after the last watch") {
  Harness harness;
  Asker a(harness);
  const std::uint64_t first = begin(a);
  a.ask(out("(1,)"));
  harness.advance(std::chrono::minutes(59));
  CHECK(a.text(watch(first)) == "put (1,)");
  harness.advance(std::chrono::minutes(59));
  CHECK(a.text(watch(first)) == "put (1,)");
  harness.advance(std::chrono::minutes(61));
  harness.turn();
  const auto events = Asker::as<Events>(a.ask(watch(first)));
  CHECK(events.gap);
  CHECK(events.events.empty());
  CHECK(events.next >= first + 1);
}

TEST_CASE("What was delayed is told once, when it comes, however often the server restarts") {
  Harness harness;
  Asker a(harness);
  const std::uint64_t first = begin(a);
  Out delayed = out("(1,)");
  delayed.delay_us = 1'000'000;
  a.ask(delayed);
  harness.advance(2s);
  harness.turn();
  harness.crash();
  harness.advance(1s);
  Asker b(harness);
  b.ask(out("(2,)"));
  CHECK(b.text(watch(first)) == "put (1,) ; put (2,)");
}
