// Exclusive groups: one at a time, in order, each when the claim of the one before has ended.
#include "asker.hpp"
#include "statement_text.hpp"

using namespace parvis;
using namespace parvis::space;
using namespace parvis::space::test;
using Catch::Matchers::Contains;

namespace {

Out member(const std::string& text, const std::string& group, int priority = 0, Time delay = 0s) {
  Out o = out(text);
  o.group = Payload(tuple(group));
  o.priority = priority;
  o.delay_us = delay.count();
  return o;
}

}  // namespace

TEST_CASE("A group is handed out one at a time, in order, the next when the last is confirmed") {
  Harness harness;
  Asker a(harness), b(harness);
  for (const char* text : {"(1,)", "(2,)", "(3,)"}) a.ask(member(text, "(\"g\",)"));
  a.ask(member("(10,)", "(\"h\",)"));
  CHECK(a.text(Get{"s", {pattern("(?int,)")}, true, false, 0, 9}) == "(1,) ; (10,)");  // groups run side by side
  CHECK(b.text(inp("(?,)")).empty());
  CHECK(b.text(rdp("(?,)")) == "(2,)");  // reads see what waits
  CHECK(b.text(Count{"s", {pattern("(?,)")}}) == "2");
  CHECK(b.text(Scan{"s", {pattern("(...)")}}) == "(2,) ; (3,)");
  const Sequence waits = b.send(in("(?,)"));
  CHECK_THAT(b.text(waits), Contains("no answer"));
  a.confirm();
  CHECK(b.text(waits) == "(2,)");
  CHECK(a.text(inp("(3,)")).empty());
  b.confirm();
  CHECK(a.text(inp("(3,)")) == "(3,)");
}

TEST_CASE("In a transaction the next of a group comes at commit or abort") {
  Harness harness;
  Asker a(harness), b(harness);
  for (const char* text : {"(1,)", "(2,)"}) a.ask(member(text, "(\"g\",)"));
  auto held = Asker::as<Found>(a.ask(claim("(?,)")));
  a.confirm();
  CHECK(b.text(inp("(?,)")).empty());
  const Sequence waits = b.send(in("(?,)"));
  CHECK(a.error(Abort{held.transaction}).empty());
  CHECK(b.text(waits) == "(1,) attempts 1");  // it was first, and still is
  harness.engine->refuse(b.id, {waits}, harness.now);
  held = Asker::as<Found>(a.ask(claim("(?,)")));
  CHECK(a.error(Commit{held.transaction, {Put{"s", tuple("(0,)"), -1, 0, 0, Payload(tuple("(\"g\",)"))}}}).empty());
  CHECK(b.text(inp("(?,)")) == "(2,)");
  b.confirm();
  CHECK(b.text(inp("(?,)")) == "(0,)");
}

TEST_CASE("Priority ranks the heads of groups alone; an older member that appears goes first") {
  Harness harness;
  Asker a(harness);
  a.ask(member("(1,)", "(\"g\",)"));
  a.ask(member("(2,)", "(\"g\",)", 9));
  a.ask(out("(3,)"));
  CHECK(a.text(inp("(?,)")) == "(1,)");
  a.confirm();
  CHECK(a.text(inp("(?,)")) == "(2,)");  // now it leads, and is ahead
  a.confirm();
  CHECK(a.text(inp("(?,)")) == "(3,)");
  a.ask(member("(4,)", "(\"k\",)", 0, 2s));
  a.ask(member("(5,)", "(\"k\",)"));
  CHECK(a.text(rdp("(?,)")) == "(5,)");  // delayed ones do not hold others up
  harness.advance(3s);
  CHECK(a.text(inp("(?,)")) == "(4,)");
  CHECK(a.text(inp("(?,)")).empty());
}

TEST_CASE("P1: groups hold over a restart, also while one of them is claimed") {
  Harness harness;
  Asker a(harness), b(harness);
  for (const char* text : {"(1,)", "(2,)", "(3,)"}) a.ask(member(text, "(\"g\",)"));
  const auto held = Asker::as<Found>(a.ask(claim("(?,)")));
  harness.crash();
  harness.engine->check();
  harness.engine->attach(a.id, harness.now);
  harness.engine->attach(b.id, harness.now);
  CHECK(b.text(inp("(?,)")).empty());
  CHECK(b.text(Count{"s", {pattern("(?,)")}}) == "2");
  CHECK(a.error(Commit{held.transaction, {}}).empty());
  CHECK(b.text(inp("(?,)")) == "(2,)");
  harness.crash();
  harness.advance(harness.limits.grace);
  Asker c(harness);
  CHECK(c.text(inp("(?,)")) == "(2,) attempts 1");
}

