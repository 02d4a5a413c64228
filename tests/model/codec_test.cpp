#include <bit>
#include <catch2/catch.hpp>
#include <limits>

#include "generate.hpp"
#include "tuplespace/model/codec.hpp"
#include "tuplespace/model/error.hpp"
#include "tuplespace/model/match.hpp"

using namespace parvis;
using test::big;
using test::hex;

namespace {

Value round_trip(const Value& v) {
  const auto bytes = encoded(Tuple{{v}});
  validate_tuple(bytes.span());
  auto tuple = decode_tuple(bytes);
  REQUIRE(tuple.items.size() == 1);
  return tuple.items[0];
}

}  // namespace

TEST_CASE("random tuples survive a round trip, and their bytes too") {
  for (std::uint64_t seed = 1; seed <= 4000; ++seed) {
    INFO("seed " << seed);
    const auto tuple = test::Generator(seed).tuple();
    const auto bytes = encoded(tuple);
    REQUIRE_NOTHROW(validate_tuple(bytes.span()));
    const auto again = decode_tuple(bytes);
    REQUIRE(again == tuple);
    REQUIRE(hex(encoded(again).span()) == hex(bytes.span()));
  }
}

TEST_CASE("random templates survive a round trip") {
  for (std::uint64_t seed = 1; seed <= 4000; ++seed) {
    INFO("seed " << seed);
    const auto bytes = encoded(test::Generator(seed).a_template());
    REQUIRE_NOTHROW(validate_template(bytes.span()));
    REQUIRE(hex(encoded(decode_template(bytes)).span()) == hex(bytes.span()));
  }
}

TEST_CASE("every truncation of a tuple or template is refused, and every byte behind one") {
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    INFO("seed " << seed);
    test::Generator generator(seed);
    const auto tuple = encoded(generator.tuple());
    for (std::size_t n = 0; n < tuple.size(); ++n) REQUIRE_THROWS_AS(validate_tuple(tuple.span().first(n)), Error);
    const auto pattern = encoded(generator.a_template());
    for (std::size_t n = 0; n < pattern.size(); ++n)
      REQUIRE_THROWS_AS(validate_template(pattern.span().first(n)), Error);
    ByteVector longer(tuple.span().begin(), tuple.span().end());
    longer.push_back(std::byte{0});
    REQUIRE_THROWS_AS(validate_tuple(longer), Error);
    REQUIRE_THROWS_AS(decode_tuple(Blob::copy(longer)), Error);
  }
}

TEST_CASE("what is accepted after a change of one byte is canonical still") {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    test::Generator generator(seed);
    const auto original = encoded(generator.tuple());
    for (int round = 0; round < 40; ++round) {
      ByteVector bytes(original.span().begin(), original.span().end());
      bytes[generator.below(bytes.size())] = static_cast<std::byte>(generator.below(256));
      bool valid = true;
      try {
        validate_tuple(bytes);
      } catch (const Error&) {
        valid = false;
      }
      if (!valid) continue;
      INFO("seed " << seed << " bytes " << hex(bytes));
      REQUIRE(hex(encoded(decode_tuple(Blob::copy(bytes))).span()) == hex(bytes));
    }
  }
}

TEST_CASE("ints change their form exactly at the borders of 64 bits") {
  const auto tag = [](const Value& v) { return std::to_integer<int>(encoded(Tuple{{v}}).span()[1]); };
  const auto top = big(false, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f});
  const auto beyond = big(false, {0, 0, 0, 0, 0, 0, 0, 0x80});
  const auto bottom = big(true, {0, 0, 0, 0, 0, 0, 0, 0x80});
  const auto below = big(true, {1, 0, 0, 0, 0, 0, 0, 0x80});
  CHECK(tag(top) == 0x02);
  CHECK(tag(beyond) == 0x12);
  CHECK(tag(bottom) == 0x02);
  CHECK(tag(below) == 0x12);
  CHECK(round_trip(top) == Value(std::numeric_limits<std::int64_t>::max()));
  CHECK(round_trip(bottom) == Value(std::numeric_limits<std::int64_t>::min()));
  CHECK(round_trip(beyond) == Value(beyond));
  CHECK(round_trip(below) == Value(below));
  CHECK(round_trip(big(false, {})) == Value(0));
  CHECK(round_trip(big(true, {5, 0, 0})) == Value(-5));
  CHECK(round_trip(big(false, {0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0})) == Value(big(false, {0, 0, 0, 0, 0, 0, 0, 0, 1})));
}

