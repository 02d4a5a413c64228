// Looking at many tuples: scan, count, aggregate.
#include "asker.hpp"

using namespace parvis;
using namespace parvis::space;
using namespace parvis::space::test;
using Catch::Matchers::Contains;

namespace {

Scan scan(const std::string& text, std::uint32_t max) { return Scan{"s", {pattern(text)}, max}; }

// Everything, page by page; `between` runs after each page.
template <class Between = void (*)(int)>
std::string scan_all(
    Asker& client, Scan scan, Between between = [](int) {}) {
  std::string text;
  for (int pages = 1; pages < 1000; ++pages) {
    const auto page = Asker::as<Page>(client.ask(scan));
    CHECK(page.items.size() <= scan.max);
    const std::string more = Asker::text_of(page.items);
    text += (text.empty() || more.empty() ? "" : " ; ") + more;
    if (page.done) return text;
    CHECK(page.after > scan.after);
    scan.after = page.after;
    scan.until = page.until;
    between(pages);
  }
  FAIL("the scan does not end");
  return text;
}

Aggregate aggregate(const std::string& text, std::vector<std::uint32_t> group_by, std::vector<Aggregate::Term> terms) {
  return Aggregate{"s", {pattern(text)}, std::move(group_by), std::move(terms)};
}
using enum Aggregate::Function;

}  // namespace

TEST_CASE("A scan yields what was there at its first page, once each, by priority and then age") {
  Harness harness;
  Asker a(harness);
  CHECK(scan_all(a, scan("(...)", 2)).empty());
  for (int i = 1; i <= 5; ++i) a.ask(out("(\"n\", " + std::to_string(i) + ")"));
  Out urgent = out("(\"n\", 6)");
  urgent.priority = 1;
  a.ask(urgent);
  const std::string all = "(\"n\", 6) ; (\"n\", 1) ; (\"n\", 2) ; (\"n\", 3) ; (\"n\", 4) ; (\"n\", 5)";
  for (std::uint32_t max : {1u, 2u, 3u, 6u, 100u}) {
    CHECK(scan_all(a, scan("(\"n\", ?int)", max)) == all);
    CHECK(scan_all(a, scan("(...)", max)) == all);
    CHECK(scan_all(a, Scan{"s", {pattern("(\"n\", 3..9)"), pattern("(?, 1..4)"), pattern("(...)")}, max}) == all);
  }
  const auto changing = [&](int page) {
    if (page != 1) return;
    a.ask(out("(\"n\", 7)"));  // later ones do not appear,
    urgent.priority = -1;
    a.ask(urgent);             // whatever their priority
    a.ask(inp("(\"n\", 3)"));  // and what is gone does not either
  };
  CHECK(scan_all(a, scan("(\"n\", ?int)", 2), changing) ==
        "(\"n\", 6) ; (\"n\", 1) ; (\"n\", 2) ; (\"n\", 4) ; (\"n\", 5)");
}

TEST_CASE("A scan goes on after a restart of the server") {
  Harness harness;
  Asker a(harness);
  for (int i = 1; i <= 6; ++i) a.ask(out("(" + std::to_string(i) + ",)"));
  const auto restart = [&](int page) {
    if (page != 1) return;
    harness.crash();
    harness.engine->attach(a.id, harness.now);
    a.ask(out("(7,)"));
  };
  CHECK(scan_all(a, scan("(...)", 2), restart) == "(1,) ; (2,) ; (3,) ; (4,) ; (5,) ; (6,)");
}

TEST_CASE("P9: a page of a scan ends with its bytes or its steps, and the scan goes on behind them") {
  Limits limits;
  limits.steps_per_operation = 10;
  limits.range_steps = 0;
  limits.reply_bytes = 200;
  Harness harness(limits);
  Asker a(harness);
  for (int i = 0; i < 95; ++i) a.ask(out("(\"n\", " + std::to_string(i) + ")"));
  int pages = 0;
  CHECK(scan_all(a, scan("(\"n\", 90..99)", 1000), [&](int) { ++pages; }) ==
        "(\"n\", 90) ; (\"n\", 91) ; (\"n\", 92) ; (\"n\", 93) ; (\"n\", 94)");
  CHECK(pages >= 9);  // most of them empty
  const auto page = Asker::as<Page>(a.ask(scan("(\"n\", ?)", 1000)));
  CHECK(page.items.size() < 8);
  CHECK_FALSE(page.done);
}

TEST_CASE("A count by kind looks at no tuple, however many there are, and is exact") {
  Limits limits;
  limits.steps_per_operation = 20;
  Harness harness(limits);
  Asker a(harness);
  for (int i = 0; i < 50; ++i) a.ask(out("(\"task\", " + std::to_string(i) + ", 0.5)"));
  for (int i = 0; i < 30; ++i) a.ask(out("(\"task\", \"x\")"));
  for (int i = 0; i < 25; ++i) a.ask(out("(7, nil)"));
  a.ask(out("()"));
  const auto count = [&](std::vector<std::string> templates) {
    Count c{"s", {}};
    for (const auto& text : templates) c.templates.emplace_back(pattern(text));
    return a.text(c);
  };
  CHECK(count({"(...)"}) == "106");
  CHECK(count({"(\"task\", ...)"}) == "80");
  CHECK(count({"(\"task\", ?int, ?)"}) == "50");
  CHECK(count({"(\"task\", ?int, ?int)"}) == "0");
  CHECK(count({"(?str, ?, ...)"}) == "80");
  CHECK(count({"(5..9, ?)"}) == "25");
  CHECK(count({"(?, ?)"}) == "55");
  CHECK(count({"(?, ?)", "(\"task\", ...)", "()"}) == "106");
  CHECK(count({"()"}) == "1");
  CHECK_THAT(count({"(\"task\", 0..9, ...)"}), Contains("steps_per_operation = 20"));
  CHECK(count({"(\"task\", 9, ...)"}) == "1");
  a.ask(inp("(\"task\", ?str)"));
  CHECK(count({"(\"task\", ?str)"}) == "29");
  SECTION("many kinds: as before, within the budget") {
    for (int i = 0; i < 300; ++i) a.ask(out("(" + std::to_string(i) + ",)"));
    CHECK_THAT(count({"(\"task\", ...)"}), Contains("steps_per_operation = 20"));
    CHECK(count({"(...)"}) == "405");
  }
}

