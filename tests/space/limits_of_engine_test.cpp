// Every limit: a clear error that names it, and nothing lost. And what else a server relies on.
#include "asker.hpp"

using namespace parvis;
using namespace parvis::space;
using namespace parvis::space::test;

namespace {

void check_limit(const std::string& error, const char* limit) {
  CHECK_THAT(error, Catch::Matchers::StartsWith("LimitExceeded"));
  CHECK_THAT(error, Catch::Matchers::Contains(limit));
}

}  // namespace

TEST_CASE("Limits are named and nothing is lost") {
  Limits limits;
  limits.tuple_bytes = 100;
  limits.waiters = 3;
  limits.waiters_per_session = 2;
  limits.unconfirmed_per_session = 10;
  limits.transactions_per_session = 2;
  limits.steps_per_operation = 20;
  limits.reply_tuples = 5;
  Harness harness(limits);
  Asker a(harness), b(harness), c(harness);

  check_limit(a.error(out("(\"" + std::string(200, 'x') + "\",)")), "tuple_bytes = 100");
  check_limit(a.error(Get{"s", {pattern("(...)")}, false, false, -1, 6}), "reply_tuples = 5");
  CHECK_THAT(a.error(Out{"", {tuple("(1,)")}}), Catch::Matchers::Contains("empty"));
  check_limit(a.error(Out{std::string(256, 'n'), {tuple("(1,)")}}), "max_name_bytes");
  CHECK_THAT(a.error(Out{"\xff", {tuple("(1,)")}}), Catch::Matchers::Contains("UTF-8"));
  CHECK_THAT(a.error(Out{"s", {tuple("(1,)")}, -1, false, 40000}), Catch::Matchers::Contains("priority 40000"));
  CHECK_THAT(a.error(Get{"s", {}, false, false}), Catch::Matchers::Contains("template"));

  for (int i = 0; i < 2; ++i) a.ask(get("(\"never\", ...)", false, true));
  check_limit(a.error(get("(\"never\", ...)", false, true)), "waiters_per_session = 2");
  b.ask(get("(\"never\", ...)", false, true));
  check_limit(b.error(get("(\"never\", ...)", false, true)), "waiters = 3");

  for (int i = 0; i < 2; ++i) c.number(Begin{});
  check_limit(c.error(Begin{}), "transactions_per_session = 2");
  for (int i = 0; i < 7; ++i) CHECK(c.error(out("(1, 2)")).empty());  // the refused begin counts, too
  check_limit(c.error(out("(1, 2)")), "unconfirmed_per_session = 10");
  check_limit(c.error(get("(1, ?)", true, false)), "unconfirmed_per_session");
  harness.engine->confirm(c.id, {c.sequence, {}}, harness.now);
  CHECK(c.error(out("(1, 2)")).empty());

  for (int i = 0; i < 3; ++i) {
    Out many{"s", {}};
    for (int j = 0; j < 7; ++j) many.tuples.emplace_back(tuple("(\"n\", " + std::to_string(j) + ")"));
    CHECK(b.error(many).empty());
  }
  check_limit(a.error(get("(\"n\", 10..20)", false, false)), "steps_per_operation = 20");
  check_limit(a.error(Count{"s", {pattern("(\"n\", 0..9)")}}), "steps_per_operation = 20");
  CHECK(a.number(Count{"s", {pattern("(\"n\", 3)")}}) == 3);
}

TEST_CASE("Over the memory limit out is refused, take is not") {
  Limits limits;
  limits.memory_bytes = 400'000;
  Harness harness(limits);
  Asker a(harness);
  std::string error;
  int put = 0;
  for (; error.empty() && put < 10'000; ++put) {
    error = a.error(out("(\"fill\", " + std::to_string(put) + ")"));
    harness.engine->confirm(a.id, {a.sequence, {}}, harness.now);
  }
  check_limit(error, "memory_bytes = 400000");
  CHECK(put > 100);
  for (int i = 0; i < 100; ++i) {
    CHECK(a.error(get("(\"fill\", ?)", true, false)).empty());
    harness.engine->confirm(a.id, {a.sequence, {}}, harness.now);
  }
  CHECK(a.error(out("(\"fill\", 0)")).empty());
}

