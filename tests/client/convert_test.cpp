// C++ types as fields, both ways, and what a call's arguments become.
#include <catch2/catch.hpp>

#include "client/fields.hpp"
#include "tuplespace/model/text.hpp"

using namespace parvis;

namespace sample {

struct Particle {
  int id = 0;
  std::vector<double> position;
  std::map<std::string, std::string> tags;

  template <class Archive>
  void serialize(Archive& ar, unsigned) {
    // clang-format off
    ar & id & position & tags;
    // clang-format on
  }
  friend bool operator==(const Particle&, const Particle&) = default;
};

}  // namespace sample

namespace {

template <class T>
T there_and_back(const T& value) {
  return from_value<T>(to_value(value));
}

template <class... T, class... F>
std::string template_text(const F&... fields) {
  Encoding out;
  parvis::detail::encode_template<T...>(out, fields...);
  return to_text(decode_template(out.flatten()));
}

template <class... F>
std::string tuple_text(const F&... fields) {
  Encoding out;
  parvis::detail::encode_tuple(out, fields...);
  return to_text(decode_tuple(out.flatten()));
}

template <class F>
ErrorCode code_of(F f) {
  try {
    f();
  } catch (const Error& error) {
    return error.code();
  }
  FAIL("nothing was thrown");
  return {};
}

}  // namespace

TEST_CASE("values come back as they went") {
  CHECK(there_and_back(true));
  CHECK(there_and_back(-7) == -7);
  CHECK(there_and_back(std::int8_t{-128}) == -128);
  CHECK(there_and_back(UINT64_MAX) == UINT64_MAX);
  CHECK(there_and_back(std::uint64_t{7}) == 7);
  CHECK(there_and_back(2.5F) == 2.5F);
  CHECK(there_and_back(std::string("x")) == "x");
  CHECK(there_and_back(std::vector<double>{1, 2.5}) == std::vector<double>{1, 2.5});
  CHECK(there_and_back(std::vector<int>{}).empty());
  CHECK(there_and_back(std::vector<std::string>{"a", "b"}) == std::vector<std::string>{"a", "b"});
  CHECK(there_and_back(std::vector<bool>{true, false}) == std::vector<bool>{true, false});
  CHECK(there_and_back(std::tuple(1, std::string("a"), 0.5)) == std::tuple(1, std::string("a"), 0.5));
  CHECK(there_and_back(std::pair(1, 2)) == std::pair(1, 2));
  CHECK(there_and_back(std::map<std::string, int>{{"a", 1}, {"b", 2}}) ==
        std::map<std::string, int>{{"a", 1}, {"b", 2}});
  CHECK(there_and_back(std::optional<int>(3)) == 3);
  CHECK(!there_and_back(std::optional<int>()));
  CHECK(there_and_back(ByteVector{std::byte{1}, std::byte{0}}) == ByteVector{std::byte{1}, std::byte{0}});
  CHECK(there_and_back(std::vector<std::vector<float>>{{1}, {2, 3}}) == std::vector<std::vector<float>>{{1}, {2, 3}});
}

TEST_CASE("a type with serialize() is an object that names its class") {
  const sample::Particle particle{7, {1, 2, 3}, {{"kind", "muon"}}};
  CHECK(there_and_back(particle) == particle);
  const auto value = to_value(particle);
  CHECK(value.get<Object>().codec == "boost:sample::Particle");
  CHECK(value.get<Object>().classes == std::vector<std::string>{"sample::Particle"});
  CHECK(std::get<ClassFormal>(formal_of<sample::Particle>().variant).name == "sample::Particle");
}

TEST_CASE("types are exact: reading as another one is an error that names both") {
  CHECK(code_of([] { from_value<int>(Value(1.0)); }) == ErrorCode::protocol_error);
  CHECK(code_of([] { from_value<double>(Value(1)); }) == ErrorCode::protocol_error);
  CHECK(code_of([] { from_value<bool>(Value(1)); }) == ErrorCode::protocol_error);
  CHECK(code_of([] { from_value<std::int8_t>(Value(128)); }) == ErrorCode::protocol_error);
  CHECK(code_of([] { from_value<unsigned>(Value(-1)); }) == ErrorCode::protocol_error);
  CHECK(code_of([] { from_value<std::uint64_t>(Value(-1)); }) == ErrorCode::protocol_error);
  CHECK(code_of([] { from_value<std::vector<float>>(to_value(std::vector<double>{1})); }) == ErrorCode::protocol_error);
  CHECK(code_of([] { from_value<std::vector<int>>(Value(List{{Value(1)}})); }) == ErrorCode::protocol_error);
  CHECK(code_of([] { from_value<std::tuple<int, int>>(Value(Tuple{{Value(1)}})); }) == ErrorCode::protocol_error);
  CHECK(code_of([] { from_value<sample::Particle>(Value("x")); }) == ErrorCode::protocol_error);
  try {
    from_value<int>(Value("seven"));
  } catch (const Error& error) {
    CHECK(std::string(error.what()) == "the field holds \"seven\"; wanted: int");
  }
}

TEST_CASE("an object whose bytes are cut off or too many is refused") {
  auto object = to_value(sample::Particle{7, {1, 2, 3}, {}}).get<Object>();
  for (std::size_t n = 0; n < object.body.size(); ++n) {
    auto cut = object;
    cut.body = object.body.slice(0, n);
    CHECK(code_of([&] { from_value<sample::Particle>(Value(cut)); }) == ErrorCode::protocol_error);
  }
  ByteVector longer(object.body.span().begin(), object.body.span().end());
  longer.push_back(std::byte{0});
  object.body = Blob::take(std::move(longer));
  CHECK(code_of([&] { from_value<sample::Particle>(Value(object)); }) == ErrorCode::protocol_error);
}

TEST_CASE("arguments become tuples") {
  CHECK(tuple_text("task", 7, 2.5, true, std::string("x"), nullptr) == "(\"task\", 7, 2.5, true, \"x\", nil)");
  CHECK(tuple_text(std::tuple(1, 2), std::map<std::string, int>{{"a", 1}}) == "((1, 2), {\"a\": 1})");
  CHECK(tuple_text(Tuple{{Value("whole"), Value(1)}}) == "(\"whole\", 1)");
  CHECK(tuple_text(UINT64_MAX) == "(18446744073709551615,)");
}

TEST_CASE("arguments become templates: the types asked for fill the formals in order") {
  CHECK(template_text<int, double>("task", formal, formal) == "(\"task\", ?int, ?float)");
  CHECK(template_text<std::string>("task", 7, formal, rest) == "(\"task\", 7, ?str, ...)");
  CHECK(template_text("task", of<int>, any, rest) == "(\"task\", ?int, ?, ...)");
  CHECK(template_text<int, Value>(between(1, 9), any) == "(1..9, ?)");
  CHECK(template_text(prefix("pre"), one_of(1, "x")) == "(\"pre\"*, 1|\"x\")");
  CHECK(template_text<sample::Particle>(formal) == "(?sample::Particle,)");
  CHECK(template_text(Template{{{Value("t")}, {Any{}}}, true}) == "(\"t\", ?, ...)");
}

TEST_CASE("the typed forms return the formals") {
  const Tuple tuple{{Value("task"), Value(7), to_value(std::vector<double>{1, 2})}};
  const auto [id, v] = parvis::detail::formals_of<int, std::vector<double>>(tuple, "task", formal, formal);
  CHECK(id == 7);
  CHECK(v == std::vector<double>{1, 2});
}
