#include <catch2/catch.hpp>
#include <limits>

#include "generate.hpp"
#include "tuplespace/model/codec.hpp"
#include "tuplespace/model/error.hpp"
#include "tuplespace/model/match.hpp"
#include "tuplespace/model/text.hpp"

using namespace parvis;

namespace {

int mismatch(const Template& pattern, const Tuple& tuple) {
  const Matcher matcher(encoded(pattern).span());
  const auto bytes = encoded(tuple);
  std::vector<ByteSpan> fields;
  split_tuple(bytes.span(), fields);
  REQUIRE(fields.size() == tuple.items.size());
  const int at = matcher.first_mismatch(fields);
  CHECK(matcher.matches(fields) == (at == -1));
  return at;
}

int mismatch(std::string_view pattern, std::string_view tuple) {
  return mismatch(parse_template(pattern), parse_tuple(tuple));
}
bool matches(std::string_view pattern, std::string_view tuple) { return mismatch(pattern, tuple) == -1; }
Template one(Pattern p) { return {{std::move(p)}, false}; }

struct Row {
  const char* pattern;
  const char* yes;  // tuples between ; that match
  const char* no;   // and such that do not
};

std::vector<std::string> split(std::string_view list) {
  std::vector<std::string> result;
  while (!list.empty()) {
    const auto end = list.find(';');
    result.emplace_back(list.substr(0, end));
    list.remove_prefix(end == std::string_view::npos ? list.size() : end + 1);
  }
  return result;
}

}  // namespace

TEST_CASE("the table of matching") {
  const Row rows[] = {
      {"()", "()", "(1,)"},
      {"(...)", "();(1,);(1, \"a\", nil)", ""},
      {"(1, ...)", "(1,);(1, 2)", "();(2,);(1.0,)"},
      {"(1,)", "(1,)", "(1.0,);(true,);(\"1\",);(1, 1);([1],)"},
      {"(0.0,)", "(0.0,);(-0.0,)", "(0,);(false,);(nan,)"},
      {"(-0.0,)", "(0.0,);(-0.0,)", ""},
      {"(nan,)", "(nan,)", "(-nan,);(nan(0x7ff8000000000001),);(0.0,)"},
      {"(true,)", "(true,)", "(1,);(false,)"},
      {"(\"a\",)", "(\"a\",)", "(b\"a\",);(\"A\",);(\"á\",)"},
      {"([1],)", "([1],)", "((1,),);([1.0],);([1, 1],)"},
      {"([0.0, {\"k\": (-0.0,)}],)", "([-0.0, {\"k\": (0.0,)}],)",
       "([-0.0, {\"k\": (0,)}],);([-0.0, {\"j\": (0.0,)}],)"},
      {"(?,)", "(nil,);(1,);([],)", "();(1, 2)"},
      {"(?nil,)", "(nil,)", "(false,);(0,)"},
      {"(?bool,)", "(true,);(false,)", "(1,);(nil,)"},
      {"(?int,)", "(1,);(-9223372036854775809,);(99999999999999999999,)", "(1.0,);(true,);(\"1\",)"},
      {"(?float,)", "(1.0,);(nan,);(-inf,)", "(1,)"},
      {"(?str,)", "(\"\",)", "(b\"\",);(nil,)"},
      {"(?bytes,)", "(b\"\",)", "(\"\",)"},
      {"(?list,)", "([],);([1],)", "((),);({},)"},
      {"(?tuple,)", "((),);((1,),)", "([],)"},
      {"(?map,)", "({},);({\"a\": 1},)", "([],);(nil,)"},
      {"(0..10,)", "(0,);(10,);(5,)", "(-1,);(11,);(3.5,);(true,);(99999999999999999999,);(\"5\",)"},
      {"(-3..-1,)", "(-3,);(-2,);(-1,)", "(0,);(-4,)"},
      {"(0..99999999999999999999,)", "(0,);(9223372036854775807,);(9223372036854775808,);(99999999999999999999,)",
       "(-1,);(100000000000000000000,);(-99999999999999999999,)"},
      {"(-99999999999999999999..-9223372036854775809,)", "(-9223372036854775809,);(-99999999999999999999,)",
       "(-9223372036854775808,);(-100000000000000000000,);(9223372036854775809,)"},
      {"(10..0,)", "", "(5,);(0,);(10,)"},
      {"(0.0..1.0,)", "(0.0,);(-0.0,);(1.0,);(0.5,)", "(nan,);(-nan,);(1.5,);(0,)"},
      {"(-0.0..0.0,)", "(0.0,);(-0.0,)", "(5e-324,)"},
      {"(-inf..inf,)", "(-inf,);(inf,);(0.0,)", "(nan,)"},
      {"(0.0..nan,)", "", "(0.0,);(1.0,);(nan,)"},
      {"(\"a\"..\"b\",)", "(\"a\",);(\"ab\",);(\"b\",)", "(\"\",);(\"ba\",);(\"B\",);(b\"a\",)"},
      {"(\"z\"..\"é\",)", "(\"z\",);(\"é\",);(\"zz\",)", "(\"ê\",);(\"a\",)"},
      {"(b\"\\x7f\"..b\"\\xff\",)", "(b\"\\x7f\",);(b\"\\x80\",);(b\"\\xfe\\xff\",)",
       "(b\"\\x7e\",);(b\"\\xff\\x00\",)"},
      {"(\"pre\"*,)", "(\"pre\",);(\"prefix\",)", "(\"pr\",);(\"Pre\",);(b\"prefix\",);(1,);(nil,)"},
      {"(b\"\\x00\"*,)", "(b\"\\x00\",);(b\"\\x00a\",)", "(b\"\",);(\"\\0\",)"},
      {"(\"\"*,)", "(\"\",);(\"x\",)", "(b\"\",)"},
      {"(1|\"a\"|[0.0],)", "(1,);(\"a\",);([-0.0],)", "(1.0,);(\"b\",);([0],)"},
      {"(nan|1,)", "(nan,)", "(-nan,)"},
      {"([1, ?],)", "([1, 2],);([1, [3]],)", "([1],);([1, 2, 3],);((1, 2),)"},
      {"([1, ...],)", "([1],);([1, 2],)", "([],);([2],);((1,),)"},
      {"((?str, [?int, ...], ...),)", "((\"a\", [1]),);((\"a\", [1, \"x\"], 3),)",
       "((\"a\", []),);((\"a\",),);([\"a\", [1]],)"},
      {"([[0.0|1, ...]],)", "([[-0.0]],);([[1, 2]],)", "([[]],);([1],)"},
  };
  for (const auto& [pattern, yes, no] : rows) {
    for (const auto& tuple : split(yes)) {
      INFO(pattern << " matches " << tuple);
      CHECK(matches(pattern, tuple));
    }
    for (const auto& tuple : split(no)) {
      INFO(pattern << " does not match " << tuple);
      CHECK_FALSE(matches(pattern, tuple));
    }
  }
}