TEST_CASE("An answer is final, also one that says that nothing happened") {
  Harness harness;
  Asker a(harness), b(harness);
  a.ask(get("(1,)", true, false));                       // nothing there
  a.ask(Get{"s", {pattern("(2,)")}, true, true, 1000});  // blocked, and then too late
  harness.advance(1s);
  harness.engine->refuse_puts("full");
  a.ask(out("(3,)"));
  harness.engine->refuse_puts({});
  b.ask(Out{"s", {tuple("(1,)"), tuple("(2,)")}});
  harness.turn();
  harness.released.clear();
  const Operation again[] = {get("(1,)", true, false), Get{"s", {pattern("(2,)")}, true, true, 1000}, out("(3,)")};
  const auto ask_again = [&] {
    harness.released.clear();
    for (Sequence n = 1; n <= 3; ++n) harness.engine->apply(a.id, n, again[n - 1], harness.now);
    harness.turn();
  };
  ask_again();
  REQUIRE(harness.released.size() == 3);
  CHECK(std::get<Found>(std::get<Answer>(harness.released[0].answer)).items.empty());
  CHECK(std::get<Failed>(std::get<Answer>(harness.released[1].answer)).code == ErrorCode::timeout);
  CHECK(std::get<Failed>(std::get<Answer>(harness.released[2].answer)).code == ErrorCode::storage_full);
  CHECK(b.number(Count{"s", {pattern("(...)")}}) == 2);

  // The answers that were under way died with the server: now the operations run.
  harness.crash();
  harness.engine->attach(a.id, harness.now);
  ask_again();
  REQUIRE(harness.released.size() == 3);
  CHECK(std::get<Found>(std::get<Answer>(harness.released[0].answer)).items.size() == 1);
  CHECK(std::get<Found>(std::get<Answer>(harness.released[1].answer)).items.size() == 1);
  CHECK(std::holds_alternative<Done>(std::get<Answer>(harness.released[2].answer)));
}

TEST_CASE("Confirmations wait for company, at most 50 ms") {
  Harness harness;
  Asker a(harness);
  a.ask(out("(1,)"));
  a.ask(get("(1,)", true, false));
  harness.engine->confirm(a.id, {a.sequence, {}}, harness.now);
  CHECK(harness.engine->take_turn().batch.empty());
  REQUIRE(harness.engine->next_deadline() == harness.now + 50ms);
  harness.advance(49ms);
  CHECK(harness.engine->take_turn().batch.empty());
  harness.advance(1ms);
  const Turn turn = harness.engine->take_turn();
  CHECK(turn.batch.size() == 2);  // the tuple and the session

  SECTION("with company at once") {
    a.ask(out("(1,)"));
    a.ask(get("(1,)", true, false));
    harness.engine->confirm(a.id, {a.sequence, {}}, harness.now);
    harness.engine->apply(a.id, ++a.sequence, out("(2,)"), harness.now);
    CHECK(harness.engine->take_turn().batch.size() == 3);
  }
}

TEST_CASE("What was put and taken and confirmed within one batch never reaches the store") {
  Harness harness;
  Asker a(harness);
  harness.turn();
  harness.engine->apply(a.id, 1, out("(1,)"), harness.now);
  harness.engine->apply(a.id, 2, get("(1,)", true, false), harness.now);
  harness.engine->confirm(a.id, {2, {}}, harness.now);
  const Turn turn = harness.engine->take_turn();
  CHECK(turn.batch.size() == 2);  // the space and the session
  CHECK(turn.replies.size() == 2);
}

