// What is not canonical is refused: byte by byte, each with the reason.
#include <algorithm>
#include <catch2/catch.hpp>

#include "generate.hpp"
#include "tuplespace/model/codec.hpp"
#include "tuplespace/model/error.hpp"

using namespace parvis;

namespace {

struct Refusal {
  const char* bytes;   // of one value or pattern
  const char* reason;  // part of the message
};

void refuse(std::string bytes, const char* reason, bool pattern) {
  bytes.erase(std::remove(bytes.begin(), bytes.end(), ' '), bytes.end());
  INFO(bytes << " because " << reason);
  const auto encoded = test::unhex(bytes);
  try {
    pattern ? validate_template(encoded) : validate_tuple(encoded);
    FAIL("accepted");
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::protocol_error);
    CHECK_THAT(error.what(), Catch::Contains(reason));
  }
  const auto blob = Blob::copy(encoded);
  CHECK_THROWS_AS(pattern ? void(decode_template(blob)) : void(decode_tuple(blob)), Error);
}

}  // namespace

TEST_CASE("values that are not canonical are refused") {
  const Refusal refusals[] = {
      {"0b", "tag 0x0b"},
      {"11", "tag 0x11"},
      {"13", "tag 0x13"},
      {"20", "tag 0x20"},
      {"ff", "tag 0xff"},
      {"0102", "neither 0 nor 1"},
      {"028000", "shortest form"},
      {"02ff00", "shortest form"},
      {"02ffffffffffffffffff02", "64 bits"},
      {"02ffffffffffffffffff80", "64 bits"},
      {"02ffffffffffffffffffff01", "64 bits"},
      {"02ff", "in the middle"},
      {"03000000000000f0", "in the middle of a float"},
      {"0405", "5 bytes announced, but only 0"},
      {"04ffffffffffffffff7f", "announced"},
      {"05ffffffffffffffffff01", "announced"},
      {"06ffffffff0f", "announced"},
      {"0605000000", "announced"},
      {"08ffffffffffffffff7f", "announced"},
      {"1200080000000000000000", "shortest form"},  // a trailing zero
      {"1200080100000000000000", "shortest form"},
      {"120008ffffffffffffff7f", "shortest form"},  // 2^63 - 1 fits
      {"1201080000000000000080", "shortest form"},  // -2^63 fits
      {"120000", "shortest form"},
      {"1202080000000000000080", "sign"},
      {"0401ff", "UTF-8"},
      {"0402c080", "UTF-8"},  // overlong NUL
      {"0402c1bf", "UTF-8"},
      {"0403e08080", "UTF-8"},    // overlong
      {"0403eda080", "UTF-8"},    // a surrogate
      {"0404f0808080", "UTF-8"},  // overlong
      {"0404f4908080", "UTF-8"},  // beyond U+10FFFF
      {"0404f5808080", "UTF-8"},
      {"0401c3", "UTF-8"},  // cut off
      {"0402e282", "UTF-8"},
      {"040180", "UTF-8"},
      {"0409616161616161616180", "UTF-8"},  // behind eight plain bytes
      {"080201620001610 0", "ascending"},
      {"08020161000161 00", "ascending"},
      {"080101ff00", "UTF-8"},
      {"080101610 b", "tag 0x0b"},
      {"0620", "announced"},
      {"060120", "tag 0x20"},  // a pattern inside a value
  };
  for (const auto& [bytes, reason] : refusals) {
    refuse(std::string("01") + bytes, reason, false);
    if (std::string_view(bytes) != "20") refuse(std::string("0001") + bytes, reason, true);
  }
}

TEST_CASE("dtypes that are none are refused") {
  const auto with = [](std::string_view dtype, const char* rest) {
    return "0109" + test::hex(ByteVector{static_cast<std::byte>(dtype.size())}) + test::hex(as_bytes(dtype)) + rest;
  };
  for (const auto* dtype : {"|O",
                            "|O8",
                            "<O8",
                            "f8",
                            "=f8",
                            "<f3",
                            "<f08",
                            "<i1",
                            "|i4",
                            "<b1",
                            "<S5",
                            "|U5",
                            "<x4",
                            "<M8[xx]",
                            "<M8[",
                            "<M8[]",
                            "<M8[1ns]",
                            "<M8[01ns]",
                            "<f8[ns]",
                            "<i8 ",
                            "<i",
                            "<",
                            "<U99999999999999999999",
                            "|S4294967296"}) {
    INFO(dtype);
    refuse(with(dtype, "010000"), "dtype", false);
  }
  for (const auto* dtype : {"<f8", ">f8", "<f2", "<f16", "<c16", "|b1", "|i1", "|u1", "<i2", "<u8", "|S5", "|S0", "<U5",
                            ">U1", "|V16", "<M8", "<M8[ns]", "<m8[25s]", "<M8[D]"}) {
    INFO(dtype);
    CHECK_NOTHROW(validate_tuple(test::unhex(with(dtype, "010000"))));
  }
}

