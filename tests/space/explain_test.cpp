// What people are told: why nothing matches, and who waits for what.
#include "asker.hpp"

using namespace parvis;
using namespace parvis::space;
using namespace parvis::space::test;
using Catch::Matchers::Contains;

TEST_CASE("explain tells the nearest misses and what is wrong with them") {
  Harness harness;
  Asker a(harness, "alice");
  a.ask(out("(\"task\", 1, 2.5)"));
  a.ask(out("(\"task\", \"1\")"));
  a.ask(out("(\"other\", \"1\", 7)"));
  const auto explain = [&](const std::string& text, std::uint32_t max = 10) {
    return a.text(Explain{"s", pattern(text), max});
  };
  CHECK(explain("(\"task\", 7, ?float)", 1) ==
        "((\"task\", 1, 2.5), 1, \"field 1 is the int 1, the template wants 7\", nil, nil)");
  CHECK_THAT(explain("(\"task\", 1)", 2),
             Contains("field 1 is the str \\\"1\\\", the template wants 1 of another type"));
  CHECK_THAT(explain("(\"task\", \"1\", ?, ?)", 9), Contains("the tuple has 2 fields, the template 4"));
  CHECK_THAT(explain("(\"task\", ?float, ?)", 1), Contains("field 1 is the int 1, the template wants ?float"));
  CHECK_THAT(explain("(\"task\", ?int, ?)", 1), Contains("-1, \"it matches, and is there\""));
  CHECK(a.text(Explain{"nowhere", pattern("(...)")}).empty());
}

TEST_CASE("explain tells who holds what matches, and until when") {
  Harness harness;
  Asker a(harness, "alice"), b(harness, "bob");
  a.ask(out("(\"task\", 1)"));
  Out delayed = out("(\"task\", 2)");
  delayed.delay_us = 5'000'000;
  a.ask(delayed);
  Get g = claim("(\"task\", 1)");
  g.lease_us = 30'000'000;
  b.ask(g);
  harness.advance(2s);
  const std::string text = a.text(Explain{"s", pattern("(\"task\", ?int)")});
  CHECK_THAT(text, Contains("it matches, and is taken in transaction"));
  CHECK_THAT(text, Contains("bob (session " + std::to_string(b.id) + ")") && Contains("28.0"));
  CHECK_THAT(text, Contains("it matches, and is delayed") && Contains("3.0"));
}

TEST_CASE("waiters are listed by age with those who hold what they want, and circles are numbered") {
  Harness harness;
  Asker a(harness, "alice"), b(harness, "bob"), c(harness, "carol");
  a.ask(out("(\"fork\", 1)"));
  a.ask(out("(\"fork\", 2)"));
  const auto one = Asker::as<Found>(a.ask(claim("(\"fork\", 1)")));
  const auto two = Asker::as<Found>(b.ask(claim("(\"fork\", 2)")));
  Get more = in("(\"fork\", 2)");
  more.transaction = one.transaction;
  a.send(more);
  harness.advance(1s);
  more = in("(\"fork\", 1)");
  more.transaction = two.transaction;
  b.send(more);
  harness.advance(1s);
  c.send(rd("(\"fork\", 1)"));
  const std::string id_a = std::to_string(a.id), id_b = std::to_string(b.id), id_c = std::to_string(c.id);
  CHECK(c.text(ListWaiters{}) ==
        "(" + id_a + ", \"alice\", \"s\", true, [\"(\\\"fork\\\", 2)\"], 2.0, [" + id_b + "], 1) ; " + "(" + id_b +
            ", \"bob\", \"s\", true, [\"(\\\"fork\\\", 1)\"], 1.0, [" + id_a + "], 1) ; " + "(" + id_c +
            ", \"carol\", \"s\", false, [\"(\\\"fork\\\", 1)\"], 0.0, [" + id_a + "], 0)");
  CHECK(c.text(ListWaiters{"elsewhere"}).empty());
  CHECK_THAT(c.text(ListWaiters{"s", 1}), Contains("alice") && !Contains("bob\""));
}