TEST_CASE("variables bind equal values") {
  CHECK(matches("(?x:, ?x:)", "(1, 1)"));
  CHECK(matches("(?x:, ?x:)", "(0.0, -0.0)"));
  CHECK(matches("(?x:, ?x:)", "([1, \"a\"], [1, \"a\"])"));
  CHECK(matches("(?x:, ?y:)", "(1, 2)"));
  CHECK(mismatch("(?x:, ?x:)", "(1, 1.0)") == 1);
  CHECK(mismatch("(?x:, ?x:)", "(1, 2)") == 1);
  CHECK(mismatch("(?x:int, ?x:)", "(\"a\", \"a\")") == 0);
  CHECK(mismatch("(?x:, ?x:int)", "(\"a\", \"a\")") == 1);
  CHECK(matches("(?x:, [?x:, (?x:, ?y:)], ?y:)", "(1, [1, (1, 2)], 2)"));
  CHECK_FALSE(matches("(?x:, [?x:, (?x:, ?y:)], ?y:)", "(1, [1, (1, 2)], 3)"));
  CHECK_FALSE(matches("([?x:, ...], ?x:)", "([1, 2], 2)"));
  CHECK(matches("(?x:, ?x:)", "(nan, nan)"));
  SECTION("and nothing is remembered from one tuple to the next") {
    const Matcher matcher(encoded(parse_template("(?x:, ?x:)")).span());
    std::vector<ByteSpan> fields;
    for (const auto* text : {"(1, 1)", "(2, 2)", "(\"a\", \"a\")"}) {
      const auto bytes = encoded(parse_tuple(text));
      split_tuple(bytes.span(), fields);
      CHECK(matcher.matches(fields));
    }
  }
}

