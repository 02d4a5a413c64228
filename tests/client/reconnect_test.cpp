// Sessions whose server is killed and started again, or whose process was stopped.
#include <catch2/catch.hpp>

#include <signal.h>

#include <atomic>
#include <future>
#include <set>
#include <thread>

#include "tests/client/server.hpp"

using namespace parvis;
using namespace parvis::test;
using namespace std::chrono_literals;

namespace {

ConnectOptions patient(std::chrono::milliseconds reconnect_for) {
  ConnectOptions options;
  options.reconnect_for = reconnect_for;
  return options;
}

bool blocked(const Space& space) {
  for (const auto& info : space.spaces()) {
    if (info.name == space.name()) return info.waiters > 0;
  }
  return false;
}

}  // namespace

TEST_CASE("P6: a blocked in outlives its server, and is served by the next one") {
  const Home home;
  TestServer server(home);
  const auto taker = connect(server.address(), patient(10min));
  auto taken = std::async(std::launch::async, [&] { return taker.in<int>("n", formal); });
  CHECK(eventually([&] { return blocked(server.space()); }));
  const auto session = taker.session()->id();
  for (int i = 0; i < 3; ++i) {
    server.kill();
    server.start();
  }
  CHECK(eventually([&] { return blocked(server.space()); }));
  server.space().out("n", 7);
  REQUIRE(taken.wait_for(patience) == std::future_status::ready);
  CHECK(taken.get() == std::tuple(7));
  CHECK(taker.session()->id() == session);  // the same session, resumed
}

TEST_CASE("P1, P2: every out and every in takes effect once, however often the server is killed") {
  const Home home;
  TestServer server(home);
  constexpr int tuples = 300;
  std::atomic<int> put = 0;
  auto giver = std::async(std::launch::async, [&] {
    const auto space = connect(server.address(), patient(10min));
    for (int i = 0; i < tuples; ++i, ++put) space.out("n", i);
  });
  auto taker = std::async(std::launch::async, [&] {
    const auto space = connect(server.address(), patient(10min));
    std::vector<int> seen;
    for (int i = 0; i < tuples; ++i) seen.push_back(std::get<0>(space.in<int>("n", formal)));
    return seen;
  });
  for (int kills = 1; kills <= 5; ++kills) {
    CHECK(eventually([&] { return put >= kills * tuples / 6; }));
    server.kill();
    server.start();
  }
  REQUIRE(giver.wait_for(patience) == std::future_status::ready);
  REQUIRE(taker.wait_for(patience) == std::future_status::ready);
  const auto seen = taker.get();
  CHECK(std::set<int>(seen.begin(), seen.end()).size() == tuples);
  CHECK(std::is_sorted(seen.begin(), seen.end()));
  CHECK(server.space().count("n", any) == 0);
}

TEST_CASE("P1: what was gathered in a pipeline when the server died takes effect once") {
  const Home home;
  TestServer server(home);
  const auto space = connect(server.address(), patient(10min));
  const auto pipeline = space.pipeline();
  std::vector<Future<TupleId>> puts;
  for (int i = 0; i < 100; ++i) puts.push_back(space.async_out("n", i));
  puts.front().get();
  for (int i = 100; i < 200; ++i) puts.push_back(space.async_out("n", i));
  server.kill();
  server.start();
  for (auto& put : puts) CHECK(put.get() != 0);
  CHECK(space.count("n", any) == 200);
}

TEST_CASE("a timeout comes in time though the server is away, and takes nothing") {
  const Home home;
  TestServer server(home);
  const auto space = connect(server.address(), patient(10min));
  auto taken = std::async(std::launch::async, [&]() -> ErrorCode {
    try {
      space.in_for(1s, "n", any);
    } catch (const Error& error) {
      return error.code();
    }
    return {};
  });
  CHECK(eventually([&] { return blocked(server.space()); }));
  server.kill();
  REQUIRE(taken.wait_for(patience) == std::future_status::ready);
  CHECK(taken.get() == ErrorCode::timeout);
  server.start();
  space.out("n", 1);
  CHECK(space.inp("n", 1));
}

TEST_CASE("a server that stays away is an error, which says whether the outcome is known") {
  const Home home;
  TestServer server(home);
  const auto space = connect(server.address(), patient(300ms));
  space.out("n", 0);
  server.kill();
  try {
    space.out("n", 1);
    FAIL("nothing was thrown");
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::disconnected);
    CHECK(std::string(error.what()).find("stayed away") != std::string::npos);
  }
  server.start();
  CHECK(space.in_for<int>(patience, "n", formal) == std::tuple(0));  // and the session goes on when it is back
}

TEST_CASE("a server with a new data folder: reads and takes go on, in a new session") {
  const Home home;
  TestServer server(home);
  const auto space = connect(server.address(), patient(10min));
  auto taken = std::async(std::launch::async, [&] { return space.in<int>("n", formal); });
  CHECK(eventually([&] { return blocked(server.space()); }));
  server.kill();
  std::filesystem::remove_all(home.path());
  std::filesystem::create_directory(home.path());
  server.start();
  server.space().out("n", 3);
  REQUIRE(taken.wait_for(patience) == std::future_status::ready);
  CHECK(taken.get() == std::tuple(3));
}

TEST_CASE("P3: a taker that was stopped for longer than its session lives does not keep what went back") {
  const Home home;
  const TestServer server(home, {"--limit", "heartbeat=300", "--limit", "grace=300"});
  const auto space = server.space();
  Process taker({program("parvis"), "in", "n", "?int", "--address", server.address()});
  CHECK(eventually([&] { return blocked(space); }));
  taker.signal(SIGSTOP);
  space.out("n", 1);
  CHECK(space.in_for<int>(patience, "n", formal) == std::tuple(1));  // skipped, or given back by its session's end
  taker.signal(SIGCONT);
  CHECK(eventually([&] { return blocked(space); }));  // it waits on, in a new session
  space.out("n", 2);
  CHECK(taker.read_line().find('2') != std::string::npos);
  CHECK(taker.wait() == 0);
  CHECK(space.count("n", any) == 0);
}
