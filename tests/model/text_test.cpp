#include <bit>
#include <catch2/catch.hpp>

#include "generate.hpp"
#include "tuplespace/model/codec.hpp"
#include "tuplespace/model/error.hpp"
#include "tuplespace/model/text.hpp"

using namespace parvis;

TEST_CASE("random tuples survive their text") {
  for (std::uint64_t seed = 1; seed <= 3000; ++seed) {
    const auto tuple = test::Generator(seed).tuple(true);
    const auto text = to_text(tuple);
    INFO("seed " << seed << " " << text);
    REQUIRE(test::hex(encoded(parse_tuple(text)).span()) == test::hex(encoded(tuple).span()));
  }
}

TEST_CASE("random templates survive their text") {
  for (std::uint64_t seed = 1; seed <= 3000; ++seed) {
    // A nested template of actuals reads back as the value it is; after one reading nothing changes any more.
    const auto text = to_text(test::Generator(seed).a_template());
    INFO("seed " << seed << " " << text);
    const auto read = parse_template(text);
    REQUIRE(to_text(read) == text);
    REQUIRE(test::hex(encoded(parse_template(to_text(read))).span()) == test::hex(encoded(read).span()));
  }
}

TEST_CASE("tuples are shown as people write them") {
  const auto same = [](const char* text) { CHECK(to_text(parse_tuple(text)) == text); };
  same("()");
  same("(7,)");
  same("(\"task\", 7)");
  same("(nil, true, false, -1, 3.5, 1e+300, -0.0, nan, inf, -inf)");
  same("([], [1, 2], (1,), (), {}, {\"a\": nil, \"b\": [1]})");
  same("(\"\", \"é€𝄞\", \"\\n\\t\\r\\\\\\\"\\x00\\x1b\\x7f\\u202e\", b\"\\x00\\xff\\\"a\")");
  same("(9223372036854775807, 9223372036854775808, -9223372036854775809, 100000000000000000000000000000)");
  CHECK(to_text(Tuple{{7}}) == "(7,)");
  CHECK(to_text(Value(1.0)) == "1.0");
  CHECK(to_text(Value("x")) == "\"x\"");
  CHECK(to_text(Value(Array{"<f8", {3, 4}, {}})) == "<array <f8 (3, 4)>");
  CHECK(to_text(Value(Array{"<f8", {3}, {}})) == "<array <f8 (3,)>");
  CHECK(to_text(Value(Array{"<f8", {}, {}})) == "<array <f8 ()>");
  CHECK(to_text(Value(Object{"pickle", {"m.C\x1b", "m.B"}, Blob::copy(as_bytes("abc")), {}})) ==
        "<object pickle m.C\\x1b 3 bytes>");
  CHECK(to_text(Value("\xff\xc3")) == "\"\\xff\\xc3\"");
}

TEST_CASE("templates are shown as people write them") {
  const auto same = [](const char* text) { CHECK(to_text(parse_template(text)) == text); };
  same("(\"task\", ?int, ?, ...)");
  same("(...)");
  same("(?nil, ?bool, ?int, ?float, ?str, ?bytes, ?list, ?tuple, ?map, ?array, ?object)");
  same("(?package.Class, ?ns::deep::Class, ?\"__main__.f.<locals>.C\", ?\"Bare\")");
  same("(?x:, ?x:int, ?\"y z\":str)");
  same("(3..9, -1.5..inf, \"a\"..\"b\", b\"a\"..b\"b\", 0..18446744073709551616)");
  same("(\"pre\"*, b\"\\x00\"*, 1|\"a\"|[1], nan|inf)");
  same("([1, ?, ...], (?str,), (...), [...], (1, [?int, ...]))");
}

TEST_CASE("there is some freedom in writing") {
  const auto same = [](const char* text, const char* plain) { CHECK(to_text(parse_template(text)) == plain); };
  same("  ( 'task' ,7 , ) ", "(\"task\", 7)");
  same("(7)", "(7,)");
  same("(1 | 2, 3 .. 9, ... ,)", "(1|2, 3..9, ...)");
  same("({\"b\": 1, 'a': 2,}, [1,], b'x', 0xff, -0x10, 1E3, 1e-400)",
       "({\"a\": 2, \"b\": 1}, [1], b\"x\", 255, -16, 1000.0, 0.0)");
  same("(\"\\u00e9\\U0001d11e\\xe9\\0\\'\",)", "(\"é𝄞é\\x00'\",)");
  same("(0xffffffffffffffff, -0x8000000000000000, 0x0000000000000000000001)",
       "(18446744073709551615, -9223372036854775808, 1)");
}

