// Operations that wait for the ordered index of their range.
#include "quick.hpp"

namespace parvis::space::test {

using Catch::Matchers::Contains;

namespace {
Limits few_steps() {
  Limits limits;
  limits.range_steps = 100;
  limits.steps_per_operation = 1000;
  return limits;
}
}  // namespace

TEST_CASE("Who looks for a range waits for its ordered index, in order, until it is there or the time is up") {
  Quick client(few_steps());
  for (int i = 0; i < 3000; ++i) client.ask(out("(" + std::to_string(i % 10) + ", " + std::to_string(i) + ")"));
  const Get third = get("(?, 2990..2999)", true, false);
  const Sequence taken = client.start(third), next = client.start(third);
  Get patient = get("(?, -5..-1)", true, true);
  patient.timeout_us = 1000;
  const Sequence late = client.start(patient);
  patient.timeout_us = 1'000'000;
  const Sequence blocked = client.start(patient);
  const auto nothing_yet = [&](Sequence sequence) { CHECK_THAT(client.text(sequence), Contains("no answer")); };
  for (const Sequence sequence : {taken, next, late, blocked}) nothing_yet(sequence);
  CHECK_THAT(client.text(ListWaiters{"s"}), Contains("(?, 2990..2999)"));

  SECTION("each has its answer, the first the first") {
    client.idle(40);
    CHECK(client.text(taken) == "(0, 2990)");
    CHECK(client.text(next) == "(1, 2991)");
    CHECK_THAT(client.text(late), Contains("Timeout") && Contains("ordered index"));
    nothing_yet(blocked);
    client.ask(out("(1, -3)"));
    CHECK(client.text(blocked) == "(1, -3)");
  }
  SECTION("its time goes on meanwhile") {
    client.idle(1002);
    CHECK_THAT(client.text(blocked), Contains("Timeout") && Contains("nothing matched in time"));
  }
  SECTION("a statement, a collect and an aggregate wait, too") {
    Statement statement;
    statement.branches = {{{{Condition::What::in, "s", pattern("(?, 2995..2995)")}}, {}}};
    statement.wait = false;
    const Sequence ran = client.start(statement);
    const Sequence moved = client.start(Collect{"s", "t", {pattern("(?, 2996..2999)")}});
    const Sequence rows = client.start(Aggregate{"s", {pattern("(?, 2992..2994)")}, {}, {{}}});
    for (const Sequence sequence : {ran, moved, rows}) nothing_yet(sequence);
    client.idle(40);
    CHECK(Asker::text_of(Asker::as<Ran>(client.answer(ran)).items) == "(5, 2995)");
    CHECK(client.text(moved) == "4");
    CHECK_THAT(client.text(rows), Contains("(3,)"));
  }
  SECTION("one that would wait no time at all has its answer, too") {
    patient.timeout_us = 0;
    const Sequence impatient = client.start(patient);
    client.idle(40);
    CHECK_THAT(client.text(impatient), Contains("Timeout: nothing matches"));
  }
  SECTION("cancelled") {
    client.harness.engine->cancel(client.id(), {next}, client.harness.now);
    client.idle(1);
    CHECK_THAT(client.text(next), Contains("cancelled"));
  }
  SECTION("sent again, it is not asked twice; disconnected, it is forgotten") {
    client.harness.engine->apply(client.id(), taken, third, client.harness.now);
    client.harness.engine->detach(client.id(), client.harness.now);
    client.harness.engine->attach(client.id(), client.harness.now);
    client.idle(40);
    nothing_yet(taken);
    client.harness.engine->apply(client.id(), taken, third, client.harness.now);
    client.idle(1);
    CHECK(client.text(taken) == "(0, 2990)");
  }
  SECTION("its session ends") { client.harness.engine->end_session(client.id(), client.harness.now); }
  SECTION("the space is dropped") {
    client.ask(Spaces{Spaces::What::drop, "s"});
    client.idle(40);
    CHECK(client.text(taken).empty());
  }
  client.idle(2);
  client.harness.engine->check();
}

TEST_CASE("A blocked statement that is woken waits on for the ordered index of its range") {
  Quick client(few_steps());
  for (int i = 0; i < 3000; ++i) client.ask(out("(1, " + std::to_string(i) + ")"));
  Statement statement;
  const Condition go{Condition::What::in, "s", pattern("(\"go\",)")};
  const Condition range{Condition::What::in, "s", pattern("(?, 5000..6000)")};
  statement.branches = {{{go, range}, {}}};
  const Sequence ran = client.start(statement);
  client.ask(out("(\"go\",)"));
  CHECK_THAT(client.text(ran), Contains("no answer"));
  client.idle(40);
  CHECK_THAT(client.text(ran), Contains("no answer"));
  client.ask(out("(1, 5500)"));
  CHECK(Asker::text_of(Asker::as<Ran>(client.answer(ran)).items) == "(\"go\",) ; (1, 5500)");
  client.harness.engine->check();
}

TEST_CASE("Who waits for an ordered index is told when the memory does not suffice for it") {
  Limits limits = few_steps();
  const auto fill = [](Quick& client) {
    for (int i = 0; i < 3000; ++i) client.ask(out("(1, " + std::to_string(i) + ")"));
    const Engine::Stats stats = client.harness.engine->stats();
    return stats.tuple_bytes + stats.index_bytes;
  };
  Quick measured(limits);
  limits.memory_bytes = fill(measured) * 5 / 4;
  Quick client(limits);
  fill(client);
  const Sequence looking = client.start(get("(?, -5..-1)", false, false));
  const Sequence other = client.start(Count{"s", {pattern("(?, -5..-1)")}});
  CHECK_THAT(client.text(looking), Contains("no answer"));
  client.ask(out("(2, \"" + std::string(limits.memory_bytes / 8, 'x') + "\")"));
  client.idle(3);
  CHECK_THAT(client.text(looking), Contains("LimitExceeded") && Contains("name more fields"));
  CHECK_THAT(client.text(other), Contains("LimitExceeded"));
}

}  // namespace parvis::space::test
