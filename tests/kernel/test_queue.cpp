// The work queue without Python: order, interrupts that hit what they are meant for, tasks that are given back.
#include <catch2/catch.hpp>

#include <atomic>
#include <csignal>
#include <thread>

#include "kernel/queue.hpp"

using namespace parvis;
using namespace parvis::kernel;
using namespace std::chrono_literals;

namespace {

std::atomic<int> interrupts{0};

Request request(const std::string& id) {
  Request request;
  request.id = id;
  request.verb = Verb::execute;
  return request;
}

std::shared_ptr<Claim> claim(std::initializer_list<const char*> ids) {
  auto claim = std::make_shared<Claim>();
  claim->transaction = 7;
  for (const char* id : ids) {
    Task task;
    task.tuple = claim->tasks.size() + 1;
    task.id = id;
    claim->tasks.push_back(std::move(task));
  }
  return claim;
}

TaskOutcome outcome(bool cancelled = false) { return {std::make_shared<Encoding>(), nullptr, 0, cancelled}; }

// The queue as the main thread sees it, with a handler instead of Python's.
struct Main {
  Main() {
    struct sigaction action {};
    action.sa_handler = [](int) { ++interrupts; };
    ::sigaction(SIGINT, &action, nullptr);
    interrupts = 0;
  }
  WorkQueue queue{::pthread_self()};
};

}  // namespace

TEST_CASE("requests come out in the order of arrival, before tasks") {
  Main main;
  main.queue.offer(claim({"task"}));
  REQUIRE(main.queue.push(request("a")));
  REQUIRE(main.queue.push(request("b")));
  REQUIRE(std::get<Request>(main.queue.next()).id == "a");
  main.queue.finish();
  REQUIRE(std::get<Request>(main.queue.next()).id == "b");
  main.queue.finish();
  REQUIRE(std::get<TaskRef>(main.queue.next()).task().id == "task");
}

TEST_CASE("an interrupt hits only what is running, and says so afterwards") {
  Main main;
  REQUIRE(main.queue.interrupt({}).empty());
  REQUIRE(main.queue.push(request("a")));
  REQUIRE(main.queue.push(request("b")));
  const auto work = main.queue.next();
  REQUIRE(main.queue.interrupt(std::string("b")).empty());
  REQUIRE(interrupts == 0);
  REQUIRE(main.queue.interrupt(std::string("a")) == "a");
  REQUIRE(interrupts == 1);
  REQUIRE(main.queue.finish());
  REQUIRE(main.queue.interrupt(std::string("a")).empty());
  const auto next = main.queue.next();
  REQUIRE_FALSE(main.queue.finish());
  REQUIRE(interrupts == 1);
}

TEST_CASE("abort takes out of the queue what has not started") {
  Main main;
  for (const char* id : {"a", "b", "c"}) REQUIRE(main.queue.push(request(id)));
  const auto running = main.queue.next();
  REQUIRE(main.queue.abort(std::string("a")).empty());
  REQUIRE(main.queue.abort(std::string("b")).size() == 1);
  const auto rest = main.queue.abort({});
  REQUIRE(rest.size() == 1);
  REQUIRE(rest[0].id == "c");
  REQUIRE(main.queue.status().queued == 0);
}

TEST_CASE("the last task of a claim settles it whole") {
  Main main;
  main.queue.offer(claim({"x", "y"}));
  auto first = std::get<TaskRef>(main.queue.next());
  REQUIRE_FALSE(main.queue.finish_task(first, "farm", outcome()).settlement);
  auto second = std::get<TaskRef>(main.queue.next());
  const auto finished = main.queue.finish_task(second, "farm", outcome());
  REQUIRE(finished.settlement);
  REQUIRE(finished.settlement->last);
  REQUIRE(finished.settlement->consumed == std::vector<TupleId>{1, 2});
  REQUIRE(finished.settlement->puts.size() == 2);
  REQUIRE(finished.settlement->released.empty());
  REQUIRE_FALSE(main.queue.holds_tasks());
}

