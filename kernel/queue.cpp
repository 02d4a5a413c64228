#include "kernel/queue.hpp"

#include <algorithm>
#include <csignal>

#include "kernel/children.hpp"

namespace parvis::kernel {

namespace {
constexpr double short_task_seconds = 0.002;
constexpr double held_seconds = 0.0025;  // work in one claim; at most two are held
constexpr std::uint32_t group_max = 64;
constexpr std::chrono::milliseconds long_work{20};
}  // namespace

std::optional<TaskRef> WorkQueue::next_task() {
  for (const auto& claim : claims_) {
    for (; claim->next < claim->tasks.size(); ++claim->next) {
      if (claim->tasks[claim->next].state == Task::State::waiting) return TaskRef{claim, claim->next++};
    }
  }
  return {};
}

WorkQueue::Work WorkQueue::next(std::optional<std::chrono::milliseconds> patience) {
  std::unique_lock lock(mutex_);
  const auto deadline = Clock::now() + patience.value_or(std::chrono::milliseconds(0));
  for (;;) {
    if (stopping_) return Stop{};
    if (!requests_.empty()) {
      Request request = std::move(requests_.front());
      requests_.pop_front();
      queued_bytes_ -= request.bytes();
      running_ = {Running::Kind::request, request.id, request.user, request.summary, request.verb, Clock::now()};
      return request;
    }
    if (auto ref = next_task()) {
      ref->task().state = Task::State::running;
      running_.kind = Running::Kind::task;
      running_.id = ref->task().id;
      running_.since = Clock::now();
      running_.interrupted = running_.timed_out = false;
      return std::move(*ref);
    }
    if (!patience) {
      work_.wait(lock);
    } else if (work_.wait_until(lock, deadline) == std::cv_status::timeout) {
      return Nothing{};
    }
  }
}

bool WorkQueue::finish() {
  const std::lock_guard lock(mutex_);
  running_.kind = Running::Kind::nothing;
  ++executed_;
  hunger_.notify_one();
  return running_.interrupted;
}

// Moves what is finished or given back out of the claim's open tasks into the settlement.
void WorkQueue::settle(const std::shared_ptr<Claim>& claim, Settlement& into) {
  into.claim = claim;
  into.last = claim->open == 0;
  for (Task& task : claim->tasks) {
    if (task.tuple == 0) continue;  // settled before
    if (task.state == Task::State::given_back) {
      into.released.push_back(task.tuple);
    } else if (task.state == Task::State::finished) {
      into.consumed.push_back(task.tuple);
      into.puts.push_back({task.space, Payload(task.outcome.tuple.get()), -1, task.outcome.priority});
      into.keep.push_back(std::move(task.outcome.tuple));
      if (task.outcome.failed) {
        into.puts.push_back({task.space, Payload(task.outcome.failed.get()), -1, 0});
        into.keep.push_back(std::move(task.outcome.failed));
      }
    } else {
      continue;
    }
    task.tuple = 0;
  }
}

WorkQueue::Finished WorkQueue::finish_task(const TaskRef& ref, const char* space, TaskOutcome outcome) {
  const std::lock_guard lock(mutex_);
  const std::chrono::duration<double> took = Clock::now() - running_.since;
  // Long tasks count at once, short ones have to prove themselves.
  task_seconds_ = took.count() > task_seconds_ ? took.count() : task_seconds_ * 0.7 + took.count() * 0.3;
  running_.kind = Running::Kind::nothing;
  ++executed_;
  Task& task = ref.task();
  if (task.state != Task::State::running) return {running_.interrupted, {}};  // given up meanwhile
  task.state = outcome.cancelled && stopping_ ? Task::State::given_back : Task::State::finished;
  task.space = space;
  task.outcome = std::move(outcome);
  Finished result{running_.interrupted, {}};
  if (--ref.claim->open == 0) {
    result.settlement.emplace();
    settle(ref.claim, *result.settlement);
    std::erase(claims_, ref.claim);
    hunger_.notify_one();
  }
  return result;
}

bool WorkQueue::timed_out() {
  const std::lock_guard lock(mutex_);
  return running_.timed_out;
}

bool WorkQueue::interrupted() {
  const std::lock_guard lock(mutex_);
  return running_.interrupted;
}

bool WorkQueue::push(Request&& request) {
  const std::lock_guard lock(mutex_);
  if (stopping_ || queued_bytes_ + request.bytes() > queued_bytes_max) return false;
  queued_bytes_ += request.bytes();
  requests_.push_back(std::move(request));
  work_.notify_one();
  return true;
}

std::vector<Request> WorkQueue::abort(const std::optional<std::string>& id) {
  const std::lock_guard lock(mutex_);
  std::vector<Request> aborted;
  for (auto at = requests_.begin(); at != requests_.end();) {
    if (id && at->id != *id) {
      ++at;
      continue;
    }
    queued_bytes_ -= at->bytes();
    aborted.push_back(std::move(*at));
    at = requests_.erase(at);
  }
  return aborted;
}

std::string WorkQueue::interrupt(const std::optional<std::string>& id, bool timeout) {
  const std::lock_guard lock(mutex_);
  if (running_.kind == Running::Kind::nothing || (id && running_.id != *id)) return {};
  running_.interrupted = true;
  running_.timed_out = running_.timed_out || timeout;
  ::pthread_kill(main_, SIGINT);
  // As Ctrl-C in a terminal does: programs that the code started are told too.
  signal_descendants(SIGINT);
  return running_.id;
}

WorkQueue::Listing WorkQueue::listing() {
  const std::lock_guard lock(mutex_);
  Listing listing;
  if (running_.kind == Running::Kind::request) {
    listing.rows.push_back(
        {running_.id, std::string(name_of(running_.verb)), running_.user, "running", running_.summary});
  } else if (running_.kind == Running::Kind::task) {
    listing.rows.push_back({running_.id, "task", "", "running", ""});
  }
  for (const Request& request : requests_) {
    listing.rows.push_back({request.id, std::string(name_of(request.verb)), request.user, "queued", request.summary});
  }
  return listing;
}

WorkQueue::Status WorkQueue::status() {
  const std::lock_guard lock(mutex_);
  const bool busy = running_.kind != Running::Kind::nothing;
  return {busy, requests_.size(), busy ? running_.id : std::string(), executed_};
}

std::vector<Request> WorkQueue::stop() {
  auto rest = abort({});
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  work_.notify_all();
  hunger_.notify_all();
  return rest;
}

std::vector<Settlement> WorkQueue::give_back(bool running_too) {
  std::vector<Settlement> settlements;
  for (const auto& claim : claims_) {
    for (Task& task : claim->tasks) {
      if (task.state != Task::State::waiting && !(running_too && task.state == Task::State::running)) continue;
      task.state = Task::State::given_back;
      --claim->open;
    }
    claim->next = claim->tasks.size();
    Settlement settlement;
    settle(claim, settlement);
    if (!settlement.consumed.empty() || !settlement.released.empty()) settlements.push_back(std::move(settlement));
  }
  std::erase_if(claims_, [](const auto& claim) { return claim->open == 0; });
  return settlements;
}

std::vector<Settlement> WorkQueue::tick(std::chrono::milliseconds patience) {
  const std::lock_guard lock(mutex_);
  const bool late = running_.kind != Running::Kind::nothing && Clock::now() - running_.since > patience;
  return late || stopping_ ? give_back(false) : std::vector<Settlement>{};
}

std::vector<Settlement> WorkQueue::give_up() {
  const std::lock_guard lock(mutex_);
  return give_back(true);
}

bool WorkQueue::holds_tasks() {
  const std::lock_guard lock(mutex_);
  return !claims_.empty();
}

std::uint32_t WorkQueue::appetite() const {
  std::size_t waiting = 0, running = running_.kind == Running::Kind::nothing ? 0 : 1;
  for (const auto& claim : claims_) waiting += claim->tasks.size() - claim->next;
  const bool short_tasks = task_seconds_ < short_task_seconds;
  if (!requests_.empty() || claims_.size() > 1 || (!short_tasks && (waiting > 0 || running > 0))) return 0;
  if (running > 0 && (running_.kind != Running::Kind::task || Clock::now() - running_.since > long_work)) return 0;
  if (!short_tasks) return 1;
  return std::clamp(static_cast<std::uint32_t>(held_seconds / std::max(task_seconds_, 1e-6)), 1U, group_max);
}

std::optional<std::uint32_t> WorkQueue::wait_for_appetite(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  std::uint32_t wanted = 0;
  hunger_.wait_for(lock, patience, [&] { return stopping_ || (wanted = appetite()) > 0; });
  if (stopping_) return {};
  return wanted;
}

void WorkQueue::offer(std::shared_ptr<Claim> claim) {
  const std::lock_guard lock(mutex_);
  claim->open = claim->tasks.size();
  claims_.push_back(std::move(claim));
  work_.notify_one();
}

void WorkQueue::drop(const std::shared_ptr<client::Session>& session) {
  const std::lock_guard lock(mutex_);
  for (const auto& claim : claims_) {
    if (claim->session != session) continue;
    for (Task& task : claim->tasks) {
      if (task.state != Task::State::waiting) continue;
      task.state = Task::State::given_back;
      --claim->open;
    }
    claim->next = claim->tasks.size();
  }
  std::erase_if(claims_, [](const auto& claim) { return claim->open == 0; });
}

bool WorkQueue::blocked() {
  const std::lock_guard lock(mutex_);
  return running_.kind != Running::Kind::nothing && Clock::now() - running_.since > long_work;
}

}  // namespace parvis::kernel
