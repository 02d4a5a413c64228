// Sessions against a real server: waiting, interrupting, giving back, many threads, large tuples, errors.
#include <catch2/catch.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <thread>

#include "tests/client/server.hpp"

using namespace parvis;
using namespace parvis::test;
using namespace std::chrono_literals;

namespace {

std::string message_of(const std::function<void()>& f, ErrorCode code) {
  try {
    f();
  } catch (const Error& error) {
    CHECK(error.code() == code);
    return error.what();
  }
  FAIL("nothing was thrown");
  return {};
}

std::uint64_t waiters(const Space& space) {
  for (const auto& info : space.spaces()) {
    if (info.name == space.name()) return info.waiters;
  }
  return 0;
}

}  // namespace

TEST_CASE("an out and an in make a round trip") {
  const Home home;
  const TestServer server(home);
  const auto space = server.space();
  space.out("task", 1, "x", 2.5);
  CHECK(space.count("task", rest) == 1);
  auto [id, text] = space.in<int, std::string>("task", formal, formal, 2.5);
  CHECK(id == 1);
  CHECK(text == "x");
  CHECK(!space.inp("task", any, rest));
  CHECK(!space.rdp<int>("task", formal));
}

TEST_CASE("a blocked in is woken by an out of another session") {
  const Home home;
  const TestServer server(home);
  const auto taker = server.space(), giver = server.space();
  auto taken = std::async(std::launch::async, [&] { return taker.in<int>("n", formal); });
  CHECK(eventually([&] { return waiters(giver) == 1; }));
  giver.out("n", 7);
  CHECK(taken.get() == std::tuple(7));
}

TEST_CASE("the threads of one session wait side by side") {
  const Home home;
  const TestServer server(home);
  const auto space = server.space();
  constexpr int threads = 8, rounds = 50;
  std::atomic<int> sum = 0;
  std::vector<std::thread> workers;
  for (int t = 0; t < threads; ++t) {
    workers.emplace_back([&, t] {
      for (int i = 0; i < rounds; ++i) {
        space.out("ping", t, i);
        const auto [n] = space.in<int>("pong", t, formal);
        sum += n == i ? 1 : 0;
      }
    });
    workers.emplace_back([&, t] {
      for (int i = 0; i < rounds; ++i) {
        const auto [n] = space.in<int>("ping", t, formal);
        space.out("pong", t, n);
      }
    });
  }
  for (auto& worker : workers) worker.join();
  CHECK(sum == threads * rounds);
}

TEST_CASE("a timeout is an error, and takes nothing") {
  const Home home;
  const TestServer server(home);
  const auto space = server.space();
  message_of([&] { space.in_for(20ms, "none"); }, ErrorCode::timeout);
  message_of([&] { space.rd_for(0ms, "none"); }, ErrorCode::timeout);
  CHECK(space.take_many(10, 20ms, "none", any).empty());
  space.out("none");
  CHECK(space.inp("none"));
}

TEST_CASE("P3: an interrupted in has taken nothing, whenever the signal came") {
  const Home home;
  const TestServer server(home);
  const auto giver = server.space();
  auto taker = server.space();
  for (int i = 0; i < 20; ++i) {
    std::atomic<bool> stop = false;
    taker.on_signal([&] { return stop.load(); });
    auto taken = std::async(std::launch::async, [&]() -> bool {
      try {
        taker.in("n", i);
        return true;
      } catch (const Interrupted&) {
        return false;
      }
    });
    if (i % 2 == 0) CHECK(eventually([&] { return waiters(giver) == 1; }));
    stop = true;
    giver.out("n", i);
    const bool got = taken.get();
    if (!got) CHECK_NOTHROW(giver.in_for(patience, "n", i));  // it is back, or never left
  }
  CHECK(giver.count("n", any) == 0);
}

TEST_CASE("P3: what a session took and did not confirm is back at its place when the session ends") {
  const Home home;
  const TestServer server(home);
  const auto space = server.space();
  space.out("n", 1);
  space.out("n", 2);
  {
    const auto session = client::Session::connect(server.options());
    const Template pattern{{{Value("n")}, {Any{}}}, false};
    const Operation get = Get{"default", {Payload(encoded(pattern))}};
    Sequence kept = 0;
    session->call(get, {{}, false}, &kept);
    CHECK(space.count("n", any) == 1);
    session->refuse(kept);
    CHECK(eventually([&] { return space.count("n", any) == 2; }));
    session->call(get, {{}, false}, &kept);
  }
  CHECK(space.in_for<int>(patience, "n", formal) == std::tuple(1));
}

