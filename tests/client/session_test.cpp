// Sessions against a real server.
#include <catch2/catch.hpp>

#include <thread>

#include "tests/client/server.hpp"

using namespace parvis;
using namespace parvis::test;

TEST_CASE("an out and an in make a round trip") {
  const Home home;
  const TestServer server(home);
  const auto space = server.space();
  space.out("task", 1, "x", 2.5);
  auto [id, text] = space.in<int, std::string>("task", formal, formal, 2.5);
  CHECK(id == 1);
  CHECK(text == "x");
  CHECK(!space.inp("task", any, rest));
}
