// Every limit has an error that names the limit, its value, what came, and the way out; the limit itself is allowed.
#include <catch2/catch.hpp>

#include "generate.hpp"
#include "tuplespace/model/codec.hpp"
#include "tuplespace/model/error.hpp"
#include "tuplespace/model/limits.hpp"
#include "tuplespace/model/text.hpp"

using namespace parvis;

namespace {

template <class Action>
void exceeds(Action&& action, const char* name, std::size_t limit, const char* way_out) {
  INFO(name);
  try {
    action();
    FAIL("nothing was thrown");
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::limit_exceeded);
    CHECK_THAT(error.what(), Catch::Contains(std::string(name) + " = " + std::to_string(limit)));
    CHECK_THAT(error.what(), Catch::Contains(std::to_string(limit + 1)));
    CHECK_THAT(error.what(), Catch::Contains(way_out));
  }
}

Value nested(std::size_t depth) {
  Value result = List{};
  for (std::size_t i = 1; i < depth; ++i) result = i % 2 == 0 ? Value(List{{result}}) : Value(Map{{{"k", result}}});
  return result;
}

Pattern nested_template(std::size_t depth) {
  Pattern result{Nested{Type::list, {}}};
  for (std::size_t i = 1; i < depth; ++i) result = {Nested{Type::tuple, {{result}, true}}};
  return result;
}

Template one(Pattern p) { return {{std::move(p)}, false}; }

ByteVector repeated(std::size_t n, std::initializer_list<unsigned> head, std::initializer_list<unsigned> step,
                    std::initializer_list<unsigned> tail) {
  auto result = test::bytes_of(head);
  const auto piece = test::bytes_of(step);
  for (; n != 0; --n) result.insert(result.end(), piece.begin(), piece.end());
  const auto end = test::bytes_of(tail);
  result.insert(result.end(), end.begin(), end.end());
  return result;
}

}  // namespace

TEST_CASE("fields of tuples and templates are limited") {
  const auto tuple = [](std::size_t n) { return Tuple{std::vector<Value>(n)}; };
  const auto pattern = [](std::size_t n) { return Template{std::vector<Pattern>(n, Pattern{Any{}}), false}; };
  CHECK_NOTHROW(validate_tuple(encoded(tuple(max_fields)).span()));
  CHECK_NOTHROW(validate_template(encoded(pattern(max_fields)).span()));
  exceeds([&] { encoded(tuple(max_fields + 1)); }, "max_fields", max_fields, "nested list");
  exceeds([&] { encoded(pattern(max_fields + 1)); }, "max_fields", max_fields, "...");
  exceeds([&] { encoded(one({Nested{Type::list, pattern(max_fields + 1)}})); }, "max_fields", max_fields, "...");
  exceeds([] { validate_tuple(repeated(256, {0x80, 0x02}, {0}, {})); }, "max_fields", max_fields, "nested list");
  exceeds([] { validate_template(repeated(256, {0, 0x80, 0x02}, {0}, {})); }, "max_fields", max_fields, "...");
  exceeds(
      [] {
        validate_template(repeated(256, {0, 1, 0x27, 6, 0, 0x80, 0x02}, {0}, {}));
      },
      "max_fields", max_fields, "...");
}

TEST_CASE("nesting is limited") {
  CHECK_NOTHROW(validate_tuple(encoded(Tuple{{nested(max_depth)}}).span()));
  CHECK(decode_tuple(encoded(Tuple{{nested(max_depth)}})) == Tuple{{nested(max_depth)}});
  CHECK_NOTHROW(validate_template(encoded(one(nested_template(max_depth))).span()));
  exceeds([] { encoded(Tuple{{nested(max_depth + 1)}}); }, "max_depth", max_depth, "object");
  exceeds([] { encoded(one(nested_template(max_depth + 1))); }, "max_depth", max_depth, "object");
  exceeds([] { validate_tuple(repeated(max_depth, {1}, {6, 1}, {6, 0})); }, "max_depth", max_depth, "object");
  exceeds([] { validate_tuple(repeated(1'000'000, {1}, {7, 1}, {0})); }, "max_depth", max_depth, "object");
  exceeds([] { decode_tuple(Blob::take(repeated(max_depth, {1}, {6, 1}, {8, 0}))); }, "max_depth", max_depth, "object");
  exceeds(
      [] {
        validate_template(repeated(max_depth, {0, 1}, {0x27, 6, 0, 1}, {0x27, 6, 1, 0}));
      },
      "max_depth", max_depth, "object");
}

TEST_CASE("nesting is limited for those who stream, too") {
  Encoding out;
  Writer writer(out);
  exceeds(
      [&] {
        for (;;) writer.begin_list(1);
      },
      "max_depth", max_depth, "object");
  const auto bytes = repeated(1000, {}, {6, 1}, {});
  Reader reader(bytes);
  exceeds(
      [&] {
        for (;;) reader.begin_list();
      },
      "max_depth", max_depth, "object");
}

