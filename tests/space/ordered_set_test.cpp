#include <catch2/catch.hpp>

#include <map>
#include <random>
#include <set>

#include "tuplespace/space/ordered_set.hpp"

using namespace parvis;
using namespace parvis::space;

namespace {

using Truth = std::set<std::pair<SortKey, Order>>;

void compare(const OrderedSet& set, const Truth& truth, const KeyRange& range, Order after) {
  std::set<Order> expected;
  std::size_t inside = 0;
  for (const auto& [key, order] : truth) {
    inside += range.holds(key) ? 1 : 0;
    if (range.holds(key) && order > after) expected.insert(order);
  }
  REQUIRE(set.count(range) == inside);
  auto next = expected.begin();
  for (OrderedSet::Cursor at(set, range, after); at; at.next(), ++next) {
    REQUIRE(next != expected.end());
    REQUIRE(*at == *next);
  }
  REQUIRE(next == expected.end());
}

}  // namespace

TEST_CASE("An ordered set walks any range of keys in the order of the tuples") {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    OrderedSet set;
    Truth truth;
    std::map<Order, SortKey> key_of;
    const std::uint64_t keys = seed % 3 == 0 ? 3 : seed % 3 == 1 ? 500 : 1'000'000'000;
    const auto some_key = [&](Order order) {
      if (seed % 4 == 0) return SortKey{1, order};   // ascending with the age
      if (seed % 4 == 1) return SortKey{2, ~order};  // descending
      const std::uint64_t k = random() % keys;
      return SortKey{k / 7, k};
    };
    for (int phase = 0; phase < 6; ++phase) {
      const unsigned inserts = phase % 2 == 0 ? 85 : 15;  // it grows, then it shrinks
      for (int i = 0; i < 5000; ++i) {
        if (random() % 100 < inserts) {
          const Order order =
              seed % 2 == 0 ? static_cast<Order>(key_of.size() + 1) * 8 + random() % 8 : random() % 100'000'000 + 1;
          const SortKey key = some_key(order);
          if (!key_of.try_emplace(order, key).second) continue;
          truth.emplace(key, order);
          REQUIRE(set.insert(key, order));
          if (i % 64 == 0) REQUIRE_FALSE(set.insert(key, order));
        } else if (!key_of.empty()) {
          auto victim = i % 2 == 0 ? key_of.begin() : key_of.lower_bound(random() % 100'000'000);
          if (victim == key_of.end()) victim = key_of.begin();
          const auto [order, key] = *victim;
          key_of.erase(victim);
          truth.erase({key, order});
          REQUIRE(set.erase(key, order));
          REQUIRE_FALSE(set.erase(key, order));
          REQUIRE_FALSE(set.contains(key, order));
        }
        REQUIRE(set.size() == truth.size());
      }
      REQUIRE(set.sound());
      for (const auto& [key, order] : truth) REQUIRE(set.contains(key, order));
      const auto some = [&] {
        auto at = truth.lower_bound({some_key(random() % 100'000'000), 0});
        return at == truth.end() ? SortKey{random() % 5, random()} : at->first;
      };
      compare(set, truth, {{0, 0}, {~std::uint64_t{0}, ~std::uint64_t{0}}}, 0);
      compare(set, truth, {{1, 0}, {0, 0}}, 0);
      for (int i = 0; i < 20; ++i) {
        const SortKey a = some(), b = some();
        compare(set, truth, {std::min(a, b), std::max(a, b)}, i % 3 == 0 ? random() % 100'000'000 : 0);
        compare(set, truth, {a, a}, 0);
      }
    }
    while (!truth.empty()) {
      REQUIRE(set.erase(truth.begin()->first, truth.begin()->second));
      truth.erase(truth.begin());
    }
    CHECK(set.bytes() == 0);
    CHECK(set.sound());
  }
}

TEST_CASE("An ordered set is compact, and gives memory back") {
  const auto bytes_a_tuple = [](auto&& key_at) {
    OrderedSet set;
    for (std::uint64_t i = 1; i <= 100'000; ++i) set.insert(key_at(i), i);
    const std::size_t full = set.bytes();
    for (std::uint64_t i = 1; i <= 100'000; ++i)
      if (i % 10 != 0) set.erase(key_at(i), i);
    CHECK(set.bytes() < full / 2);
    CHECK(set.sound());
    return full / 100'000;
  };
  CHECK(bytes_a_tuple([](std::uint64_t i) { return SortKey{0, i}; }) <= 26);
  CHECK(bytes_a_tuple([](std::uint64_t i) { return SortKey{0, ~i}; }) <= 27);
  CHECK(bytes_a_tuple([](std::uint64_t i) { return SortKey{0, i % 3}; }) <= 52);
  // Ascending in blocks that come descending, and the other way round.
  CHECK(bytes_a_tuple([](std::uint64_t i) { return SortKey{~(i / 100), i}; }) <= 52);
  CHECK(bytes_a_tuple([](std::uint64_t i) { return SortKey{i / 100, ~i}; }) <= 52);
  CHECK(bytes_a_tuple([](std::uint64_t i) { return i % 2 == 0 ? SortKey{0, i} : SortKey{1, ~i}; }) <= 52);
  CHECK(bytes_a_tuple([](std::uint64_t i) { return SortKey{0, i * 0x9e3779b97f4a7c15}; }) <= 42);
}

TEST_CASE("The first of a range is found by opening few nodes, however many lie in it") {
  OrderedSet set;
  for (std::uint64_t i = 1; i <= 200'000; ++i) set.insert({0, i * 7919 % 200'003}, i);
  std::mt19937_64 random(1);
  for (int i = 0; i < 100; ++i) {
    const std::uint64_t low = random() % 200'000;
    OrderedSet::Cursor at(set, {{0, low}, {0, low + (i % 2 == 0 ? 10 : 100'000)}});
    REQUIRE(at);
    CHECK(at.opened() <= 20);
  }
}