TEST_CASE("a tuple that can't be read as the types asked for stays in the space") {
  const Home home;
  const TestServer server(home);
  const auto space = server.space();
  space.out("v", std::vector<float>{1});
  message_of([&] { space.in<std::vector<double>>("v", formal); }, ErrorCode::protocol_error);
  CHECK(space.in_for<std::vector<float>>(patience, "v", formal) == std::tuple(std::vector<float>{1}));
}

TEST_CASE("futures: started at once, awaited later, given back when dropped") {
  const Home home;
  const TestServer server(home);
  const auto space = server.space();
  auto first = space.async_in<int>("n", formal);
  auto second = space.async_rd<int>("n", formal);
  auto dropped = std::make_unique<Future<Tuple>>(space.async_in("m", any));
  CHECK(!first.ready());
  CHECK(!first.get_for(10ms));
  CHECK(space.async_out("n", 5).get() != 0);
  CHECK(first.get() == std::tuple(5));
  CHECK(second.get() == std::tuple(5));
  dropped.reset();
  space.out("m", 1);
  CHECK(space.in_for<int>(patience, "m", formal) == std::tuple(1));
  auto cancelled = space.async_in("never");
  cancelled.cancel();
  message_of([&] { cancelled.get(); }, ErrorCode::timeout);
}