TEST_CASE("Replies wait for the batch they saw, volatile ones for none") {
  Harness harness;
  harness.sync = false;
  Asker a(harness), b(harness);
  harness.make_durable(harness.queue.size());
  harness.turn();
  harness.make_durable(harness.queue.size());
  const auto after = [&](Asker& client, const Operation& operation) {
    harness.engine->apply(client.id, ++client.sequence, operation, harness.now);
    const Turn turn = harness.engine->take_turn();
    REQUIRE(turn.replies.size() == 1);
    return std::pair(turn.replies[0].after, turn.number);
  };
  auto [made, batch] = after(a, Spaces{Spaces::What::make, "v", Durability::volatile_});
  CHECK(made == batch);
  const std::uint64_t before = after(a, Get{"s", {pattern("(1,)")}, false, false}).first;
  auto [put, put_batch] = after(a, out("(1,)"));
  CHECK(put == put_batch);
  CHECK(put > before);
  CHECK(after(b, get("(1,)", false, false)).first == put);      // a reader of what is not yet durable
  CHECK(after(b, Count{"s", {pattern("(2,)")}}).first == put);  // and a negative answer
  CHECK(after(b, Get{"other", {pattern("(1,)")}, false, false}).first < put);
  auto [cheap, none] = after(a, Out{"v", {tuple("(1,)")}});
  CHECK(cheap <= harness.durable + 0);
  CHECK(none == 0);
}

TEST_CASE("Relaxed spaces wait until it is written, claims too; to look at a relaxed space waits for nothing") {
  Harness harness;
  Asker a(harness);
  harness.turn();
  const auto ask = [&](const Operation& operation) {
    harness.engine->apply(a.id, ++a.sequence, operation, harness.now);
    const Turn turn = harness.engine->take_turn();
    REQUIRE(turn.replies.size() == 1);
    return std::tuple(turn.replies[0].after, turn.replies[0].written, turn.number);
  };
  ask(Spaces{Spaces::What::make, "r", Durability::relaxed});
  const std::uint64_t before = std::get<2>(ask(out("(1,)")));
  auto [after, written, batch] = ask(Out{"r", {tuple("(1,)")}});
  CHECK(after < before);
  CHECK(written == batch);
  for (const Operation& look :
       {Operation(Get{"r", {pattern("(1,)")}, false, false}), Operation(Get{"r", {pattern("(2,)")}, false, false}),
        Operation(Count{"r", {pattern("(1,)")}})}) {
    std::tie(after, written, batch) = ask(look);
    CHECK(after < before);
    CHECK(written == 0);
  }
  Get claim = get("(1,)", true, false);
  claim.begin = true;
  std::tie(after, written, batch) = ask(claim);
  CHECK(after < before);
  CHECK(written == batch);
  const std::uint64_t claimed = batch;
  CHECK(std::get<0>(ask(get("(1,)", false, false))) == claimed);  // who looks at a durable space waits for the sync

  const auto begin = [&](const char* space) {
    harness.engine->apply(a.id, ++a.sequence, Begin{-1}, harness.now);
    const Turn turn = harness.engine->take_turn();
    CHECK(turn.replies.at(0).written == turn.number);
    const TransactionId id = std::get<Done>(std::get<Answer>(turn.replies[0].answer)).number;
    return Commit{id, {{space, tuple("(3,)"), -1, 0}}, false, {}, {}};
  };
  std::tie(after, written, batch) = ask(begin("r"));  // a commit that touches relaxed spaces alone
  CHECK(after < batch);
  CHECK(written == batch);
  std::tie(after, written, batch) = ask(begin("s"));  // and one that puts into a durable one
  CHECK(after == batch);

  // P2: a loss of power must not forget a take of a transaction that it remembers, whose commit would go through.
  ask(out("(4,)"));
  Get inside = get("(4,)", true, false);
  inside.transaction = begin("s").transaction;
  std::tie(after, written, batch) = ask(inside);
  CHECK(after == batch);
}

