// Histories of real clients on a real server that is killed again and again. PARVIS_SECONDS=n goes on for n seconds.
#include <catch2/catch.hpp>

#include <atomic>
#include <cstdlib>
#include <random>
#include <thread>

#include "checker.hpp"
#include "tests/client/server.hpp"

using namespace parvis;
using namespace parvis::test;
using namespace std::chrono_literals;
using linearizability::History;

namespace {

constexpr int clients = 4, kinds = 3, operations_each = 200;

std::int64_t now() { return std::chrono::steady_clock::now().time_since_epoch().count(); }

// One client's part: what it asked for, when, and what it was told.
History record(const Space& space, int client, std::uint64_t seed) {
  using What = linearizability::Operation::What;
  std::mt19937_64 random(seed);
  History history;
  for (int i = 0; i < operations_each; ++i) {
    linearizability::Operation o;
    o.kind = static_cast<int>(random() % kinds);
    const auto dice = random() % 10;
    // More takes than puts: rows stay short, and an order that is wrong is soon found to be.
    o.what = dice < 4 ? What::put : dice < 9 ? What::take : What::read;
    o.called = now();
    if (o.what == What::put) {
      o.value = static_cast<std::uint32_t>(client * operations_each + i);
      space.out(o.kind, static_cast<std::int64_t>(*o.value));
    } else {
      const auto found =
          o.what == What::take ? space.inp<std::int64_t>(o.kind, formal) : space.rdp<std::int64_t>(o.kind, formal);
      if (found) o.value = static_cast<std::uint32_t>(std::get<0>(*found));
    }
    o.returned = now();
    history.push_back(o);
  }
  return history;
}

History record_round(std::uint64_t seed) {
  const Home home;
  TestServer server(home);
  std::vector<History> parts(clients);
  std::atomic<int> at_work = clients;
  std::vector<Space> spaces;  // connected before the first kill: a first connection is not tried again
  ConnectOptions options;
  options.reconnect_for = 10min;
  for (int i = 0; i < clients; ++i) spaces.push_back(connect(server.address(), options));
  std::vector<std::thread> threads;
  for (int i = 0; i < clients; ++i)
    threads.emplace_back([&, i] {
      const auto at = static_cast<std::size_t>(i);
      parts[at] = record(spaces[at], i, seed * clients + static_cast<std::uint64_t>(i));
      --at_work;
    });
  while (at_work > 0) {
    const auto next = std::chrono::steady_clock::now() + 40ms;
    eventually([&] { return at_work == 0 || std::chrono::steady_clock::now() > next; });
    server.kill();
    server.start();
  }
  History all;
  for (std::size_t i = 0; i < clients; ++i) {
    threads[i].join();
    all.insert(all.end(), parts[i].begin(), parts[i].end());
  }
  return all;
}

}  // namespace

TEST_CASE("P7: recorded histories are linearizable, though the server is killed again and again") {
  const char* wanted = std::getenv("PARVIS_SECONDS");
  const std::chrono::seconds wished(wanted ? std::strtol(wanted, nullptr, 10) : 8);
  const auto until = std::chrono::steady_clock::now() + wished;
  std::uint64_t round = 0, decided = 0;
  do {
    const History history = record_round(++round);
    INFO("round " << round);
    REQUIRE(history.size() == clients * operations_each);
    const auto verdict = linearizability::verdict(history);
    REQUIRE(verdict != linearizability::Verdict::not_linearizable);
    if (verdict == linearizability::Verdict::undecided) {
      WARN("round " << round << " was too tangled to be decided");
      continue;
    }
    // One answer changed, and it is none any more.
    History changed = history;
    for (auto& o : changed) {
      if (o.what != linearizability::Operation::What::take || !o.value) continue;
      o.value = 1'000'000;
      break;
    }
    const auto wrong = linearizability::verdict(changed);
    REQUIRE(wrong != linearizability::Verdict::linearizable);
    if (wrong == linearizability::Verdict::not_linearizable) ++decided;
  } while (decided == 0 || std::chrono::steady_clock::now() < until);
}