TEST_CASE("floats keep their bits") {
  constexpr std::uint64_t all[] = {0, 0x8000000000000000, 0x7ff8000000000001, 0xfff8000000000000, 0x7ff0000000000001};
  for (const auto bits : all) {
    const auto v = round_trip(std::bit_cast<double>(bits));
    CHECK(std::bit_cast<std::uint64_t>(v.get<double>()) == bits);
  }
}

TEST_CASE("types that look alike are different values") {
  const Value values[] = {Nil{}, false, 0, 0.0, "",  Blob{},    List{},    Tuple{},
                          Map{}, true,  1, 1.0, "1", List{{1}}, Tuple{{1}}};
  for (const auto& a : values) {
    for (const auto& b : values) {
      CHECK((a == b) == (&a == &b));
      CHECK((hex(encoded(Tuple{{a}}).span()) == hex(encoded(Tuple{{b}}).span())) == (&a == &b));
    }
  }
}

TEST_CASE("maps are sorted by their bytes when written") {
  const Map sorted{{{"B", 1}, {"a", 2}, {"é", 3}}};
  const Map mixed{{{"é", 3}, {"a", 2}, {"B", 1}}};
  CHECK(hex(encoded(Tuple{{mixed}}).span()) == hex(encoded(Tuple{{sorted}}).span()));
  CHECK_THROWS_WITH(encoded(Tuple{{Map{{{"a", 1}, {"a", 2}}}}}), Catch::Contains("\"a\" twice"));
}

TEST_CASE("bulk bytes are spliced, not copied") {
  const auto bulk = Blob::take(ByteVector(splice_bytes, std::byte{7}));
  const Tuple tuple{{"before", bulk, Array{"|u1", {splice_bytes}, bulk}, "after"}};
  Encoding encoding;
  encode(encoding, tuple);
  REQUIRE(encoding.splices().size() == 2);
  CHECK(encoding.splices()[0].bytes.data() == bulk.data());
  CHECK(encoding.small().size() < 100);
  const auto flat = encoding.flatten();
  REQUIRE(flat.size() == encoding.size());
  const auto again = decode_tuple(flat);
  CHECK(again == tuple);
  CHECK(again.items[1].get<Blob>().owner() == flat.owner());

  ByteVector joined;
  for (const auto& piece : encoding.release_pieces())
    joined.insert(joined.end(), piece.span().begin(), piece.span().end());
  CHECK(same_bytes(joined, flat.span()));
  CHECK(encoding.size() == 0);
}

TEST_CASE("bytes that nothing keeps alive are copied") {
  const ByteVector bulk(splice_bytes);
  Encoding encoding;
  Writer(encoding).bytes(Blob::borrowed(bulk));
  CHECK(encoding.contiguous());
}

TEST_CASE("a Reader pulls values one after another") {
  Encoding encoding;
  Writer writer(encoding);
  writer.tuple_body(3);
  writer.begin_map(1);
  writer.key("k");
  writer.begin_list(2);
  writer.integer(-3);
  writer.nil();
  writer.string("s");
  writer.boolean(true);
  const auto bytes = encoding.flatten();

  Reader reader(bytes.span());
  CHECK(reader.tuple_body() == 3);
  CHECK(reader.peek() == Type::map);
  CHECK(reader.begin_map() == 1);
  CHECK(reader.key() == "k");
  CHECK(reader.begin_list() == 2);
  CHECK(reader.integer_fits());
  CHECK(reader.integer() == -3);
  reader.nil();
  CHECK(hex(reader.skip()) == "040173");
  CHECK_THROWS_WITH(reader.integer(), Catch::Contains("0x01"));
  CHECK(reader.boolean());
  CHECK(reader.done());
}

TEST_CASE("skip inside a map skips the value behind the key") {
  const auto bytes = encoded(Tuple{{Map{{{"a", List{{1, 2}}}, {"b", 7}}}}});
  Reader reader(bytes.span());
  reader.tuple_body();
  reader.begin_map();
  CHECK(reader.key() == "a");
  CHECK(hex(reader.skip()) == "060202020204");
  CHECK(reader.key() == "b");
  CHECK(reader.integer() == 7);
  CHECK(reader.done());
}
