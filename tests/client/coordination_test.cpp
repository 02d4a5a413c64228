// Lock, Semaphore, Barrier, Event, Variable, Counter, Queue, Leader between threads and processes with sessions of
// their own, on a real server.
#include <catch2/catch.hpp>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <mutex>
#include <thread>

#include "client/coordination.hpp"
#include "tests/client/server.hpp"

using namespace parvis;
using namespace parvis::test;
using namespace std::chrono_literals;

namespace {

// Runs `work` in as many threads, each with a session of its own.
void in_threads(const TestServer& server, int n, const std::function<void(const Space&, int)>& work) {
  std::vector<std::thread> threads;
  for (int i = 0; i < n; ++i) threads.emplace_back([&, i] { work(server.space(), i); });
  for (auto& thread : threads) thread.join();
}

// A process that does `work` and then stays until it is killed.
pid_t process_that(const TestServer& server, const std::function<void(const Space&)>& work) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    const auto space = server.space();
    work(space);
    for (;;) ::pause();
  }
  return pid;
}

void kill_it(pid_t pid) {
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
}

}  // namespace

TEST_CASE("a lock excludes, whoever comes first") {
  const Home home;
  const TestServer server(home);
  std::atomic<int> count = 0, inside = 0, most = 0;
  in_threads(server, 4, [&](const Space& space, int) {
    coordination::Lock lock(space, "it");
    for (int i = 0; i < 5; ++i) {
      const std::scoped_lock held(lock);
      most = std::max(most.load(), ++inside);
      ++count;
      --inside;
    }
  });
  CHECK(count == 20);
  CHECK(most == 1);
  const auto space = server.space();
  CHECK(space.count("parvis.lock", "it", rest) == 2);  // made once
  coordination::Lock one(space, "it"), other(space, "it");
  CHECK(one.try_lock());
  CHECK(one.locked());
  CHECK(!other.try_lock());
  CHECK(!other.try_lock_for(10ms));
  CHECK_THROWS_AS(other.unlock(), Error);
  one.unlock();
  CHECK(!one.locked());
}

TEST_CASE("P8: what a killed process held is free again") {
  const Home home;
  const TestServer server(home);
  const pid_t pid = process_that(server, [](const Space& space) {
    coordination::Lock lock(space, "lock");
    lock.lock();
    coordination::Semaphore semaphore(space, "semaphore", 2);
    semaphore.acquire();
    coordination::Leader leader(space, "leader", "child");
    leader.campaign();
    space.out("ready");
    for (;;) ::pause();
  });
  const auto space = server.space();
  space.in_for(patience, "ready");
  coordination::Lock lock(space, "lock");
  coordination::Semaphore semaphore(space, "semaphore");
  coordination::Leader leader(space, "leader", "parent");
  CHECK(!lock.try_lock());
  CHECK(semaphore.value() == 1);
  CHECK(leader.leader() == "child");
  kill_it(pid);
  CHECK(lock.try_lock_for(patience));
  CHECK(semaphore.try_acquire_for(patience));
  CHECK(semaphore.try_acquire_for(patience));
  CHECK(leader.campaign(patience));
  CHECK(leader.leader() == "parent");
  leader.resign();
  CHECK(!leader.is_leader());
}

TEST_CASE("a queue gives each item once, and keeps its bound") {
  const Home home;
  const TestServer server(home);
  coordination::Queue<int> queue(server.space(), "it", 3);
  CHECK(!queue.try_get());
  std::mutex mutex;
  std::vector<int> got;
  in_threads(server, 4, [&](const Space& space, int i) {
    coordination::Queue<int> mine(space, "it");
    for (int n = 0; n < 10; ++n) {
      if (i < 2) {
        mine.put(10 * i + n);
      } else {
        const auto item = mine.get_for(patience);
        const std::scoped_lock held(mutex);
        got.push_back(item.value_or(-1));
      }
    }
  });
  std::sort(got.begin(), got.end());
  std::vector<int> all(20);
  std::generate(all.begin(), all.end(), [n = 0]() mutable { return n++; });
  CHECK(got == all);
  for (int n = 0; n < 3; ++n) CHECK(queue.try_put(n));
  CHECK(!queue.try_put(3));
  CHECK(queue.size() == 3);
  CHECK(queue.get() == 0);
}

TEST_CASE("a barrier lets all go, again and again, and breaks when one is late") {
  const Home home;
  const TestServer server(home);
  std::mutex mutex;
  std::vector<int> indices;
  in_threads(server, 3, [&](const Space& space, int) {
    coordination::Barrier barrier(space, "it", 3);
    for (int round = 0; round < 3; ++round) {
      const int index = barrier.wait_for(patience);
      const std::scoped_lock held(mutex);
      indices.push_back(index);
    }
  });
  std::sort(indices.begin(), indices.end());
  CHECK(indices == std::vector<int>{0, 0, 0, 1, 1, 1, 2, 2, 2});
  coordination::Barrier barrier(server.space(), "it", 3);
  CHECK_THROWS_AS(barrier.wait_for(10ms), Error);
  CHECK(barrier.broken());
  CHECK_THROWS_AS(barrier.arrive_and_wait(), Error);
  barrier.reset();
  CHECK(!barrier.broken());
  CHECK(barrier.waiting() == 0);
}

TEST_CASE("a counter loses nothing; events and variables reach everybody") {
  const Home home;
  const TestServer server(home);
  std::atomic<int> reached = 0;
  in_threads(server, 4, [&](const Space& space, int) {
    coordination::Counter counter(space, "it");
    for (int i = 0; i < 10; ++i) counter.add(2);
    coordination::Event go(space, "go");
    coordination::Variable<std::string> word(space, "word");
    if (counter.value() == 80) {
      word.set("now");
      go.set();
    }
    if (go.wait_for(patience) && word.get_for(patience) == "now") ++reached;
  });
  CHECK(reached == 4);
  coordination::Event go(server.space(), "go");
  go.clear();
  CHECK(!go.is_set());
  CHECK(!go.wait_for(10ms));
}
