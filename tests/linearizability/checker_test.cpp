// The checker itself, on histories made by hand: what it must accept and what it must not.
#include <catch2/catch.hpp>

#include "checker.hpp"

using namespace parvis::linearizability;

namespace {

Operation put(std::uint32_t value, std::int64_t called, std::int64_t returned) {
  return {0, Operation::What::put, value, called, returned};
}
Operation take(std::optional<std::uint32_t> value, std::int64_t called, std::int64_t returned) {
  return {0, Operation::What::take, value, called, returned};
}
Operation read(std::optional<std::uint32_t> value, std::int64_t called, std::int64_t returned) {
  return {0, Operation::What::read, value, called, returned};
}
constexpr std::int64_t unknown = Operation::unknown;

}  // namespace

TEST_CASE("Linearizable: what happens one after the other") {
  CHECK(linearizable({}));
  CHECK(linearizable({put(1, 0, 1), put(2, 2, 3), read(1, 4, 5), take(1, 6, 7), take(2, 8, 9), take({}, 10, 11)}));
}

TEST_CASE("Linearizable: what happens at the same time may happen in any order") {
  CHECK(linearizable({put(1, 0, 10), put(2, 0, 10), take(2, 11, 12), take(1, 13, 14)}));
  CHECK(linearizable({put(1, 0, 10), take({}, 1, 2), take(1, 3, 4)}));
  CHECK(linearizable({put(1, 0, 1), take(1, 2, 20), take({}, 3, 4), read(1, 2, 5)}));
}

TEST_CASE("Linearizable: of what nobody knows the outcome anything may be true") {
  CHECK(linearizable({put(1, 0, unknown), take({}, 1, 2), take(1, 3, 4)}));
  CHECK(linearizable({put(1, 0, unknown), take({}, 1, 2)}));
  CHECK(linearizable({put(1, 0, 1), take({}, 2, unknown), take({}, 3, 4)}));
}

TEST_CASE("Not linearizable: what is lost, twice, too early or out of order") {
  CHECK_FALSE(linearizable({put(1, 0, 1), take({}, 2, 3)}));                // lost
  CHECK_FALSE(linearizable({put(1, 0, 1), take(1, 2, 3), take(1, 4, 5)}));  // twice
  CHECK_FALSE(linearizable({put(1, 0, 1), take(1, 2, 30), take(1, 2, 30)}));
  CHECK_FALSE(linearizable({take(1, 0, 1), put(1, 2, 3)}));                               // too early
  CHECK_FALSE(linearizable({put(1, 0, 1), put(2, 2, 3), take(2, 4, 5), take(1, 6, 7)}));  // out of order
  CHECK_FALSE(linearizable({put(1, 0, 1), take(1, 2, 3), read(1, 4, 5)}));                // stale
  CHECK_FALSE(linearizable({put(1, 0, unknown), take(1, 1, 2), take(1, 3, 4)}));
  CHECK_FALSE(linearizable({put(1, 0, 10), read(1, 1, 2), take({}, 4, 5)}));  // was there already
}

TEST_CASE("Kinds do not touch each other") {
  Operation other = take({}, 2, 3);
  other.kind = 1;
  CHECK(linearizable({put(1, 0, 1), other, take(1, 4, 5)}));
}
