// Leases of tuples: renewed, lifted, cancelled; across a restart; while somebody holds the tuple.
#include "asker.hpp"

using namespace parvis;
using namespace parvis::space;
using namespace parvis::space::test;
using Catch::Matchers::Contains;

namespace {

Out leased(const std::string& text, Time lease, const std::string& space = "s") {
  Out o = out(text, space);
  o.lease_us = lease.count();
  return o;
}
Renew renew(std::vector<TupleId> tuples, Time lease) { return Renew{0, lease.count(), std::move(tuples)}; }

}  // namespace

TEST_CASE("A tuple's lease is renewed from now on, lifted, and cancelled by 0") {
  Harness harness;
  Asker a(harness), b(harness);
  const TupleId first = a.number(leased("(1,)", 10s)), second = a.number(leased("(2,)", 10s));
  const TupleId third = a.number(out("(3,)"));
  harness.advance(8s);
  CHECK(b.number(renew({first}, 5s)) == 1);  // anybody who knows the id
  harness.advance(4s);
  CHECK(a.text(rdp("(1,)")) == "(1,)");
  CHECK(a.text(rdp("(2,)")).empty());
  CHECK(a.error(renew({first, second}, 5s)) ==
        "NotFound: tuple " + std::to_string(second) + " is not there (any more); no lease was changed");
  harness.advance(1s);
  CHECK(a.text(rdp("(1,)")).empty());  // the failed one changed nothing

  CHECK(a.number(renew({third, third}, 1s)) == 2);
  CHECK(a.number(Renew{0, -1, {third}}) == 1);
  harness.advance(5s);
  CHECK(a.text(rdp("(3,)")) == "(3,)");
  CHECK(a.number(renew({third}, 0s)) == 1);
  CHECK(a.text(rdp("(3,)")).empty());
  CHECK_THAT(a.error(renew({third}, 5s)), Contains("NotFound"));
  CHECK_THAT(a.error(renew({a.id}, 5s)), Contains("NotFound"));  // an id, but no tuple's
  CHECK_THAT(a.error(Renew{}), Contains("Conflict"));
}

TEST_CASE("P1: a renewed lease is on disk, and runs on while the server is down") {
  Harness harness;
  Asker a(harness);
  const TupleId id = a.number(leased("(1,)", 10s)), other = a.number(leased("(2,)", 10s));
  a.number(renew({id}, 60s));
  a.number(Renew{0, -1, {other}});
  harness.now += 30s;
  harness.crash();
  harness.advance(0s);
  Asker b(harness);
  CHECK(b.text(rdp("(1,)")) == "(1,)");
  harness.now += 20s;
  harness.crash();
  harness.advance(10s);
  Asker c(harness);
  CHECK(c.text(rdp("(1,)")).empty());
  CHECK(c.text(rdp("(2,)")) == "(2,)");
}

TEST_CASE("P2: a renewal that is sent again is answered, though the tuple is gone meanwhile") {
  Harness harness;
  Asker a(harness), b(harness);
  const TupleId id = a.number(leased("(1,)", 10s));
  const Renew operation = renew({id}, 20s);
  const Sequence n = a.send(operation);
  CHECK(a.text(n) == "1");
  b.ask(inp("(1,)"));
  b.confirm();
  harness.crash();
  harness.engine->attach(a.id, harness.now);
  harness.engine->apply(a.id, n, operation, harness.now);
  harness.turn();
  CHECK(a.text(n) == "1");
}

TEST_CASE("The lease of a held tuple shows when it comes back") {
  Harness harness;
  Asker a(harness), b(harness);
  const TupleId id = a.number(out("(1,)"));
  const auto take = Asker::as<Found>(b.ask(claim("(1,)")));
  CHECK(a.number(renew({id}, 5s)) == 1);
  harness.advance(6s);
  CHECK(b.error(Abort{take.transaction}).empty());
  CHECK(a.text(rdp("(1,)")).empty());

  const TupleId other = a.number(out("(2,)"));
  const auto again = Asker::as<Found>(b.ask(claim("(2,)")));
  CHECK(a.number(renew({other}, 0s)) == 1);
  CHECK(a.number(Renew{0, -1, {other}}) == 1);  // it is still there: with its holder
  CHECK(b.error(Abort{again.transaction}).empty());
  CHECK(a.text(rdp("(2,)")) == "(2,) attempts 1");
}

TEST_CASE("In a volatile space a renewal leaves nothing on disk") {
  Harness harness({}, Durability::volatile_);
  Asker a(harness);
  const TupleId id = a.number(leased("(1,)", 10s));
  const std::size_t records = harness.disk.size();
  a.number(renew({id}, 60s));
  CHECK(harness.disk.size() == records);
  harness.advance(50s);
  CHECK(a.text(rdp("(1,)")) == "(1,)");
}

TEST_CASE("A lease ends beside a delay, however many deadlines there are") {
  Harness harness;
  Asker a(harness);
  a.number(leased("(0,)", 2s));
  Out many = leased("(1,)", 2s);
  many.tuples.resize(3'000, many.tuples[0]);
  many.delay_us = Time(1s).count();
  a.number(many);
  harness.advance(1500ms);
  CHECK(a.number(Count{"s", {pattern("(?int,)")}}) == 3'001);
  harness.advance(1s);
  CHECK(a.number(Count{"s", {pattern("(?int,)")}}) == 0);
}

TEST_CASE("Tuples of a group that were put together end together: a blocked take gets none of them") {
  Harness harness;
  Asker a(harness), b(harness);
  Out both = leased("(1,)", 2s);
  both.tuples.emplace_back(tuple("(2,)"));
  both.group = tuple("(1,)");
  a.number(both);
  const Sequence n = b.send(in("(2,)"));
  harness.advance(3s);
  harness.turn();
  harness.engine->check();
  CHECK(b.text(n) == "Timeout: no answer");
}
