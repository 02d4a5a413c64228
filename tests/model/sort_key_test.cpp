// Keys lie as values do: whatever a Between or Prefix matches has a key in its range, with every start.
#include <catch2/catch.hpp>

#include <cmath>
#include <limits>
#include <random>

#include "generate.hpp"
#include "tuplespace/model/codec.hpp"
#include "tuplespace/model/match.hpp"

using namespace parvis;
using parvis::test::value_bytes;

namespace {

// Values near each other, so that ranges of some of them hold others; and all that is odd.
class Values {
 public:
  explicit Values(std::uint64_t seed) : random_(seed) {}
  std::size_t below(std::size_t n) { return random_() % n; }

  Value of_type(std::size_t type) {
    switch (type) {
      case 0: return integer();
      case 1: return real();
      case 2: return Value(text());
      default: {
        const std::string t = text();
        return Value(Blob::copy(ByteSpan(reinterpret_cast<const std::byte*>(t.data()), t.size())));
      }
    }
  }
  Value any() {
    switch (below(10)) {
      case 0: return Value();
      case 1: return Value(true);
      case 2: return Value(List{{integer()}});
      default: return of_type(below(4));
    }
  }

 private:
  Value integer() {
    static const std::int64_t odd[] = {0, 1, -1, 63, 64, -64, -65, INT64_MAX, INT64_MIN, INT64_MAX - 1, INT64_MIN + 1};
    if (below(3) == 0) return Value(odd[below(std::size(odd))]);
    if (below(2) == 0) return Value(static_cast<std::int64_t>(below(20)) - 10);
    BigInteger big{below(2) == 0, ByteVector(8 + below(6), std::byte{0})};
    for (std::byte& b : big.magnitude) b = static_cast<std::byte>(below(3) == 0 ? below(256) : below(2) * 255);
    big.magnitude.back() = static_cast<std::byte>(0x80 + below(3));
    return Value(big);
  }
  Value real() {
    using Limits = std::numeric_limits<double>;
    static const double odd[] = {0.0,
                                 -0.0,
                                 Limits::infinity(),
                                 -Limits::infinity(),
                                 Limits::quiet_NaN(),
                                 -Limits::quiet_NaN(),
                                 Limits::denorm_min(),
                                 -Limits::denorm_min(),
                                 Limits::max(),
                                 Limits::lowest(),
                                 Limits::min()};
    return Value(below(2) == 0 ? odd[below(std::size(odd))] : static_cast<double>(below(20)) / 4 - 2);
  }
  std::string text() {
    static const std::string letters("\0a\x7f", 3);
    std::string t = below(2) == 0 ? "" : std::string("a common start of many").substr(0, below(23));
    for (std::size_t n = below(4); n > 0; --n) t += letters[below(letters.size())];
    return t;
  }

  std::mt19937_64 random_;
};

bool matches(const Pattern& pattern, const Value& value, Matcher& matcher) {
  matcher = Matcher(encoded(Template{{pattern}, false}).span());
  const Blob v = value_bytes(value);
  const ByteSpan field = v.span();
  return matcher.matches(std::span(&field, 1));
}

}  // namespace

TEST_CASE("What a range matches has a key in its range of keys, whatever the start") {
  int matched = 0, inside = 0, refused = 0;
  for (std::uint64_t seed = 1; seed <= 200'000; ++seed) {
    Values values(seed);
    const std::size_t type = values.below(4);
    const Value low = values.of_type(type);
    const bool prefix = type >= 2 && values.below(2) == 0;
    const Pattern pattern{prefix ? decltype(Pattern::variant)(Prefix{low}) : Between{low, values.of_type(type)}};
    const Value value = values.below(4) == 0 ? low : values.any();
    const std::string text = std::string("a common start of many and one more").substr(0, values.below(30));
    const ByteSpan start(reinterpret_cast<const std::byte*>(text.data()), text.size());
    Matcher matcher(encoded(Template{}).span());
    const bool match = matches(pattern, value, matcher);
    REQUIRE(matcher.ranges().size() == 1);
    const KeyRange keys = key_range(matcher.ranges()[0].pattern, start);
    const auto key = sort_key(value_bytes(value).span(), start);
    INFO("seed " << seed);
    if (match) REQUIRE((key && keys.holds(*key)));
    matched += match ? 1 : 0;
    inside += key && keys.holds(*key) ? 1 : 0;
    refused += key && !keys.holds(*key) ? 1 : 0;
  }
  CHECK(matched > 20'000);
  CHECK(inside < matched + matched / 10);  // few in vain
  CHECK(refused > 20'000);
}

TEST_CASE("Keys are in the order of the values") {
  for (std::uint64_t seed = 1; seed <= 100'000; ++seed) {
    Values values(seed);
    const std::size_t type = values.below(4);
    const Blob a = value_bytes(values.of_type(type)), b = value_bytes(values.of_type(type));
    const auto x = sort_key(a.span()), y = sort_key(b.span());
    INFO("seed " << seed);
    const int order = compare_values(a.span(), b.span());
    if (!x || !y) continue;  // NaN
    if (order <= 0) REQUIRE(*x <= *y);
    if (order == 0) REQUIRE(*x == *y);
    if (type == 0 && order < 0 && a.size() < 10 && b.size() < 10) REQUIRE(*x < *y);
  }
}

TEST_CASE("What no range matches has no key") {
  for (const Value& value : {Value(), Value(true), Value(List{}), Value(Map{}), Value(std::nan(""))})
    CHECK_FALSE(sort_key(value_bytes(value).span()));
  Matcher matcher(encoded(Template{{{Any{}}, {Between{1.0, std::nan("")}}, {Formal{Type::integer}}}, false}).span());
  REQUIRE(matcher.ranges().size() == 1);
  CHECK(matcher.ranges()[0].position == 1);
  const KeyRange keys = key_range(matcher.ranges()[0].pattern);
  CHECK(keys.high < keys.low);
}

TEST_CASE("The common start of texts") {
  const auto of = [](std::initializer_list<Value> values) {
    CommonStart start;
    for (const Value& value : values) start.add(value_bytes(value).span());
    const ByteVector taken = start.take();
    return std::string(reinterpret_cast<const char*>(taken.data()), taken.size());
  };
  CHECK(of({}).empty());
  CHECK(of({Value(7), Value("log/2026/one"), Value("log/2026/two"), Value()}) == "log/2026/");
  CHECK(of({Value("log/2026"), Value("log/2026/one")}) == "log/2026");
  CHECK(of({Value("one"), Value("two"), Value("on")}).empty());
  CHECK(of({Value(std::string(1000, 'x'))}).size() == 256);
}
