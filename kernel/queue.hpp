// The work queue between the threads of a kernel: the only state that they share.
//
//   requests_, claims_, running_, stopping_   mutex_
//   a Request, once pushed                    whoever holds it: the queue, then the main thread
//   a Claim's tasks                           mutex_, except the bytes of a task that is running (main thread)
//
// Requests of users go before tasks of the farm. Who calls what: main: next, finish, finish_task; control: push, abort,
// interrupt, listing, tick; space: offer, wait_for_appetite. No function needs the GIL or blocks, but next and
// wait_for_appetite.
//
// Interrupts: SIGINT is sent to the main thread under mutex_ and only while the work it is meant for is running there;
// finish() tells the main thread that one was sent, which then swallows what is still pending before it takes other
// work.
#pragma once

#include <pthread.h>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "kernel/request.hpp"
#include "tuplespace/model/operation.hpp"

namespace parvis::client {
class Session;
}

namespace parvis::kernel {

using Clock = std::chrono::steady_clock;

// What is to stand in parvis.farm instead of a task: its result, or the task again with one more failure.
struct TaskOutcome {
  std::shared_ptr<const Encoding> tuple;
  std::shared_ptr<const Encoding> failed;  // beside a result that is not "ok": the task, for whoever retries it
  std::int32_t priority = 0;               // of `tuple`
  bool cancelled = false;                  // an interrupt ended it
};

struct Task {
  enum class State : std::uint8_t { waiting, running, finished, given_back };
  TupleId tuple = 0;
  std::uint32_t attempts = 0;
  Blob bytes;      // the task tuple
  std::string id;  // of the task, for interrupts and listings
  State state = State::waiting;
  const char* space = nullptr;  // where `outcome` goes
  TaskOutcome outcome;          // when finished
};

// Tasks taken in one transaction.
struct Claim {
  std::shared_ptr<client::Session> session;
  TransactionId transaction = 0;
  std::vector<Task> tasks;
  std::size_t next = 0;  // the first that has not been started
  std::size_t open = 0;  // neither finished nor given back
};

// What is to be written for a claim: the whole of it when `last`, else a part.
struct Settlement {
  std::shared_ptr<Claim> claim;
  bool last = false;
  std::vector<Put> puts;
  std::vector<std::shared_ptr<const Encoding>> keep;  // what the puts point to
  std::vector<TupleId> consumed, released;
};

struct TaskRef {
  std::shared_ptr<Claim> claim;
  std::size_t index = 0;
  [[nodiscard]] Task& task() const { return claim->tasks[index]; }
};

class WorkQueue {
 public:
  struct Nothing {};  // next() was to wait no longer than `patience`
  struct Stop {};
  using Work = std::variant<Nothing, Stop, Request, TaskRef>;
  static constexpr std::size_t queued_bytes_max = std::size_t{4} << 30;

  explicit WorkQueue(pthread_t main) : main_(main) {}

  // Main thread, without the GIL.
  Work next(std::optional<std::chrono::milliseconds> patience = {});
  // The work is over. True: an interrupt was sent to it, and may still be pending.
  bool finish();
  // As finish, for a task: what is now to be written, if anything. A task that was cancelled by the end of this kernel
  // is no result: it goes back.
  struct Finished {
    bool interrupted = false;
    std::optional<Settlement> settlement;
  };
  Finished finish_task(const TaskRef& ref, const char* space, TaskOutcome outcome);
  [[nodiscard]] bool timed_out();    // the running request was interrupted by its timeout
  [[nodiscard]] bool interrupted();  // what runs was sent an interrupt

  // Control thread.
  bool push(Request&& request);  // false: over queued_bytes_max, or stopping
  std::vector<Request> abort(const std::optional<std::string>& id);
  // The id of what was interrupted; empty: nothing runs, or something else than `id`.
  std::string interrupt(const std::optional<std::string>& id, bool timeout = false);
  struct Listing {
    struct Row {
      std::string id, verb, user, state, summary;
    };
    std::vector<Row> rows;
  };
  Listing listing();
  struct Status {
    bool busy = false;
    std::size_t queued = 0;
    std::string running;
    std::uint64_t executed = 0;
  };
  Status status();
  std::vector<Request> stop();  // nothing more is taken; what was queued comes back
  // Work that runs for longer than `patience` gives back what waits behind it.
  std::vector<Settlement> tick(std::chrono::milliseconds patience);
  std::vector<Settlement> give_up();  // before the process ends at once: also what is running goes back
  [[nodiscard]] bool holds_tasks();

  // Space thread: how many tasks are wanted now. Waits until some are, or `patience` has passed (0), or the end
  // (nothing).
  std::optional<std::uint32_t> wait_for_appetite(std::chrono::milliseconds patience);
  void offer(std::shared_ptr<Claim> claim);
  void drop(const std::shared_ptr<client::Session>& session);  // its claims have ended: waiting tasks are forgotten
  [[nodiscard]] bool blocked();                                // something has been running for long: no task is wanted

 private:
  struct Running {
    enum class Kind : std::uint8_t { nothing, request, task } kind = Kind::nothing;
    std::string id, user, summary;
    Verb verb{};
    Clock::time_point since;
    bool interrupted = false, timed_out = false;
  };
  std::uint32_t appetite() const;
  std::optional<TaskRef> next_task();
  static void settle(const std::shared_ptr<Claim>& claim, Settlement& into);
  std::vector<Settlement> give_back(bool running_too);

  const pthread_t main_;
  std::mutex mutex_;
  std::condition_variable work_, hunger_;
  std::deque<Request> requests_;
  std::size_t queued_bytes_ = 0;
  std::deque<std::shared_ptr<Claim>> claims_;  // with tasks not yet started, or running
  Running running_;
  bool stopping_ = false;
  std::uint64_t executed_ = 0;
  double task_seconds_ = 1;  // moving average; starts as "long", so that one is taken first
};

}  // namespace parvis::kernel