TEST_CASE("A session's end is remembered for those who come too late") {
  Limits limits;
  Harness harness(limits);
  Asker a(harness);
  a.ask(out("(1,)"));
  a.ask(out("(2,)"));
  harness.engine->confirm(a.id, {1, {}}, harness.now);
  harness.engine->detach(a.id, harness.now);
  harness.advance(limits.grace);
  harness.turn();
  REQUIRE(harness.engine->secret_of(a.id) == nullptr);
  for (int i = 0; i < 2; ++i) {
    const auto* tombstone = harness.engine->tombstone_of(a.id);
    REQUIRE(tombstone != nullptr);
    CHECK(tombstone->confirmed == 1);
    CHECK(tombstone->applied == std::vector<Sequence>{2});
    harness.crash();
  }
  harness.advance(30 * 24h);
  harness.turn();
  CHECK(harness.engine->tombstone_of(a.id) == nullptr);

  Asker b(harness);
  b.ask(out("(3,)"));
  harness.engine->confirm(b.id, {1, {}}, harness.now);
  harness.engine->end_session(b.id, harness.now);
  CHECK(harness.engine->tombstone_of(b.id) == nullptr);
}

TEST_CASE("Ids are never given twice, and epochs count the starts") {
  Harness harness;
  std::uint64_t last = 0;
  for (int i = 1; i <= 5; ++i) {
    CHECK(harness.engine->stats().epoch == static_cast<std::uint64_t>(i));
    const SessionId id = harness.engine->open_session(secret(1), harness.now);
    CHECK(id > last);
    last = id;
    harness.crash();
  }
}

TEST_CASE("A store that contradicts itself is refused by the record's number") {
  Engine engine(Limits{}, Durability::durable, Time(0));
  ByteVector claim{std::byte{5}, std::byte{1}, std::byte{16}, std::byte{1}, std::byte{0}};
  ByteVector meta{std::byte{1}, std::byte{1}, std::byte{1}, std::byte{100}};
  engine.record(1, Blob::copy(meta));
  engine.record(40, Blob::copy(claim));
  try {
    engine.recovered(Time(0));
    FAIL("a claim of nobody was accepted");
  } catch (const Error& e) {
    CHECK(e.code() == ErrorCode::storage_error);
    CHECK_THAT(e.what(), Catch::Matchers::Contains("record 40"));
  }
}

TEST_CASE("A dropped space goes in slices, and does not come back") {
  Limits limits;
  limits.unconfirmed_per_session = 1'000'000;
  Harness harness(limits);
  Asker a(harness);
  Out many{"s", {}};
  for (int j = 0; j < 5000; ++j) many.tuples.emplace_back(tuple("(" + std::to_string(j) + ",)"));
  REQUIRE(a.error(many).empty());
  REQUIRE(a.error(get("(17,)", true, false)).empty());
  CHECK(a.error(Spaces{Spaces::What::drop, "s", {}}).empty());
  CHECK(a.number(Count{"s", {pattern("(...)")}}) == 0);
  SECTION("while the server runs") {
    for (int i = 0; i < 10; ++i) {
      harness.advance(1ms);
      harness.turn();
    }
  }
  SECTION("after a crash in between") {
    harness.crash();
    harness.engine->attach(a.id, harness.now);
    for (int i = 0; i < 10; ++i) {
      harness.advance(1ms);
      harness.turn();
    }
  }
  CHECK(harness.engine->stats().tuples == 1);  // the one that was delivered, until it is confirmed
  CHECK(a.error(out("(17,)")).empty());
  CHECK(a.number(Count{"s", {pattern("(17,)")}}) == 1);
  harness.engine->end_session(a.id, harness.now);
  harness.turn();
  harness.engine->check();
  CHECK(harness.engine->stats().tuples == 1);  // that one did not come back, the new one stays
}