TEST_CASE("An aggregate sums exactly, groups by fields and orders its rows") {
  Harness harness;
  Asker a(harness);
  CHECK(a.text(aggregate("(...)", {}, {{count, 0}, {sum, 1}, {min, 1}, {max, 1}})) == "(0, 0, nil, nil)");
  for (const char* text : {"(\"a\", 1)", "(\"b\", 2)", "(\"a\", 9223372036854775807)", "(\"b\", -5)",
                           "(\"a\", 9223372036854775807)", "(\"c\",)"})
    a.ask(out(text));
  CHECK(a.text(aggregate("(...)", {0}, {{count, 0}, {sum, 1}, {min, 1}, {max, 1}})) ==
        "(\"a\", 3, 18446744073709551615, 1, 9223372036854775807) ; (\"b\", 2, -3, -5, 2) ; "
        "(\"c\", 1, 0, nil, nil)");
  CHECK(a.text(aggregate("(\"a\", ...)", {}, {{sum, 1}})) == "(18446744073709551615,)");
  CHECK(a.text(aggregate("(...)", {1}, {{count, 0}})) ==  // by encoding, in which 1 is 2 and -5 is 9
        "(1, 1) ; (2, 1) ; (-5, 1) ; (9223372036854775807, 2)");
}

TEST_CASE("Sums of ints of any size come back exactly") {
  Harness harness;
  Asker a(harness);
  const std::string big = "1000000000000000000000000000000000000000000";
  for (const std::string& n : {big, "-" + big, std::string("7"), "-" + big, std::string("-9223372036854775808")})
    a.ask(out("(\"n\", " + n + ")"));
  CHECK(a.text(aggregate("(\"n\", ?)", {}, {{sum, 1}, {min, 1}, {max, 1}})) ==
        "(-1000000000000000000000009223372036854775801, -" + big + ", " + big + ")");
  a.ask(out("(\"n\", " + big + ")"));
  CHECK(a.text(aggregate("(\"n\", ?)", {}, {{sum, 1}})) == "(-9223372036854775801,)");
  for (int i = 0; i < 2; ++i) a.ask(out("(\"m\", 18446744073709551615)"));
  CHECK(a.text(aggregate("(\"m\", ?)", {}, {{sum, 1}})) == "(36893488147419103230,)");
}

TEST_CASE("A float among ints makes the sum a float; what is no number is an error") {
  Harness harness;
  Asker a(harness);
  for (const char* text : {"(\"x\", 1)", "(\"x\", 0.5)", "(\"x\", 2)", "(\"z\", 0.0)", "(\"z\", -0.0)"})
    a.ask(out(text));
  CHECK(a.text(aggregate("(\"x\", ?)", {}, {{sum, 1}, {min, 1}, {max, 1}})) == "(3.5, 0.5, 2)");
  CHECK(a.text(aggregate("(\"z\", ?)", {1}, {{count, 0}})) == "(0.0, 2)");
  a.ask(out("(\"x\", true)"));
  CHECK_THAT(a.error(aggregate("(\"x\", ?)", {}, {{sum, 1}})), Contains("ProtocolError") && Contains("type bool"));
  CHECK_THAT(a.error(aggregate("(\"x\", ?)", {}, {{min, 1}})), Contains("no order"));
  a.ask(out("(\"y\", \"text\")"));
  a.ask(out("(\"y\", 5)"));
  CHECK_THAT(a.error(aggregate("(\"y\", ?)", {}, {{max, 1}})), Contains("cannot be compared"));
  CHECK(a.text(aggregate("(?str, ?)", {}, {{max, 0}})) == "(\"z\",)");
}

TEST_CASE("P9: an aggregate is bounded in its groups and steps") {
  Limits limits;
  limits.reply_tuples = 10;
  limits.steps_per_operation = 40;
  Harness harness(limits);
  Asker a(harness);
  for (int i = 0; i < 30; ++i) a.ask(out("(" + std::to_string(i) + ",)"));
  CHECK_THAT(a.error(aggregate("(...)", {0}, {})), Contains("LimitExceeded") && Contains("reply_tuples = 10"));
  CHECK(a.text(aggregate("(...)", {}, {{sum, 0}})) == "(435,)");
  for (int i = 0; i < 30; ++i) a.ask(out("(" + std::to_string(i) + ",)"));
  CHECK_THAT(a.error(aggregate("(...)", {}, {{sum, 0}})), Contains("steps_per_operation = 40"));
}