TEST_CASE("what waits behind a long task is given back, what is finished is kept") {
  Main main;
  main.queue.offer(claim({"x", "y", "z"}));
  auto first = std::get<TaskRef>(main.queue.next());
  main.queue.finish_task(first, "farm", outcome());
  auto second = std::get<TaskRef>(main.queue.next());
  REQUIRE(main.queue.tick(1h).empty());
  std::vector<Settlement> parts;
  for (const auto end = Clock::now() + 30s; parts.empty() && Clock::now() < end;) parts = main.queue.tick(0ms);
  REQUIRE(parts.size() == 1);
  REQUIRE_FALSE(parts[0].last);
  REQUIRE(parts[0].consumed == std::vector<TupleId>{1});
  REQUIRE(parts[0].released == std::vector<TupleId>{3});
  REQUIRE(main.queue.tick(0ms).empty());
  const auto finished = main.queue.finish_task(second, "farm", outcome());
  REQUIRE(finished.settlement);
  REQUIRE(finished.settlement->last);
  REQUIRE(finished.settlement->consumed == std::vector<TupleId>{2});
}

TEST_CASE("stopping gives everything back and ends the waits") {
  Main main;
  main.queue.offer(claim({"x"}));
  REQUIRE(main.queue.push(request("a")));
  REQUIRE(main.queue.stop().size() == 1);
  REQUIRE_FALSE(main.queue.push(request("b")));
  REQUIRE(std::holds_alternative<WorkQueue::Stop>(main.queue.next()));
  REQUIRE_FALSE(main.queue.wait_for_appetite(30s));
  const auto parts = main.queue.tick(1h);
  REQUIRE(parts.size() == 1);
  REQUIRE(parts[0].last);
  REQUIRE(parts[0].released == std::vector<TupleId>{1});
}

TEST_CASE("appetite: one task at first, many when they are short, none behind long work") {
  Main main;
  REQUIRE(main.queue.wait_for_appetite(30s) == 1);
  for (int i = 0; i < 60; ++i) {
    main.queue.offer(claim({"x"}));
    auto ref = std::get<TaskRef>(main.queue.next());
    main.queue.finish_task(ref, "farm", outcome());
  }
  const auto wanted = main.queue.wait_for_appetite(30s);
  REQUIRE(wanted);
  REQUIRE(*wanted > 1);
  REQUIRE(*wanted <= 64);
  REQUIRE(main.queue.push(request("a")));
  const auto work = main.queue.next();
  REQUIRE(main.queue.wait_for_appetite(1ms) == 0);
  main.queue.finish();
  REQUIRE(*main.queue.wait_for_appetite(30s) > 0);
}

TEST_CASE("a task that the end of the kernel cancelled goes back, another's cancellation is its result") {
  Main main;
  main.queue.offer(claim({"x", "y"}));
  auto first = std::get<TaskRef>(main.queue.next());
  REQUIRE_FALSE(main.queue.finish_task(first, "farm", outcome(true)).settlement);
  auto second = std::get<TaskRef>(main.queue.next());
  main.queue.stop();
  const auto finished = main.queue.finish_task(second, "farm", outcome(true));
  REQUIRE(finished.settlement);
  REQUIRE(finished.settlement->consumed == std::vector<TupleId>{1});
  REQUIRE(finished.settlement->released == std::vector<TupleId>{2});
}

TEST_CASE("before the process ends at once, what runs goes back too") {
  Main main;
  main.queue.offer(claim({"x"}));
  auto running = std::get<TaskRef>(main.queue.next());
  const auto parts = main.queue.give_up();
  REQUIRE(parts.size() == 1);
  REQUIRE(parts[0].released == std::vector<TupleId>{1});
  REQUIRE_FALSE(main.queue.finish_task(running, "farm", outcome()).settlement);
}

TEST_CASE("next() with patience comes back empty-handed") {
  Main main;
  REQUIRE(std::holds_alternative<WorkQueue::Nothing>(main.queue.next(1ms)));
}
