// Words of the command line.
#include <catch2/catch.hpp>

#include "tuplespace/model/error.hpp"
#include "tuplespace/model/text.hpp"

using namespace parvis;

namespace {

using Words = std::vector<std::string>;

std::string as_tuple(const Words& words) { return to_text(tuple_of_words(words)); }
std::string as_template(const Words& words) { return to_text(template_of_words(words)); }

}  // namespace

TEST_CASE("words of a tuple") {
  CHECK(as_tuple({"task", "1", "\"x\""}) == "(\"task\", 1, \"x\")");
  CHECK(as_tuple({}) == "()");
  CHECK(as_tuple({"true", "false", "nil", "nan", "-inf"}) == "(true, false, nil, nan, -inf)");
  CHECK(as_tuple({"7", "-1", "3.5", "1e3", "0xff", "99999999999999999999"}) ==
        "(7, -1, 3.5, 1000.0, 255, 99999999999999999999)");
  CHECK(as_tuple({"[1, \"a\"]", "(1,)", "{\"k\": nil}", "b\"\\x00\""}) ==
        "([1, \"a\"], (1,), {\"k\": nil}, b\"\\x00\")");
  CHECK(as_tuple({"\"true\"", "\"7\""}) == "(\"true\", \"7\")");
}

TEST_CASE("everything else is a str") {
  for (const auto* word :
       {"-",   "--",    "--x",   "a.b", "a..b", "../x",        "..",         "x..3",      "007",
        "+7",  "7f",    "1_000", "1.",  ".5",   "1.2.3",       "2024-01-31", "user@host", "http://h/p?q=1",
        "a:b", "x=1",   "é",     "",    " ",    "hello world", "nil ",       "rm *",      "a b|c",
        "*",   "|",     "a||b",  "a|",  "|a",   "b",           "bad",        "-x",        "0x",
        "1e",  "it's",  "'x'",   "Nil", "null", "3... ",       "/tmp/a,b",   "a,b",       "<f8",
        "1 2", "3 .. 4"}) {
    INFO(word);
    CHECK(tuple_of_words(Words{word}) == Tuple{{word}});
    CHECK(to_text(template_of_words(Words{word})) == to_text(Tuple{{word}}));
  }
}

TEST_CASE("words of a template") {
  CHECK(as_template({"task", "?int", "?"}) == "(\"task\", ?int, ?)");
  CHECK(as_template({"3..9", "-1.5..2.5", "-inf..0.5", "\"a\"..\"b\""}) ==
        "(3..9, -1.5..2.5, -inf..0.5, \"a\"..\"b\")");
  CHECK(as_template({"a|b", "1|2.5|nil", "\"a|b\"|c", "a.b|\"c\""}) ==
        "(\"a\"|\"b\", 1|2.5|nil, \"a|b\"|\"c\", \"a.b\"|\"c\")");
  CHECK(as_template({"pre*", "\"pre\"*", "b\"\\x00\"*"}) == "(\"pre\"*, \"pre\"*, b\"\\x00\"*)");
  CHECK(as_template({"?x:int", "?x:", "?pkg.Class", "?ns::C"}) == "(?x:int, ?x:, ?pkg.Class, ?ns::C)");
  CHECK(as_template({"[1, ?int, ...]", "(?,)"}) == "([1, ?int, ...], (?,))");
  CHECK(as_template({"task", "..."}) == "(\"task\", ...)");
  CHECK(as_template({"..."}) == "(...)");
}

TEST_CASE("what is put with a word is not mistaken for a pattern later") {
  for (const auto* word : {"?", "?int", "3..9", "a|b", "pre*", "...", "\"a\"*", "[?]"}) {
    INFO(word);
    CHECK_THROWS_WITH(tuple_of_words(Words{word}), Catch::Contains("pattern"));
  }
}

TEST_CASE("words that cannot be read show which, where and what was expected") {
  struct Row {
    const char* word;
    const char* part;
  };
  const Row rows[] = {
      {"?itn", "cannot read word 2, `?itn` at character 1: no type is called itn; did you mean ?int?"},
      {"3..x", "character 4: text is written in double quotes"},
      {"3..", "upper bound"},
      {"3..9.5", "character 4: expected a range of two"},
      {"None", "did you mean nil? Text is written \"None\""},
      {"True", "did you mean true?"},
      {"\"x", "closing \" is missing"},
      {"\"x\"y", "expected the end of the word"},
      {"[a]", "text is written in double quotes, \"a\""},
      {"(draft)", "double quotes"},
      {"[1", "expected , or ]"},
      {"{", "key in double quotes"},
      {"1e999", "beyond the range"},
      {"\"a\"|", "expected an alternative"},
      {"3..4..5", "expected the end of the word"},
      {"\xff", "word 2 is not valid UTF-8"},
  };
  for (const auto& [word, part] : rows) {
    INFO(word);
    CHECK_THROWS_WITH(template_of_words(Words{"task", word}), Catch::Contains(part));
  }
  CHECK_THROWS_WITH(template_of_words(Words{"...", "x"}), Catch::Contains("word 2") && Catch::Contains("comes last"));
}
