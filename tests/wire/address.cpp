#include "tuplespace/wire/address.hpp"

#include <catch2/catch.hpp>

#include "tuplespace/model/error.hpp"

using parvis::wire::Address;

TEST_CASE("addresses are read and written") {
  for (const auto* text :
       {"unix:///run/parvis.sock", "tcp://127.0.0.1:7711", "tcp://[::1]:7711", "tls://host.example:443"}) {
    CHECK(Address::parse(text).text() == text);
  }
  CHECK(Address::parse("unix:/run/parvis.sock").text() == "unix:///run/parvis.sock");
  CHECK(Address::parse("tcp://localhost").text() == "tcp://localhost:7711");
  CHECK(Address::parse("tcp://localhost:0/").port == 0);
}

TEST_CASE("only loopback is loopback") {
  for (const auto* text : {"tcp://127.0.0.1:1", "tcp://127.3.2.1:1", "tcp://localhost:1", "tcp://[::1]:1"})
    CHECK(Address::parse(text).loopback());
  for (const auto* text :
       {"tcp://0.0.0.0:1", "tcp://127.evil.example:1", "tcp://10.0.0.1:1", "tcp://[::]:1", "unix:///x"})
    CHECK(!Address::parse(text).loopback());
}

TEST_CASE("what is no address gets an answer that shows the three forms") {
  for (const auto* text : {"", "localhost", "localhost:7711", "http://x", "unix://relative", "unix://", "tcp://",
                           "tcp://:7711", "tcp://host:99999", "tcp://host:x", "tcp://host:", "tcp://::1:7711",
                           "tcp://[::1", "tcp://[::1]x", "tcp://user@host:1", "tcp://host:1/path"}) {
    INFO(text);
    CHECK_THROWS_WITH(Address::parse(text), Catch::Contains("unix:///path/to/socket or tcp://host:port"));
  }
  CHECK_THROWS_WITH(Address::parse("unix:///" + std::string(200, 'x')), Catch::Contains("201 bytes"));
}
