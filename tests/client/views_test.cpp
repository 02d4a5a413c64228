// Scanning, aggregates, watching, leases and asking why, as a C++ program does.
#include <catch2/catch.hpp>

#include <thread>

#include "tests/client/server.hpp"

using namespace parvis;
using namespace parvis::test;
using namespace std::chrono_literals;

TEST_CASE("a scan is a range, and goes on after a restart of the server") {
  const Home home;
  TestServer server(home);
  const auto space = server.space();
  for (int i = 0; i < 10; ++i) space.out("row", i);
  int next = 0;
  for (const Tuple& tuple : space.scan_pages(3, "row", any)) {
    CHECK(from_value<int>(tuple.items.at(1)) == next++);
    if (next != 5) continue;
    server.kill();
    server.start();
  }
  CHECK(next == 10);
  auto nothing = space.scan("nothing");
  CHECK(!nothing.next());
}

TEST_CASE("a watch is in effect when it is there, is closed by any thread, and is resumed") {
  const Home home;
  const TestServer server(home);
  const auto space = server.space();
  using Kind = WatchEvent::Kind;
  auto watcher = space.watch("v", any);
  space.out("v", 1);
  space.out("w", 1);
  CHECK(space.in<int>("v", formal) == std::tuple(1));
  const auto put = watcher.next_for(patience), taken = watcher.next_for(patience);
  REQUIRE(put);
  REQUIRE(taken);
  CHECK(put->kind == Kind::put);
  CHECK(taken->kind == Kind::taken);
  CHECK(taken->seq > put->seq);
  CHECK(!watcher.next_for(5ms));
  std::thread closer([&] { watcher.close(); });
  CHECK(!watcher.next());
  closer.join();
  auto again = space.watch_with({{Kind::taken}, put->seq}, "v", any);
  CHECK(again.next_for(patience)->seq == taken->seq);
}

TEST_CASE("aggregates") {
  const Home home;
  const TestServer server(home);
  const auto space = server.space();
  for (const int n : {1, 2, 3}) space.out("job", n % 2 == 0 ? "even" : "odd", n);
  CHECK(from_value<int>(space.sum(2, "job", any, any)) == 6);
  CHECK(from_value<int>(space.min(2, "job", any, any)) == 1);
  CHECK(from_value<int>(space.max(2, "job", any, any)) == 3);
  const auto rows = space.aggregate({{Aggregate::Function::count, 0}}, {1}, "job", any, any);
  REQUIRE(rows.size() == 2);
  CHECK(rows[0] == Tuple{{Value(std::string("odd")), Value(std::int64_t{2})}});
}

TEST_CASE("leases are renewed and cancelled") {
  const Home home;
  const TestServer server(home);
  const auto space = server.space();
  OutOptions options;
  options.lease = 50ms;
  const auto lease = space.lease(space.out_with(options, "v", 1));
  lease.renew(1h);
  const auto brief = space.out_with(options, "w", 1);
  CHECK(eventually([&] { return space.count("w", any) == 0; }));
  CHECK(space.count("v", any) == 1);
  lease.cancel();
  CHECK(space.count("v", any) == 0);
  CHECK_THROWS_AS(space.lease(brief).renew(1h), Error);
}

TEST_CASE("why nothing matches, and who waits") {
  const Home home;
  const TestServer server(home);
  const auto space = server.space(), other = server.space();
  space.out("task", 1);
  const auto misses = space.explain("task", 2);
  REQUIRE(misses.size() == 1);
  CHECK(misses[0].position == std::optional<std::uint32_t>(1));
  CHECK(!misses[0].why.empty());
  const auto waiting = other.async_in<int>("never", formal);
  CHECK(eventually([&] { return space.blocked().size() == 1; }));
  CHECK(space.blocked().at(0).session == other.session()->id());
  CHECK(space.blocked().at(0).take);
}

TEST_CASE("spaces are made with quotas") {
  const Home home;
  const TestServer server(home);
  const auto space = server.space().named("small");
  space.make({Durability::volatile_, 1, {}});
  space.out("v", 1);
  CHECK_THROWS_AS(space.out("v", 2), Error);
  space.make({{}, 0, {}});
  space.out("v", 2);
  CHECK(space.spaces().at(0).durability == Durability::volatile_);
  space.drop();
}
