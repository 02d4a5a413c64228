#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>

#include "generate.hpp"
#include "tuplespace/model/codec.hpp"
#include "tuplespace/model/text.hpp"

using namespace parvis;

TEST_CASE("the golden bytes stand") {
  std::ifstream file(PARVIS_SOURCE "/tests/model/golden.txt");
  REQUIRE(file);
  std::string line;
  int read = 0;
  while (std::getline(file, line)) {
    if (line.empty() || line[0] == '#') continue;
    INFO(line);
    const auto space = line.find(' ');
    const auto equals = line.rfind(" = ");
    REQUIRE(equals != std::string::npos);
    const auto text = line.substr(space + 1, equals - space - 1);
    auto expected = line.substr(equals + 3);
    expected.erase(std::remove(expected.begin(), expected.end(), ' '), expected.end());
    const auto bytes = Blob::take(test::unhex(expected));
    if (line.substr(0, space) == "tuple") {
      CHECK(test::hex(encoded(parse_tuple(text)).span()) == expected);
      CHECK(to_text(decode_tuple(bytes)) == text);
    } else {
      REQUIRE(line.substr(0, space) == "template");
      CHECK(test::hex(encoded(parse_template(text)).span()) == expected);
      CHECK(to_text(decode_template(bytes)) == text);
    }
    ++read;
  }
  CHECK(read >= 15);
}

TEST_CASE("the golden bytes of an array and an object, which have no text") {
  const Array array{"<i2", {2, 3}, Blob::copy(as_bytes("abcdefghijkl"))};
  CHECK(test::hex(encoded(Tuple{{array}}).span()) == "0109033c69320202030c6162636465666768696a6b6c");
  const Object object{"pickle", {"m.C", "m.B"}, Blob::copy(as_bytes("xy")), {Blob::copy(as_bytes("z"))}};
  CHECK(test::hex(encoded(Tuple{{object}}).span()) == "010a067069636b6c6502036d2e43036d2e4202787901017a");
}
