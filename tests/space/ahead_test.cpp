// Large tuples that go to the disk before they are in the space.
#include "asker.hpp"

using namespace parvis;
using namespace parvis::space;
using namespace parvis::space::test;
using Catch::Matchers::Contains;

namespace {

constexpr auto large = "(\"a tuple that is large enough\",)";

Limits with_large_from(std::size_t bytes) {
  Limits limits;
  limits.write_ahead_bytes = bytes;
  return limits;
}

// What the engine asked to be written ahead, and has not been told of.
struct World {
  Harness harness{with_large_from(20)};
  World() { harness.ahead_at_once = false; }
  void written(std::optional<Failed> failed = {}) {
    REQUIRE(!harness.ahead.empty());
    const auto first = harness.ahead.front();
    harness.ahead.pop_front();
    harness.engine->written_ahead(first.id, std::move(failed), harness.now);
    harness.turn();
    harness.engine->check();
  }
};

}  // namespace

TEST_CASE("A large tuple joins the space when it has been written, and is the very record that was") {
  World t;
  Asker a(t.harness), b(t.harness);
  const Sequence taking = b.send(in("(?str,)"));
  const Sequence n = a.send(out(large));
  CHECK_THAT(a.text(n), Contains("no answer"));
  CHECK(a.error(out("(\"small\",)")).empty());  // passes it
  CHECK(b.text(taking) == "(\"small\",)");
  CHECK(b.text(Count{"s", {pattern("(...)")}}) == "0");
  REQUIRE(t.harness.ahead.size() == 1);
  REQUIRE(t.harness.ahead.front().records.size() == 1);
  const Blob record = t.harness.ahead.front().records.front();
  t.harness.sync = false;
  t.written();
  CHECK_THAT(a.text(n), Contains("no answer"));  // its batch is not durable
  REQUIRE(!t.harness.queue.empty());
  const auto& batch = t.harness.queue.back().second;
  CHECK(std::any_of(batch.begin(), batch.end(), [&](const storage::Change& change) {
    return change.record && change.record->data() == record.data() && change.record->size() == record.size();
  }));
  t.harness.make_durable(t.harness.queue.size());
  t.harness.release();
  CHECK(a.error_of(a.heard(n)).empty());
  t.harness.sync = true;
  CHECK(b.text(inp("(?str,)")) == large);
}

TEST_CASE("Of several tuples of an out the large ones are written ahead, and all come together, in order") {
  World t;
  Asker a(t.harness);
  const std::string other = "(\"another tuple that is large\",)";
  const Sequence n = a.send(Out{"s", {tuple(large), tuple("(1,)"), tuple(other)}, -1, false, 3});
  CHECK(t.harness.ahead.front().records.size() == 2);
  t.written();
  CHECK(a.error_of(a.heard(n)).empty());
  Get all = inp("(...)");
  all.max = 3;
  CHECK(a.text(all) == std::string(large) + " ; (1,) ; " + other);
}

TEST_CASE("What cannot be written ahead fails alone") {
  World t;
  Asker a(t.harness);
  const Sequence n = a.send(out(large));
  t.written(Failed{ErrorCode::storage_full, "no room"});
  CHECK_THAT(a.text(n), Contains("StorageFull: no room"));
  CHECK(a.error(out("(1,)")).empty());
  CHECK(a.text(Count{"s", {pattern("(...)")}}) == "1");
}

TEST_CASE("An out that is written ahead can be cancelled, leaves with its connection, and is sent again") {
  World t;
  Asker a(t.harness);
  Sequence n = a.send(out(large));
  t.harness.engine->cancel(a.id, {n}, t.harness.now);
  t.harness.turn();
  CHECK_THAT(a.text(n), Contains("Timeout"));
  t.written();  // nobody waits for it any more
  CHECK(a.text(Count{"s", {pattern("(...)")}}) == "0");

  n = a.send(out(large));
  t.harness.engine->detach(a.id, t.harness.now);
  t.harness.engine->attach(a.id, t.harness.now);
  t.written();
  CHECK(a.text(Count{"s", {pattern("(...)")}}) == "0");
  for (int i = 0; i < 2; ++i) {
    t.harness.engine->apply(a.id, n, out(large), t.harness.now);  // twice: it is on its way already
    t.harness.turn();
  }
  CHECK(t.harness.ahead.size() == 1);
  t.written();
  CHECK(a.error_of(a.heard(n)).empty());
  CHECK(a.text(Count{"s", {pattern("(...)")}}) == "1");
}

TEST_CASE("Leases of what is written ahead began when it came; a space that was dropped meanwhile is a new one") {
  World t;
  Asker a(t.harness);
  Out leased = out(large);
  leased.lease_us = Time(10s).count();
  a.send(leased);
  t.harness.advance(6s);
  t.written();
  CHECK(a.text(Count{"s", {pattern("(...)")}}) == "1");
  t.harness.advance(5s);
  CHECK(a.text(Count{"s", {pattern("(...)")}}) == "0");

  const Sequence n = a.send(out(large));
  CHECK(a.error(Spaces{Spaces::What::drop, "s"}).empty());
  t.written();
  CHECK(a.error_of(a.heard(n)).empty());
  CHECK(a.text(inp("(?str,)")) == large);
}

TEST_CASE("Who waits for room waits with what was written ahead") {
  World t;
  Asker a(t.harness), b(t.harness);
  CHECK(a.error(Spaces{Spaces::What::make, "s", Durability::durable, 1}).empty());
  Out patient = out(large);
  patient.room_us = -1;
  const Sequence n = a.send(patient);  // there is room, now
  CHECK(b.error(out("(1,)")).empty());
  const Blob record = t.harness.ahead.front().records.front();
  t.written();
  CHECK_THAT(a.text(n), Contains("no answer"));
  CHECK(b.text(inp("(1,)")) == "(1,)");
  CHECK(a.error_of(a.heard(n)).empty());
  CHECK(Asker::as<Found>(b.ask(rdp("(?str,)"))).items.front().tuple.blob().owner() == record.owner());
}

TEST_CASE("P9: what is on its way to the disk counts until it is there, also when its client has left") {
  World t;
  t.harness.limits.memory_bytes = 30'000;
  t.harness.start();
  Asker a(t.harness);
  const Out tuple_of_5k = out("(\"" + std::string(5000, 'x') + "\",)");
  std::string error;
  for (int i = 0; i < 10 && error.empty(); ++i) {
    const Sequence n = a.send(tuple_of_5k);
    if (std::string text = a.text(n); text != "Timeout: no answer") error = text;
    t.harness.engine->cancel(a.id, {n}, t.harness.now);
    t.harness.turn();
    a.confirm();
  }
  CHECK_THAT(error, Contains("memory_bytes = 30000"));
  CHECK(t.harness.ahead.size() < 6);
  while (!t.harness.ahead.empty()) t.written();
  const Sequence n = a.send(tuple_of_5k);
  t.written();
  CHECK(a.error_of(a.heard(n)).empty());
}

TEST_CASE("What is volatile, small or beyond what may wait is not written ahead") {
  World t;
  Asker a(t.harness);
  CHECK(a.error(out("(\"small\",)")).empty());
  CHECK(a.error(Spaces{Spaces::What::make, "v", Durability::volatile_}).empty());
  CHECK(a.error(out(large, "v")).empty());
  CHECK(t.harness.ahead.empty());
  World full;
  full.harness.limits.waiters_per_session = 0;
  full.harness.start();
  Asker b(full.harness);
  CHECK(b.error(out(large)).empty());
}
