// Quotas of spaces, and inp and rdp that wait for a conflict to end.
#include "asker.hpp"

using namespace parvis;
using namespace parvis::space;
using namespace parvis::space::test;
using Catch::Matchers::Contains;

namespace {

Spaces make(std::int64_t tuples, std::int64_t bytes = -1) {
  return Spaces{Spaces::What::make, "s", Durability::durable, tuples, bytes};
}
Out waiting_out(const std::string& text, Time room) {
  Out o = out(text);
  o.room_us = room < 0s ? -1 : room.count();
  return o;
}
Get settling(const std::string& text, bool take, Time settle) {
  Get g = get(text, take, false);
  g.settle_us = settle.count();
  return g;
}

}  // namespace

TEST_CASE("Over a quota an out fails and names it, or waits in line") {
  Harness harness;
  Asker a(harness), b(harness), c(harness);
  CHECK(a.error(make(2)).empty());
  for (const char* text : {"(1,)", "(2,)"}) CHECK(a.error(out(text)).empty());
  const std::string error = a.error(out("(3,)"));
  CHECK_THAT(error, Contains("LimitExceeded") && Contains("quota_tuples = 2") && Contains("larger"));
  CHECK_THAT(a.error(Out{"s", {tuple("(1,)"), tuple("(2,)"), tuple("(3,)")}, -1, false, 0, 0, {}, -1}),
             Contains("quota_tuples = 2"));  // for ever too many
  const Sequence first = a.send(waiting_out("(3,)", -1s)), second = b.send(waiting_out("(4,)", 5s));
  const Sequence third = c.send(waiting_out("(5,)", 1s));
  CHECK_THAT(a.text(first), Contains("no answer"));
  harness.advance(2s);
  harness.turn();
  CHECK_THAT(c.text(third), Contains("Timeout"));
  CHECK(c.text(inp("(?,)")) == "(1,)");  // makes room at once
  CHECK(a.error_of(a.heard(first)).empty());
  CHECK_THAT(b.text(second), Contains("no answer"));
  CHECK(c.text(in("(2,)")) == "(2,)");
  CHECK(b.error_of(b.heard(second)).empty());
  CHECK(c.text(Count{"s", {pattern("(...)")}}) == "2");
  harness.engine->refuse(c.id, {c.sequence - 1}, harness.now);  // comes back, over the quota, too
  CHECK(c.text(Count{"s", {pattern("(...)")}}) == "3");
}

TEST_CASE("A blocked out can be cancelled and refused, leaves with its connection, and ends with its space") {
  Harness harness;
  Asker a(harness), b(harness);
  CHECK(a.error(make(1)).empty());
  CHECK(a.error(out("(1,)")).empty());
  Sequence n = a.send(waiting_out("(2,)", -1s));
  harness.engine->cancel(a.id, {n}, harness.now);
  harness.turn();
  CHECK_THAT(a.text(n), Contains("Timeout"));
  n = a.send(waiting_out("(3,)", -1s));
  harness.engine->detach(a.id, harness.now);
  CHECK(b.text(inp("(1,)")) == "(1,)");
  CHECK(b.text(Count{"s", {pattern("(...)")}}) == "0");
  harness.engine->attach(a.id, harness.now);
  harness.engine->apply(a.id, n, waiting_out("(3,)", -1s), harness.now);  // again, and now there is room
  harness.turn();
  CHECK(a.error_of(a.heard(n)).empty());
  n = a.send(waiting_out("(4,)", -1s));
  CHECK(b.error(Spaces{Spaces::What::drop, "s"}).empty());
  CHECK_THAT(a.text(n), Contains("NotFound"));
}

TEST_CASE("A larger quota lets those in line in; quotas are on disk and in listings") {
  Harness harness;
  Asker a(harness), b(harness);
  CHECK(a.error(make(1, 1000)).empty());
  CHECK(a.error(out("(1,)")).empty());
  const Sequence n = a.send(waiting_out("(2,)", -1s));
  auto held = Asker::as<Found>(b.ask(claim("(1,)")));
  auto info = Asker::as<Listing>(b.ask(make(2))).spaces.at(0);
  CHECK(info.quota_tuples == 2);
  CHECK(info.quota_bytes == 1000);
  CHECK(info.held == 1);
  CHECK(a.error_of(a.heard(n)).empty());
  harness.crash();
  Asker c(harness);
  info = Asker::as<Listing>(c.ask(Spaces{})).spaces.at(0);
  CHECK(info.quota_tuples == 2);
  CHECK(info.held == 1);
  CHECK_THAT(c.error(out("(3,)")), Contains("quota_tuples = 2"));  // what is claimed counts
  CHECK_THAT(c.error(out("(\"" + std::string(2000, 'x') + "\",)")), Contains("quota_bytes = 1000"));
  CHECK(Asker::as<Listing>(c.ask(make(0))).spaces.at(0).quota_tuples == 0);
  CHECK(c.error(out("(3,)")).empty());
}

TEST_CASE("P4: a commit that would exceed a quota fails and leaves its transaction open") {
  Harness harness;
  Asker a(harness);
  CHECK(a.error(make(2)).empty());
  for (const char* text : {"(1,)", "(2,)"}) CHECK(a.error(out(text)).empty());
  const auto held = Asker::as<Found>(a.ask(claim("(1,)")));
  Commit commit{held.transaction, {Put{"s", tuple("(3,)")}, Put{"s", tuple("(4,)")}}};
  CHECK_THAT(a.error(commit), Contains("LimitExceeded") && Contains("quota_tuples = 2"));
  CHECK(a.text(Count{"s", {pattern("(...)")}}) == "1");
  commit.puts.pop_back();
  CHECK(a.error(commit).empty());  // what it takes makes room for what it puts
  CHECK(a.text(Count{"s", {pattern("(...)")}}) == "2");
}

TEST_CASE("inp and rdp may wait for the end of a conflict") {
  Harness harness;
  Asker a(harness), b(harness);
  a.ask(out("(1,)"));
  a.ask(out("(2,)"));
  CHECK(b.text(settling("(3,)", true, 5s)).empty());  // nothing matches: at once
  const auto one = Asker::as<Found>(a.ask(claim("(1,)"))), two = Asker::as<Found>(a.ask(claim("(2,)")));
  CHECK(a.text(settling("(?,)", true, 5s)).empty());  // own claims are no conflict
  Sequence n = b.send(settling("(?,)", true, 5s));
  const Sequence reads = b.send(settling("(1,)", false, 5s));
  CHECK_THAT(b.text(n), Contains("no answer"));
  CHECK(a.error(Commit{one.transaction, {}}).empty());
  CHECK(b.text(reads).empty());                  // its only match is gone
  CHECK_THAT(b.text(n), Contains("no answer"));  // the other is still held
  CHECK(a.error(Abort{two.transaction}).empty());
  CHECK(b.text(n) == "(2,) attempts 1");
  harness.engine->refuse(b.id, {n}, harness.now);
  const auto again = Asker::as<Found>(a.ask(claim("(2,)")));
  n = b.send(settling("(?,)", true, 5s));
  harness.advance(4s);
  harness.turn();
  CHECK_THAT(b.text(n), Contains("no answer"));
  harness.advance(2s);
  harness.turn();
  CHECK(b.text(n).empty());
  n = b.send(settling("(?,)", true, 5s));
  CHECK(a.error(Commit{again.transaction, {Put{"s", tuple("(9,)")}}}).empty());
  CHECK(b.text(n) == "(9,)");  // a new one in the same step
}
