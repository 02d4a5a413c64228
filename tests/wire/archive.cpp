#include "tuplespace/wire/archive.hpp"

#include <boost/serialization/base_object.hpp>
#include <boost/serialization/nvp.hpp>
#include <boost/serialization/split_member.hpp>
#include <catch2/catch.hpp>

#include <deque>
#include <map>
#include <set>
#include <unordered_map>

namespace wire = parvis::wire;
using parvis::ByteVector;

namespace {

template <class T>
ByteVector written(const T& value) {
  ByteVector bytes;
  wire::ObjectOutArchive(bytes) << value;
  return bytes;
}
template <class T>
T read(const ByteVector& bytes) {
  T value{};
  wire::ObjectInArchive ar(bytes);
  ar >> value;
  ar.finish();
  return value;
}
template <class T>
void round_trip(const T& value) {
  CHECK(read<T>(written(value)) == value);
}
ByteVector bytes_of(std::initializer_list<int> list) {
  ByteVector bytes;
  for (const int b : list) bytes.push_back(static_cast<std::byte>(b));
  return bytes;
}

enum class Colour : std::uint16_t { red = 1, blue = 300 };

// clang-format off
struct Base {
  int id = 0;
  template <class A> void serialize(A& ar, unsigned) { ar & id; }
};
class Particle : public Base {
 public:
  Particle() = default;
  Particle(int i, double m) : mass_(m) { id = i; }
  std::vector<double> path;
  std::map<std::string, Colour> marks;
  std::optional<std::pair<int, std::string>> label;
  bool operator==(const Particle& o) const {
    return id == o.id && mass_ == o.mass_ && path == o.path && marks == o.marks && label == o.label;
  }

 private:
  friend class boost::serialization::access;
  template <class A> void serialize(A& ar, unsigned) {
    ar & boost::serialization::base_object<Base>(*this);
    ar & boost::serialization::make_nvp("mass", mass_);
    ar & path & marks & label;
  }
  double mass_ = 0;
};

struct Split {
  int stored = 0;
  template <class A> void save(A& ar, unsigned) const { const int twice = stored * 2; ar << twice; }
  template <class A> void load(A& ar, unsigned) { int twice = 0; ar >> twice; stored = twice / 2; }
  BOOST_SERIALIZATION_SPLIT_MEMBER()
};

struct Tree {
  std::vector<Tree> children;
  template <class A> void serialize(A& ar, unsigned) { ar & children; }
};

struct Versioned {
  int a = 0, b = 7;
  template <class A> void serialize(A& ar, unsigned version) {
    ar & a;
    if (version >= 2) ar & b;
  }
};
// clang-format on

}  // namespace
BOOST_CLASS_VERSION(Versioned, 2)

TEST_CASE("archives carry what users' types are made of") {
  round_trip(true);
  round_trip(std::string("grüße"));
  round_trip(std::int64_t{std::numeric_limits<std::int64_t>::min()});
  round_trip(std::uint64_t{std::numeric_limits<std::uint64_t>::max()});
  round_trip(std::int8_t{-3});
  round_trip(-0.5f);
  round_trip(Colour::blue);
  round_trip(std::vector<int>{1, -1, 1000000});
  round_trip(std::vector<bool>{true, false, true});
  round_trip(std::deque<std::string>{"a", "b"});
  round_trip(std::set<int>{3, 1, 2});
  round_trip(std::unordered_map<std::string, double>{{"x", 1.5}, {"y", 2.5}});
  round_trip(std::array<std::int16_t, 3>{1, 2, 3});
  round_trip(std::tuple<int, std::string, double>{1, "two", 3.0});
  round_trip(std::variant<int, std::string>{"text"});
  Particle particle(4, 1.25);
  particle.path = {1, 2, 3.5};
  particle.marks = {{"a", Colour::red}, {"b", Colour::blue}};
  particle.label = {7, "seven"};
  round_trip(particle);
  const Split split{21};
  CHECK(read<Split>(written(split)).stored == 21);
}

TEST_CASE("numbers take the bytes that docs/protocol.md says") {
  CHECK(written(std::uint32_t{300}) == bytes_of({0xac, 0x02}));
  CHECK(written(std::int32_t{-1}) == bytes_of({0x01}));
  CHECK(written(std::int32_t{1}) == bytes_of({0x02}));
  CHECK(written(1.0) == bytes_of({0, 0, 0, 0, 0, 0, 0xf0, 0x3f}));
  CHECK(written(std::string("ab")) == bytes_of({2, 'a', 'b'}));
}

TEST_CASE("an object carries the version of its class") {
  CHECK(written(Versioned{1, 2}) == bytes_of({2, 2, 4}));
  CHECK(read<Versioned>(bytes_of({1, 2})).b == 7);
  CHECK_THROWS_WITH(read<Versioned>(bytes_of({3, 2, 4})), Catch::Contains("newer version"));
}

TEST_CASE("malformed bytes are refused, and no length is believed") {
  CHECK_THROWS_AS(read<std::string>(bytes_of({5, 'a'})), parvis::Error);
  CHECK_THROWS_AS(read<std::vector<double>>(bytes_of({2, 0, 0, 0, 0, 0, 0, 0, 0})), parvis::Error);
  CHECK_THROWS_AS(
      read<std::vector<std::string>>(bytes_of({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01})),
      parvis::Error);
  CHECK_THROWS_AS(read<bool>(bytes_of({2})), parvis::Error);
  CHECK_THROWS_AS(read<std::uint16_t>(bytes_of({0x80, 0x80, 0x04})), parvis::Error);
  CHECK_THROWS_AS(read<std::uint64_t>(bytes_of({0x80, 0x00})), parvis::Error);
  CHECK_THROWS_AS(read<std::uint64_t>(bytes_of({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02})),
                  parvis::Error);
  CHECK_THROWS_AS(read<std::int8_t>(bytes_of({})), parvis::Error);
  CHECK_THROWS_AS((read<std::variant<int, bool>>(bytes_of({2, 0}))), parvis::Error);
  CHECK_THROWS_AS(read<int>(bytes_of({2, 0})), parvis::Error);
}

TEST_CASE("nesting is limited, so that no stack overflows") {
  ByteVector deep;
  for (int i = 0; i < 100'000; ++i) deep.insert(deep.end(), {std::byte{0}, std::byte{1}});
  CHECK_THROWS_WITH(read<Tree>(deep), Catch::Contains("nested too deeply"));
}
