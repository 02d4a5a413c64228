#include "tuplespace/wire/luck.hpp"

#include <catch2/catch.hpp>

using parvis::wire::Luck;

namespace {
// Of so many chances to look, how many were taken, when every look has the outcome `found`.
int looks(Luck& luck, int chances, bool found) {
  int taken = 0;
  for (int i = 0; i < chances; ++i)
    if (luck.worth_a_look()) {
      ++taken;
      luck.had(found);
    }
  return taken;
}
}  // namespace

TEST_CASE("Who finds something looks always") {
  Luck luck;
  CHECK(looks(luck, 1000, true) == 1000);
}

TEST_CASE("Who finds nothing soon looks one time in sixteen") {
  Luck luck;
  CHECK(looks(luck, 100, false) < 70);
  CHECK(looks(luck, 1600, false) == 100);
}

TEST_CASE("One look that finds something is enough to look again") {
  Luck luck;
  looks(luck, 1000, false);
  luck.had(true);
  CHECK(luck.worth_a_look());
  luck.had(false);
  CHECK(looks(luck, 15, false) <= 1);
}
