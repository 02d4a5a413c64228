#include <catch2/catch.hpp>

#include <random>
#include <set>

#include "tuplespace/space/id_list.hpp"

using namespace parvis::space;

namespace {

void compare(const IdList& list, const std::set<Order>& truth) {
  REQUIRE(list.size() == truth.size());
  REQUIRE(list.empty() == truth.empty());
  auto expected = truth.begin();
  for (IdList::Cursor at(list); at; at.next(), ++expected) {
    REQUIRE(expected != truth.end());
    REQUIRE(*at == *expected);
  }
  REQUIRE(expected == truth.end());
  for (Order after : {Order{1}, Order{20} << 30, Order{700} << 30 | 1, Order{500'000} << 30 | 1}) {  // a page goes on
    const IdList::Cursor at(list, after);
    expected = truth.upper_bound(after);
    REQUIRE(static_cast<bool>(at) == (expected != truth.end()));
    if (at) REQUIRE(*at == *expected);
  }
}

}  // namespace

TEST_CASE("An id list is an ordered set, whatever comes in whichever order") {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    IdList list;
    IdList::Memory memory;
    std::set<Order> truth;
    const Order range = seed % 3 == 0 ? 20 : seed % 3 == 1 ? 1500 : 1'000'000;
    for (int phase = 0; phase < 8; ++phase) {
      const unsigned inserts = phase % 2 == 0 ? 80 : 20;  // it grows, then it shrinks
      for (int i = 0; i < 4000; ++i) {
        const Order order = (random() % range) << 30 | 1;
        if (random() % 100 < inserts) {
          const bool added = truth.insert(order).second;
          REQUIRE(list.insert(order, memory) == added);
        } else {
          const Order victim = seed % 2 == 0 && !truth.empty() ? *truth.begin() : order;
          const bool erased = truth.erase(victim) != 0;
          REQUIRE(list.erase(victim, memory) == erased);
        }
        REQUIRE(list.contains(order) == truth.contains(order));
      }
      compare(list, truth);
    }
    for (Order order : truth) REQUIRE(list.erase(order, memory));
    REQUIRE(list.empty());
    REQUIRE(memory.bytes == 0);
  }
}

TEST_CASE("A queue in an id list stays small however long it runs") {
  IdList list;
  IdList::Memory memory;
  for (Order i = 0; i < 1000; ++i) list.insert(i, memory);
  const std::size_t bytes = memory.bytes;
  for (Order i = 1000; i < 200'000; ++i) {
    REQUIRE(list.insert(i, memory));
    REQUIRE(list.erase(i - 1000, memory));
    REQUIRE(*IdList::Cursor(list) == i - 999);
  }
  CHECK(memory.bytes <= bytes * 3);
}

TEST_CASE("An order puts higher priorities first, then older ids, and gives both back") {
  using parvis::max_priority;
  using parvis::min_priority;
  CHECK(order_of(1, 100) < order_of(0, 1));
  CHECK(order_of(0, 1) < order_of(0, 2));
  CHECK(order_of(min_priority, 1) >> 63 == 0);
  for (int priority : {min_priority, -1, 0, 1, max_priority}) CHECK(priority_of(order_of(priority, 77)) == priority);
  CHECK(id_of(order_of(max_priority, (Order{1} << id_bits) - 1)) == (Order{1} << id_bits) - 1);
}