TEST_CASE("what is started in a pipeline goes out together: when somebody waits, or with the pipeline's end") {
  const Home home;
  const TestServer server(home);
  const auto space = server.space(), other = server.space();
  auto pipeline = space.pipeline();
  std::vector<Future<TupleId>> puts;
  for (int i = 0; i < 300; ++i) puts.push_back(space.async_out("n", i));
  CHECK(space.rdp<int>("n", formal) == std::tuple(0));  // a blocking call keeps its place behind them
  for (auto& put : puts) CHECK(put.get() != 0);
  auto unwatched = space.async_out("last", std::string(100'000, 'x'));  // more than is gathered
  auto small = space.async_out("last", "");
  CHECK(eventually([&] { return small.ready(); }));
  auto never_asked = space.async_out("end");
  pipeline.reset();
  CHECK(eventually([&] { return other.count("end") == 1; }));
  CHECK(other.count("n", any) == 300);
  CHECK(other.count("last", any) == 2);
}

TEST_CASE("callbacks are called without anybody waiting") {
  const Home home;
  const TestServer server(home);
  const auto space = server.space();
  const Template pattern{{{Value("n")}, {Any{}}}, false};
  std::promise<Answer> answer;
  space.session()->start(Get{"default", {Payload(encoded(pattern))}},
                         [&](Answer a) { answer.set_value(std::move(a)); });
  server.space().out("n", 1);
  auto future = answer.get_future();
  REQUIRE(future.wait_for(patience) == std::future_status::ready);
  CHECK(std::get<Found>(future.get()).items.size() == 1);
}

TEST_CASE("P4: transactions are all or nothing") {
  const Home home;
  const TestServer server(home);
  const auto space = server.space(), other = server.space();
  space.out("job", 1);
  {
    auto tx = space.transaction();
    CHECK(tx.in<int>("job", formal) == std::tuple(1));
    tx.out("done", 1);
    CHECK(other.count("done", any) == 0);
    CHECK(!other.inp("job", any));
    tx.commit();
    CHECK(other.count("done", any) == 1);
    message_of([&] { tx.commit(); }, ErrorCode::conflict);
  }
  {
    auto tx = space.transaction();
    tx.in("done", any);
    tx.out("never");
  }
  CHECK(other.in_for<int>(patience, "done", formal) == std::tuple(1));
  CHECK(other.count("never") == 0);
}

TEST_CASE("many at once, and large ones") {
  const Home home;
  const TestServer server(home);
  const auto space = server.space();
  std::vector<Tuple> tuples;
  for (int i = 0; i < 1000; ++i) tuples.push_back({{Value("n"), Value(i)}});
  space.out_many(tuples);
  CHECK(space.read_many(10, 0ms, "n", any).size() == 10);
  CHECK(space.take_many(2000, 0ms, "n", any).size() == 1000);

  std::vector<double> large(2'000'000);
  for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<double>(i);
  auto future = space.async_out("large", large);
  space.out("small");  // does not wait behind it
  CHECK(space.inp("small"));
  future.get();
  const auto [back] = space.in<std::vector<double>>("large", formal);
  CHECK(back == large);
}

TEST_CASE("user types travel as objects") {
  const Home home;
  const TestServer server(home);
  const auto space = server.space();
  space.out("pairs", std::map<std::string, std::vector<int>>{{"a", {1, 2}}});
  const auto [pairs] = space.in<std::map<std::string, std::vector<int>>>("pairs", formal);
  CHECK(pairs.at("a") == std::vector<int>{1, 2});
}

TEST_CASE("a limit is a clear error, and nothing is lost by it") {
  const Home home;
  const TestServer server(home, {"--limit", "tuple_bytes=1M"});
  const auto space = server.space();
  const auto text = message_of([&] { space.out("x", std::vector<double>(1'000'000)); }, ErrorCode::limit_exceeded);
  CHECK(text.find("tuple_bytes") != std::string::npos);
  space.out("x", 1);
  CHECK(space.inp("x", 1));
}

#if !defined(__SANITIZE_THREAD__)  // which cannot follow a process that forks beside threads
TEST_CASE("a child after fork has a session of its own, and leaves its parent's alone") {
  const Home home;
  const TestServer server(home);
  const auto space = server.space();
  space.out("n", 0);
  const auto parent = space.session()->id();
  const pid_t child = ::fork();
  if (child == 0) {
    int status = 1;
    try {
      const auto [n] = space.in<int>("n", formal);
      space.out("child", n);
      status = space.session()->id() == parent ? 2 : 0;
      space.close();
    } catch (const Error&) {
      status = 3;
    }
    ::_exit(status);
  }
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  CHECK(space.in_for<int>(patience, "child", formal) == std::tuple(0));
  CHECK(space.session()->id() == parent);
}
#endif

TEST_CASE("after close() calls fail clearly, and close() may be repeated") {
  const Home home;
  const TestServer server(home);
  const auto space = server.space();
  auto blocked =
      std::async(std::launch::async, [&] { message_of([&] { space.in("never"); }, ErrorCode::disconnected); });
  const auto watcher = server.space();
  CHECK(eventually([&] { return waiters(watcher) == 1; }));
  space.close();
  space.close();
  blocked.get();
  message_of([&] { space.out("x"); }, ErrorCode::disconnected);
}

TEST_CASE("nobody there, somebody else there, a wrong token, a wrong address: each says what to do") {
  const Home home;
  const auto connecting = [](const std::string& address, const std::string& token = {}) {
    client::Options options;
    options.address = address;
    options.token = token;
    options.connect_timeout = patience;
    return [options] { client::Session::connect(options); };
  };
  auto text = message_of(connecting(home.socket()), ErrorCode::disconnected);
  CHECK(text == "no server at " + home.socket() + ": start one with `parvis serve`, or set PARVIS_ADDRESS");
  text = message_of(connecting("tcp://example.org:7711"), ErrorCode::unauthorized);
  CHECK(text.find("ssh -L") != std::string::npos);
  message_of(connecting("unix://" + home.path().string() + "/" + std::string(200, 'x')), ErrorCode::protocol_error);
  message_of(connecting("nonsense"), ErrorCode::protocol_error);
  message_of(connecting("tls://localhost:1"), ErrorCode::protocol_error);

  const TestServer server(home, {"--listen", "tcp://127.0.0.1:0"});
  const auto tcp = [&] {
    for (const auto& endpoint : client::endpoints({})) {
      if (endpoint.address.kind == wire::Address::Kind::tcp) return endpoint.address.text();
    }
    return std::string();
  }();
  REQUIRE(!tcp.empty());
  CHECK_NOTHROW(connecting(tcp)());
  message_of(connecting(tcp, std::string(64, '0')), ErrorCode::unauthorized);
  message_of(connecting(tcp, "short"), ErrorCode::unauthorized);
}
