// Equality, hashes and order of encoded values.
#include <algorithm>
#include <catch2/catch.hpp>

#include "generate.hpp"
#include "tuplespace/model/codec.hpp"
#include "tuplespace/model/match.hpp"
#include "tuplespace/model/text.hpp"

using namespace parvis;
using parvis::test::value_bytes;

namespace {

// A copy that differs in the sign of its zeros only.
Value other_zeros(const Value& v) {
  if (const auto* real = v.get_if<double>(); real && *real == 0) return -*real;
  auto copy = v;
  std::visit(
      [](auto& x) {
        using T = std::decay_t<decltype(x)>;
        if constexpr (std::is_same_v<T, List> || std::is_same_v<T, Tuple>) {
          for (auto& item : x.items) item = other_zeros(item);
        } else if constexpr (std::is_same_v<T, Map>) {
          for (auto& [key, item] : x.items) item = other_zeros(item);
        }
      },
      copy.variant());
  return copy;
}

Value parsed(const char* text) { return parse_tuple(std::string("(") + text + ",)").items[0]; }

}  // namespace

TEST_CASE("equality of encodings is equality of values, and equal values hash equal") {
  int equal = 0;
  for (std::uint64_t seed = 1; seed <= 3000; ++seed) {
    INFO("seed " << seed);
    test::Generator generator(seed);
    const auto a = generator.value();
    const auto b = generator.below(2) == 0 ? other_zeros(a) : generator.value();
    const auto x = value_bytes(a);
    const auto y = value_bytes(b);
    REQUIRE(equal_values(x.span(), y.span()) == (a == b));
    REQUIRE(equal_values(y.span(), x.span()) == (a == b));
    if (a == b) {
      REQUIRE(hash_value(x.span()) == hash_value(y.span()));
      ++equal;
    }
  }
  CHECK(equal > 1000);
}

TEST_CASE("Large values are hashed by their size and both ends") {
  const auto hash = [](std::size_t size, std::size_t changed) {
    std::string text(size, 'a');
    if (changed < size) text[changed] = 'b';
    return hash_value(value_bytes(Value(text)).span());
  };
  constexpr std::size_t size = 3 << 20, nowhere = size;
  CHECK(hash(size, nowhere) == hash(size, nowhere));
  CHECK(hash(size, 0) != hash(size, nowhere));
  CHECK(hash(size, size - 1) != hash(size, nowhere));
  CHECK(hash(size + 1, nowhere) != hash(size, nowhere));
}

TEST_CASE("-0.0 is normalised at every depth, and nowhere else") {
  const auto same = [](const char* a, const char* b) {
    const auto x = value_bytes(parsed(a));
    const auto y = value_bytes(parsed(b));
    const bool equal = equal_values(x.span(), y.span());
    CHECK(equal == (hash_value(x.span()) == hash_value(y.span())));
    return equal;
  };
  CHECK(same("0.0", "-0.0"));
  CHECK(same("[[0.0], {\"k\": (-0.0, 0.0)}]", "[[-0.0], {\"k\": (0.0, -0.0)}]"));
  CHECK_FALSE(same("[0.0]", "[0]"));
  CHECK_FALSE(same("[1.0, -0.0, \"a\"]", "[1.0, 0.0, \"b\"]"));
  CHECK_FALSE(same("[\"a\", -0.0]", "[\"b\", 0.0]"));
  CHECK_FALSE(
      same("b\"\\x03\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x80\"", "b\"\\x03\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\""));
  CHECK_FALSE(same("[nan]", "[-nan]"));
  CHECK(same("[nan]", "[nan]"));
}

TEST_CASE("values of one ordered type are in order") {
  const std::vector<std::vector<const char*>> ascending = {
      {"-340282366920938463463374607431768211456", "-18446744073709551616", "-9223372036854775809",
       "-9223372036854775808", "-65", "-1", "0", "1", "63", "64", "9223372036854775807", "9223372036854775808",
       "18446744073709551616", "18446744073709551617", "340282366920938463463374607431768211456"},
      {"-inf", "-1.5", "-5e-324", "0.0", "5e-324", "1.0", "inf", "nan", "nan(0x7ff8000000000001)", "-nan"},
      {"\"\"", "\"A\"", "\"a\"", "\"aa\"", "\"b\"", "\"é\"", "\"€\"", "\"𝄞\""},
      {"b\"\"", "b\"\\x00\"", "b\"a\"", "b\"a\\x00\"", "b\"\\x7f\"", "b\"\\x80\"", "b\"\\xff\""},
  };
  for (const auto& values : ascending) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      for (std::size_t j = 0; j < values.size(); ++j) {
        INFO(values[i] << " and " << values[j]);
        const int order = compare_values(value_bytes(parsed(values[i])).span(), value_bytes(parsed(values[j])).span());
        CHECK((order < 0) == (i < j));
        CHECK((order > 0) == (i > j));
      }
    }
  }
  CHECK(compare_values(value_bytes(0.0).span(), value_bytes(-0.0).span()) == 0);
}

TEST_CASE("hashes spread and combine with order") {
  std::vector<std::uint64_t> hashes;
  for (int i = 0; i < 10'000; ++i) hashes.push_back(hash_value(value_bytes(i).span()));
  std::sort(hashes.begin(), hashes.end());
  CHECK(std::unique(hashes.begin(), hashes.end()) == hashes.end());
  CHECK(hash_combine(1, 2) != hash_combine(2, 1));
  CHECK(hash_combine(1, 2) == hash_combine(1, 2));
}