TEST_CASE("huge ints are shown in hexadecimal") {
  const BigInteger huge{true, ByteVector(4000, std::byte{0x5a})};
  const auto text = to_text(Value(huge));
  CHECK(text.substr(0, 7) == "-0x5a5a");
  CHECK(parse_tuple("(" + text + ")") == Tuple{{huge}});
}

TEST_CASE("NaNs keep their bits in text") {
  const auto read = [](const char* text) {
    return std::bit_cast<std::uint64_t>(parse_tuple(text).items[0].get<double>());
  };
  CHECK(read("(nan,)") == 0x7ff8000000000000U);
  CHECK(read("(-nan,)") == 0xfff8000000000000U);
  CHECK(read("(nan(0x7ff0000000000001),)") == 0x7ff0000000000001U);
  CHECK_THROWS_AS(read("(nan(0x1),)"), Error);
  CHECK_THROWS_AS(read("(nan(0x"), Error);
}

TEST_CASE("errors show the place and what was expected") {
  struct Row {
    const char* text;
    const char* part;
  };
  const Row rows[] = {
      {"(\"task\", ?itn)", "at character 10: no type is called itn; did you mean ?int?"},
      {"(?strng)", "did you mean ?str?"},
      {"(?dict)", "did you mean ?map?"},
      {"(?x:flaot)", "did you mean ?float?"},
      {"(?Thing)", "?package.Class"},
      {"(?1x:int)", "variable's name"},
      {"(task, 7)", "at character 2: text is written in double quotes, \"task\""},
      {"(None)", "did you mean nil?"},
      {"(True)", "did you mean true?"},
      {"(ANY)", "did you mean ??"},
      {"\"task\"", "expected ("},
      {"", "at character 1: expected ("},
      {"(1", "at character 3: expected , or )"},
      {"(1 2)", "at character 4: expected , or )"},
      {"(1,) 2", "at character 6: expected nothing"},
      {"(, 1)", "expected a value"},
      {"(\"a)", "closing \" is missing"},
      {"(\"\\q\")", "unknown escape"},
      {"(\"\\x4\")", "hexadecimal"},
      {"(\"\\ud800\")", "no Unicode character"},
      {"(b\"\\u1234\")", "unknown escape"},
      {"(\"\\", "backslash at the end"},
      {"(007)", "double quotes, \"007\""},
      {"(7f)", "no number"},
      {"(1.)", "no number"},
      {"(1e999)", "beyond the range"},
      {"((7),)", "(7,)"},
      {"([..., 1])", "... comes last"},
      {"(3..9.5)", "expected a range of two"},
      {"(3..)", "expected a value"},
      {"(nil..3)", "expected a range"},
      {"(1|?)", "alternatives are values"},
      {"(1|)", "expected a value"},
      {"({1: 2})", "key in double quotes"},
      {"({\"a\" 2})", "expected :"},
      {"({\"a\": 1, \"a\": 2})", "\"a\" twice"},
      {"({\"a\": ?})", "maps hold no patterns"},
      {"(<array <f8 (3,)>)", "cannot be written as text"},
      {"(\xff)", "not valid UTF-8"},
  };
  for (const auto& [text, part] : rows) {
    INFO(text);
    try {
      parse_template(text);
      FAIL("accepted");
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::protocol_error);
      CHECK_THAT(error.what(), Catch::Contains(part));
    }
  }
}

TEST_CASE("a tuple holds no patterns") {
  for (const auto* text : {"(?)", "(?int)", "(3..9)", "(\"a\"*)", "(1|2)", "(...)", "([?])", "([1, ...])"}) {
    INFO(text);
    CHECK_THROWS_WITH(parse_tuple(text), Catch::Contains("pattern"));
  }
}

TEST_CASE("names of errors and types") {
  CHECK(name_of(ErrorCode::limit_exceeded) == "LimitExceeded");
  CHECK(name_of(ErrorCode::remote_error) == "RemoteError");
  CHECK(name_of(static_cast<ErrorCode>(200)) == "Error");
  CHECK(name_of(Type::real) == "float");
  CHECK(type_named("array") == Type::array);
  CHECK_FALSE(type_named("Array"));
}