TEST_CASE("names are limited") {
  const std::string longest(max_name_bytes, 'n');
  const auto longer = longest + "n";
  CHECK_NOTHROW(validate_tuple(encoded(Tuple{{Object{longest, {longest}, {}, {}}}}).span()));
  exceeds([&] { encoded(Tuple{{Object{longer, {}, {}, {}}}}); }, "max_name_bytes", max_name_bytes, "shorter");
  exceeds([&] { encoded(Tuple{{Object{"c", {longer}, {}, {}}}}); }, "max_name_bytes", max_name_bytes, "shorter");
  exceeds([&] { encoded(one({ClassFormal{longer}})); }, "max_name_bytes", max_name_bytes, "shorter");
  exceeds([&] { encoded(one({Variable{longer, {}}})); }, "max_name_bytes", max_name_bytes, "shorter");
  exceeds(
      [] {
        validate_tuple(repeated(256, {1, 0x0a, 0x80, 2}, {'n'}, {0, 0, 0}));
      },
      "max_name_bytes", max_name_bytes, "shorter");
}

TEST_CASE("dimensions, classes and buffers are limited") {
  const auto array = [](std::size_t n) {
    return Tuple{{Array{"|u1", std::vector<std::uint64_t>(n, 1), Blob::copy(as_bytes("x"))}}};
  };
  const auto classes = [](std::size_t n) { return Tuple{{Object{"c", std::vector<std::string>(n, "C"), {}, {}}}}; };
  const auto buffers = [](std::size_t n) { return Tuple{{Object{"c", {}, {}, std::vector<Blob>(n)}}}; };
  CHECK_NOTHROW(validate_tuple(encoded(array(max_array_dimensions)).span()));
  CHECK_NOTHROW(validate_tuple(encoded(classes(max_object_classes)).span()));
  CHECK_NOTHROW(validate_tuple(encoded(buffers(max_object_buffers)).span()));
  exceeds([&] { encoded(array(max_array_dimensions + 1)); }, "max_array_dimensions", max_array_dimensions, "reshape");
  exceeds([&] { encoded(classes(max_object_classes + 1)); }, "max_object_classes", max_object_classes, "fewer");
  exceeds([&] { encoded(buffers(max_object_buffers + 1)); }, "max_object_buffers", max_object_buffers, "body");
  exceeds(
      [] {
        validate_tuple(repeated(33, {1, 9, 3, '|', 'u', '1', 33}, {1}, {1, 0}));
      },
      "max_array_dimensions", max_array_dimensions, "reshape");
  exceeds(
      [] {
        validate_tuple(repeated(256, {1, 10, 1, 'c', 0x80, 2}, {1, 'C'}, {0, 0}));
      },
      "max_object_classes", max_object_classes, "fewer");
  exceeds(
      [] {
        validate_tuple(repeated(65536, {1, 10, 1, 'c', 0, 0, 0x80, 0x80, 4}, {0}, {}));
      },
      "max_object_buffers", max_object_buffers, "body");
}

TEST_CASE("patterns are limited") {
  const std::string longest(max_pattern_text_bytes, 'p');
  const auto longer = longest + "p";
  CHECK_NOTHROW(validate_template(encoded(one({Between{longest, longest}})).span()));
  CHECK_NOTHROW(validate_template(encoded(one({Prefix{longest}})).span()));
  exceeds([&] { encoded(one({Between{"", longer}})); }, "max_pattern_text_bytes", max_pattern_text_bytes, "shorter");
  exceeds([&] { encoded(one({Prefix{Blob::copy(as_bytes(longer))}})); }, "max_pattern_text_bytes",
          max_pattern_text_bytes, "shorter");
  exceeds(
      [&] {
        encoded(one({Between{0, BigInteger{false, ByteVector(257, std::byte{1})}}}));
      },
      "max_pattern_text_bytes", max_pattern_text_bytes, "shorter");
  exceeds(
      [] {
        validate_template(repeated(257, {0, 1, 0x24, 4, 0x81, 2}, {'p'}, {}));
      },
      "max_pattern_text_bytes", max_pattern_text_bytes, "shorter");
  CHECK_NOTHROW(validate_template(encoded(one({OneOf{std::vector<Value>(max_one_of_values)}})).span()));
  exceeds([] { encoded(one({OneOf{std::vector<Value>(max_one_of_values + 1)}})); }, "max_one_of_values",
          max_one_of_values, "several");
  exceeds(
      [] {
        validate_template(repeated(1025, {0, 1, 0x25, 0x81, 8}, {0}, {}));
      },
      "max_one_of_values", max_one_of_values, "several");
}

TEST_CASE("text is limited") {
  const auto brackets = [](std::size_t n) { return "(" + std::string(n, '[') + std::string(n, ']') + ")"; };
  CHECK_NOTHROW(parse_tuple(brackets(max_depth)));
  exceeds([&] { parse_tuple(brackets(max_depth + 1)); }, "max_depth", max_depth, "flatter");
  exceeds([] { parse_template("(" + std::string(1'000'000, '[')); }, "max_depth", max_depth, "flatter");
  CHECK_NOTHROW(parse_tuple("(" + std::string(max_decimal_digits, '9') + ")"));
  exceeds([] { parse_tuple("(" + std::string(max_decimal_digits + 1, '9') + ")"); }, "max_decimal_digits",
          max_decimal_digits, "0x");
}

TEST_CASE("a claimed length reserves nothing that the bytes do not justify") {
  // A list of 2^28 items would be gigabytes of Values; the bytes are not there, so it must be refused at once.
  CHECK_THROWS_WITH(decode_tuple(Blob::take(test::bytes_of({1, 6, 0x80, 0x80, 0x80, 0x80, 1}))),
                    Catch::Contains("announced"));
  CHECK_THROWS_WITH(decode_tuple(Blob::take(test::bytes_of({1, 10, 1, 'c', 0, 0, 0xff, 0xff, 3}))),
                    Catch::Contains("announced"));
}