TEST_CASE("P9: a take does not look at those who wait in their group") {
  Limits limits;
  limits.steps_per_operation = 50;
  Harness harness(limits);
  Asker a(harness);
  for (int i = 0; i < 1000; ++i) {
    a.ask(member("(\"n\", " + std::to_string(i) + ")", "(\"g\",)"));
    a.confirm();
  }
  CHECK(a.text(inp("(\"n\", ?int)")) == "(\"n\", 0)");
  CHECK(a.text(inp("(\"n\", 5..9)")).empty());
  Out o = out("(1,)");
  o.group = Payload(tuple("(\"" + std::string(2000, 'x') + "\",)"));
  CHECK_THAT(a.error(o), Contains("LimitExceeded") && Contains("max_group_bytes"));
}

TEST_CASE("Copies see those that wait in their group, moves do not") {
  Harness harness;
  Asker a(harness);
  for (int i = 0; i < 3; ++i) a.ask(member("(\"j\", " + std::to_string(i) + ")", "(1,)"));
  CHECK(a.text(Collect{"s", "copies", {pattern("(\"j\", ?)")}, true}) == "3");
  Statement statement;
  statement.branches = {{{}, {{Action::What::copy, "s", "more", 0, pattern("(\"j\", ?)")}}}};
  a.ask(statement);
  CHECK(a.text(Count{"more", {pattern("(...)")}}) == "3");
  CHECK(a.text(Collect{"s", "moved", {pattern("(\"j\", ?)")}}) == "1");
}

TEST_CASE("What a dropped space leaves of its groups harms nobody") {
  Harness harness;
  Asker a(harness);
  for (const char* text : {"(1,)", "(2,)", "(3,)"}) a.ask(member(text, "(\"g\",)"));
  const auto held = Asker::as<Found>(a.ask(claim("(?,)")));
  CHECK(a.error(Spaces{Spaces::What::drop, "s"}).empty());
  harness.advance(1s);
  CHECK(a.error(Abort{held.transaction}).empty());
  a.ask(member("(4,)", "(\"g\",)"));
  CHECK(a.text(inp("(?,)")) == "(4,)");
}

TEST_CASE("P5: who comes next in a group is there before anybody waits on who has waited for less long") {
  Harness harness;
  Asker a(harness), b(harness), c(harness), d(harness);
  Out both = out("(1,)");
  both.tuples.emplace_back(tuple("(2,)"));
  both.group = tuple("(\"g\",)");
  a.ask(both);
  const auto held = Asker::as<Found>(a.ask(claim("(1,)")));
  const Sequence first = b.send(statement("in s (1,) =>"));
  const Sequence second = c.send(statement("rd s (\"go\",) & in s (2,) =>"));
  const Sequence third = d.send(in("(\"go\",)"));
  Commit commit{held.transaction, {Put{"s", tuple("(\"go\",)")}}, true, {}, {held.items[0].id}};
  a.ask(commit);
  CHECK(Asker::as<Ran>(b.heard(first)).items.size() == 1);
  CHECK(Asker::as<Ran>(c.heard(second)).items.size() == 2);
  CHECK(d.text(third) == "(\"go\",)");
}

TEST_CASE("P5: a statement that waits for an absence goes before who has waited for less long") {
  Harness harness;
  Asker a(harness), b(harness), c(harness);
  a.ask(out("(\"closed\",)"));
  Statement waits = statement("absent s (\"closed\",) & in t (1,) => out s (2,)");
  waits.branches[0].body[0].priority = 1;
  const Sequence first = b.send(waits);
  const Sequence second = c.send(get("(?int,)", true, true));
  a.ask(out("(1,)", "t"));
  a.ask(statement("in s (\"closed\",) => out s (3,)"));
  CHECK(Asker::as<Ran>(b.heard(first)).put.size() == 1);
  CHECK(c.text(second) == "(2,)");  // of higher priority
}