TEST_CASE("a class matches objects that carry its name") {
  const Tuple dog{{Object{"pickle", {"zoo.Dog", "zoo.Animal"}, Blob::copy(as_bytes("dog")), {}}}};
  CHECK(mismatch(one({ClassFormal{"zoo.Dog"}}), dog) == -1);
  CHECK(mismatch(one({ClassFormal{"zoo.Animal"}}), dog) == -1);
  CHECK(mismatch(one({ClassFormal{"zoo.Cat"}}), dog) == 0);
  CHECK(mismatch(one({ClassFormal{"zoo.Do"}}), dog) == 0);
  CHECK(mismatch(one({ClassFormal{"pickle"}}), dog) == 0);
  CHECK(mismatch(one({ClassFormal{"zoo.Dog"}}), Tuple{{"zoo.Dog"}}) == 0);
  CHECK(mismatch(one({Formal{Type::object}}), dog) == -1);
}

TEST_CASE("arrays and objects match by their bytes") {
  const double zero = 0.0;
  const double minus = -0.0;
  const auto bytes = [](const double& d) { return Blob::copy({reinterpret_cast<const std::byte*>(&d), sizeof d}); };
  const Value a = Array{"<f8", {1}, bytes(zero)};
  const Value b = Array{"<f8", {1}, bytes(minus)};
  CHECK(mismatch(one({a}), Tuple{{a}}) == -1);
  CHECK(mismatch(one({a}), Tuple{{b}}) == 0);
  CHECK(mismatch(one({Formal{Type::array}}), Tuple{{a}}) == -1);
  CHECK(mismatch(one({a}), Tuple{{Array{"<i8", {1}, bytes(zero)}}}) == 0);
  CHECK(mismatch(one({a}), Tuple{{Array{"<f8", {1, 1}, bytes(zero)}}}) == 0);
}

TEST_CASE("the first mismatch is named") {
  CHECK(mismatch("(\"task\", ?int, ?)", "(\"task\", 1.0, 2)") == 1);
  CHECK(mismatch("(\"task\", ?int, ?)", "(\"job\", 1.0, 2)") == 0);
  CHECK(mismatch("(\"task\", ?int)", "(\"task\", 1, 2)") == 2);
  CHECK(mismatch("(\"task\", ?int, ?)", "(\"task\", 1)") == 2);
  CHECK(mismatch("(\"task\", ?int, ?)", "(\"job\",)") == 0);
  CHECK(mismatch("(\"task\", ?int, ?, ...)", "(\"task\", 1)") == 2);
  CHECK(mismatch("(\"task\", ...)", "(\"task\", 1)") == -1);
}

TEST_CASE("a matcher lists its actuals with their hashes") {
  Matcher matcher(encoded(parse_template("(\"task\", ?int, 0.0, [1, ?], -7, ...)")).span());
  const Matcher moved = std::move(matcher);
  CHECK(moved.field_count() == 5);
  CHECK(moved.open());
  REQUIRE(moved.actuals().size() == 3);
  const auto tuple = encoded(parse_tuple("(\"task\", 1, -0.0, [1, 2], -7)"));
  std::vector<ByteSpan> fields;
  split_tuple(tuple.span(), fields);
  CHECK(moved.matches(fields));
  std::vector<int> positions;
  for (const auto& [position, hash] : moved.actuals()) {
    positions.push_back(position);
    CHECK(hash == hash_value(fields[position]));
  }
  CHECK(positions == std::vector<int>{0, 2, 4});
}

TEST_CASE("a template made of a tuple's own values matches it") {
  for (std::uint64_t seed = 1; seed <= 1500; ++seed) {
    INFO("seed " << seed);
    const auto tuple = test::Generator(seed).tuple();
    Template pattern;
    for (const auto& item : tuple.items) pattern.fields.push_back({item});
    REQUIRE(mismatch(pattern, tuple) == -1);
  }
}

TEST_CASE("random templates never fail on random tuples") {
  for (std::uint64_t seed = 1; seed <= 1500; ++seed) {
    INFO("seed " << seed);
    test::Generator generator(seed);
    const auto pattern = generator.a_template();
    for (int i = 0; i < 5; ++i) mismatch(pattern, generator.tuple());
  }
}
