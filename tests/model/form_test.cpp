// Arithmetic on encodings, and templates and forms with variables.
#include <catch2/catch.hpp>

#include "tuplespace/model/arithmetic.hpp"
#include "tuplespace/model/codec.hpp"
#include "tuplespace/model/form.hpp"
#include "tuplespace/model/match.hpp"
#include "tuplespace/model/text.hpp"

using namespace parvis;

namespace {

constexpr FormLimits room{1000, 1000};

Blob tuple(std::string_view text) { return encoded(parse_tuple(text)); }
Blob form(std::string_view text) { return encoded(parse_template(text)); }
std::string text(ByteSpan bytes) { return to_text(decode_tuple(Blob::copy(bytes))); }

std::string calculated(ByteVector (*how)(ByteSpan, ByteSpan), const std::string& a, const std::string& b) {
  const Blob both = tuple("(" + a + ", " + b + ")");
  std::vector<ByteSpan> fields;
  split_tuple(both.span(), fields);
  const ByteVector value = how(fields[0], fields[1]);
  ByteVector one{std::byte{1}};
  one.insert(one.end(), value.begin(), value.end());
  validate_tuple(one);
  std::string shown = text(one);
  return shown.substr(1, shown.size() - 3);
}

struct Matched {
  explicit Matched(std::string_view template_text, std::string_view tuple_text)
      : pattern(form(template_text)), value(tuple(tuple_text)) {
    split_tuple(value.span(), fields);
    REQUIRE(Matcher(pattern.span()).matches(fields));
    bound.bind(pattern.span(), fields, 0);
  }
  std::string made(std::string_view form_text) const { return text(instantiated(form(form_text).span(), bound, room)); }
  std::string error(std::string_view form_text) const {
    try {
      return made(form_text);
    } catch (const Error& e) {
      return e.what();
    }
  }
  Blob pattern, value;
  std::vector<ByteSpan> fields;
  BoundVariables bound;
};

Change change(std::uint32_t position, Change::How how, std::string_view operand) {
  return {position, how, form("(" + std::string(operand) + ",)")};
}

}  // namespace

TEST_CASE("Ints are calculated exactly at any size") {
  CHECK(calculated(add, "2", "3") == "5");
  CHECK(calculated(add, "9223372036854775807", "1") == "9223372036854775808");
  CHECK(calculated(add, "9223372036854775808", "-1") == "9223372036854775807");
  CHECK(calculated(add, "-9223372036854775808", "-1") == "-9223372036854775809");
  CHECK(calculated(subtract, "-9223372036854775809", "-1") == "-9223372036854775808");
  CHECK(calculated(subtract, "18446744073709551616", "18446744073709551616") == "0");
  CHECK(calculated(subtract, "18446744073709551616", "1") == "18446744073709551615");
  CHECK(calculated(subtract, "1", "340282366920938463463374607431768211456") ==
        "-340282366920938463463374607431768211455");
  CHECK(calculated(multiply, "-3", "4") == "-12");
  CHECK(calculated(multiply, "-9223372036854775808", "-1") == "9223372036854775808");
  CHECK(calculated(multiply, "123456789012345678901234567890", "-987654321098765432109876543210") ==
        "-121932631137021795226185032733622923332237463801111263526900");
  CHECK(calculated(multiply, "123456789012345678901234567890", "0") == "0");
}

TEST_CASE("Numbers of different types do not mix") {
  CHECK(calculated(add, "1.5", "2.25") == "3.75");
  CHECK(calculated(multiply, "1e300", "1e300") == "inf");
  for (const char* other : {"1.0", "true", "\"1\"", "nil", "[1]"}) {
    CHECK_THROWS_WITH(calculated(add, "1", other), Catch::Matchers::Contains("two ints or two floats, not int and"));
    CHECK_THROWS_AS(calculated(subtract, other, "1"), Error);
  }
}

TEST_CASE("Forms are made of values, bound variables and nested forms") {
  const Matched m("(\"job\", ?n:int, [?inner:, ...], ?)", "(\"job\", 7, [\"a\", 2], nil)");
  CHECK(m.made("(?n:, ?inner:, \"x\")") == "(7, \"a\", \"x\")");
  CHECK(m.made("((?n:, [?inner:, ()]), {\"k\": 1})") == "((7, [\"a\", ()]), {\"k\": 1})");
  CHECK(m.error("(1, ?other:)") == "field 1 of the form: the variable other is not bound");
  CHECK(m.error("(1, (2, ?int))").find("field 1 of the form: a form holds only") == 0);
  CHECK(m.error("(1, (2, ...))").find("field 1 of the form") == 0);
  CHECK(m.error("(1, ...)") == "a form has no `...`");
  CHECK(m.error("(?n:str,)") == "field 0 of the form: a variable stands for a value of another type");
}