TEST_CASE("arrays whose elements do not fit their shape are refused") {
  const Refusal refusals[] = {
      {"01 09033c6638 0101 00", "do not fit"},  // one float, no bytes
      {"01 09033c6638 00 00", "do not fit"},    // no dimension: one element
      {"01 09033c6638 0102 080000000000000000", "do not fit"},
      {"01 09033c6638 0101 090000000000000000 00", "do not fit"},
      {"01 09033c6638 02 808080808080808020 8080808080808080 20 00", "do not fit"},  // the product wraps to 0
      {"01 09033c6638 01 80808080808080802000", "do not fit"},                       // as does times 8
      {"01 09033c6638 0200ffffffffffffffffff0100", "do not fit"},                    // a zero excuses nothing
      {"01 0900 00 00", "empty"},
  };
  for (const auto& [bytes, reason] : refusals) {
    refuse(bytes, reason, false);
  }
  CHECK_THROWS_WITH(encoded(Tuple{{Array{"<f8", {2}, Blob::copy(as_bytes("12345678"))}}}),
                    Catch::Contains("8 bytes") && Catch::Contains("16"));
  CHECK_THROWS_WITH(encoded(Tuple{{Array{"|O", {0}, {}}}}), Catch::Contains("'|O'") && Catch::Contains("object"));
}

TEST_CASE("objects that break the grammar are refused") {
  refuse("010a00000000", "empty", false);
  refuse("010a0170010000 00", "empty", false);
  refuse("010a0170ff0100", "announced", false);
  refuse("010a01700000ffff03", "announced", false);
  refuse("010a01ff000000", "UTF-8", false);
}

TEST_CASE("patterns that break the grammar are refused") {
  const Refusal refusals[] = {
      {"28", "tag 0x28"},
      {"1f", "tag 0x1f"},
      {"210b", "unknown type"},
      {"2112", "unknown type"},
      {"21ff", "unknown type"},
      {"2200", "empty"},
      {"2201ff", "UTF-8"},
      {"230202030000000000000000", "differ in type"},
      {"23020204 00", "differ in type"},
      {"230000", "no int, float, str or bytes"},
      {"2306000600", "no int, float, str or bytes"},
      {"232020", "value was expected"},
      {"2402 02", "no str or bytes"},
      {"2420", "value was expected"},
      {"2500", "empty"},
      {"250120", "value was expected"},
      {"2600ff", "empty"},
      {"2601780b", "unknown type"},
      {"27080000", "neither list nor tuple"},
      {"27060200", "flags"},
      {"27060002 20", "ends"},
      {"060120", "value was expected"},
  };
  for (const auto& [bytes, reason] : refusals) {
    refuse(std::string("0001") + bytes, reason, true);
  }
  refuse("0200", "flags", true);
  refuse("", "in the middle", true);
  refuse("", "in the middle", false);
}

TEST_CASE("a Writer refuses what a Reader would") {
  CHECK_THROWS_WITH(encoded(Tuple{{"\xff"}}), Catch::Contains("UTF-8") && Catch::Contains("bytes"));
  CHECK_THROWS_WITH(encoded(Template{{{Between{1, 2.0}}}, false}), Catch::Contains("int and float"));
  CHECK_THROWS_WITH(encoded(Template{{{Between{List{}, List{}}}}, false}), Catch::Contains("list and list"));
  CHECK_THROWS_WITH(encoded(Template{{{Prefix{7}}}, false}), Catch::Contains("not int"));
  CHECK_THROWS_WITH(encoded(Template{{{OneOf{}}}, false}), Catch::Contains("at least one"));
  CHECK_THROWS_WITH(encoded(Template{{{ClassFormal{""}}}, false}), Catch::Contains("empty"));
  CHECK_THROWS_WITH(encoded(Template{{{Nested{Type::map, {}}}}, false}), Catch::Contains("not for map"));
}