TEST_CASE("Bound variables become actuals in a template, at any depth") {
  const Matched m("(?n:, ?x:)", "(7, \"a\")");
  const auto seen = [&](const char* template_text) {
    const auto bytes = substituted(form(template_text).span(), m.bound, 1000);
    return bytes ? to_text(decode_template(Blob::copy(*bytes))) : "nothing";
  };
  CHECK(seen("(?n:, ?int, ?y:, ...)") == "(7, ?int, ?y:, ...)");
  CHECK(seen("((?n:, [?x:]), (?n:, ?))") == "((7, [\"a\"]), (7, ?))");
  CHECK(seen("(?n:int, ?x:str)") == "(7, \"a\")");
  CHECK(seen("(?n:str,)") == "nothing");
  // The nested form with all its variables bound is an actual, which the index finds.
  const auto bytes = substituted(form("((?n:, [?x:]),)").span(), m.bound, 1000);
  CHECK(Matcher(*bytes).actuals().size() == 1);
  CHECK(variables_of(form("(?n:, [?x:, (?n:,)])").span()) == std::vector<std::string_view>{"n", "x", "n"});
}

TEST_CASE("A template that grows too deep or too large matches nothing") {
  std::string deep = "1";
  for (std::size_t i = 0; i < max_depth - 1; ++i) deep = "[" + deep + "]";
  const Matched m("(?x:,)", "(" + deep + ",)");
  CHECK(substituted(form("((?x:, ?),)").span(), m.bound, 1000).has_value());
  CHECK_FALSE(substituted(form("(((?x:, ?),),)").span(), m.bound, 1000).has_value());
  CHECK_FALSE(substituted(form("(?x:, ?x:, ?)").span(), m.bound, 50).has_value());
  CHECK_THROWS_WITH(instantiated(form("(((?x:, 1),),)").span(), m.bound, room), Catch::Matchers::Contains("max_depth"));
  CHECK_THROWS_WITH(instantiated(form("(?x:, ?x:)").span(), m.bound, FormLimits{50, 1000}),
                    Catch::Matchers::Contains("tuple_bytes = 50"));
}

TEST_CASE("Changes are made one after the other, and errors name the field") {
  const Matched m("(?n:int, ?t:, ?f:)", "(7, \"a\", 0.5)");
  const auto after = [&](const std::vector<Change>& changes) {
    try {
      return text(changed(m.value.span(), changes, m.bound, room));
    } catch (const Error& e) {
      return std::string(e.what());
    }
  };
  using How = Change::How;
  CHECK(after({change(0, How::add, "?n:"), change(0, How::multiply, "3"), change(0, How::subtract, "2")}) ==
        "(40, \"a\", 0.5)");
  CHECK(after({change(1, How::set, "[?n:]"), change(2, How::max, "0.25")}) == "(7, [7], 0.5)");
  CHECK(after({change(0, How::min, "3"), change(1, How::max, "\"b\"")}) == "(3, \"b\", 0.5)");
  CHECK(after({change(0, How::add, "1.0")}) == "field 0: add wants two ints or two floats, not int and float");
  CHECK(after({change(1, How::min, "1")}).find("field 1: min wants two") == 0);
  CHECK(after({change(3, How::set, "1")}) == "(7, \"a\", 0.5, 1)");
  CHECK(after({change(4, How::set, "1")}) == "a change of field 4 of a tuple that has 3");
  CHECK(after({change(3, How::add, "1")}) == "a change of field 3 of a tuple that has 3");
  CHECK(after({change(2, How::set, "?z:")}) == "field 2 of the change: the variable z is not bound");
  const std::vector<Change> growing(40, change(0, How::multiply, "0x" + std::string(500, 'f')));
  CHECK_THROWS_WITH(changed(m.value.span(), growing, m.bound, FormLimits{100'000, 1000}),
                    Catch::Matchers::Contains("field 0: steps of a multiplication"));
  CHECK(after(growing).find("tuple_bytes = 1000") != std::string::npos);
}
