#include "storage/committer.hpp"

#include <utility>

#include "storage/worker.hpp"

namespace parvis::storage {

namespace {
constexpr std::chrono::milliseconds soonest = soon_is * 4 / 5;  // leaves the rest for the sync itself
}  // namespace

std::uint64_t bytes_of(const Batch& batch) {
  std::uint64_t bytes = 0;
  for (const Change& change : batch) bytes += sizeof change.id + (change.record ? change.record->size() : 0);
  return bytes;
}

Committer::Committer(GroupWriter& writer) : writer_(writer) {
  thread_ = start_thread("parvis-commit", [this] { run(); });
}

bool Committer::submit(Batch&& batch, Done durable, Sync sync, Done written) {
  const std::uint64_t bytes = bytes_of(batch);
  {
    std::lock_guard lock(mutex_);
    if (closed_) return false;
    bytes_queued_ += bytes;
    queue_.push_back({std::move(batch), {std::move(written), std::move(durable), sync, bytes}});
  }
  changed_.notify_all();
  return true;
}

std::optional<Result> Committer::commit_here(Batch& batch) {
  const std::uint64_t bytes = bytes_of(batch);
  {
    const std::lock_guard lock(mutex_);
    if (closed_ || busy_ || !queue_.empty() || bytes > max_bytes_here || last_sync_ >= quick) return {};
    busy_ = here_ = true;
  }
  if (writer_.may_wait(batch)) {
    const std::lock_guard lock(mutex_);
    busy_ = here_ = false;
    changed_.notify_all();
    return {};
  }
  bytes_queued_ += bytes;
  Result result = writer_.write({&batch, 1}).front();
  if (result.outcome == Outcome::ok) result = timed_sync();
  if (result.outcome == Outcome::ok) ++batches_;
  bytes_queued_ -= bytes;
  const std::lock_guard lock(mutex_);
  busy_ = here_ = false;
  if (closed_ || draining_ > 0 || !queue_.empty()) changed_.notify_all();  // else nobody has waited for it
  return result;
}

void Committer::drain() {
  std::unique_lock lock(mutex_);
  ++draining_;
  changed_.notify_all();
  changed_.wait(lock, [this] { return queue_.empty() && !busy_; });
  --draining_;
}

void Committer::close() {
  {
    std::lock_guard lock(mutex_);
    closed_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Committer::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    const auto awake = [this] { return closed_ || draining_ > 0 || !queue_.empty(); };
    if (unsynced_.empty()) changed_.wait(lock, [this] { return !here_ && (closed_ || !queue_.empty()); });
    else if (!sync_now_) changed_.wait_until(lock, sync_at_, awake);
    if (queue_.empty() && unsynced_.empty()) return;  // closed
    const bool all = queue_.empty();
    Group group = take_group();
    busy_ = true;
    lock.unlock();
    write(std::move(group));
    // With nothing new to write, this is the timer, a drain or the end.
    if (!unsynced_.empty() && (sync_now_ || all || std::chrono::steady_clock::now() >= sync_at_)) sync();
    lock.lock();
    busy_ = !unsynced_.empty();
    changed_.notify_all();
  }
}

Committer::Group Committer::take_group() {
  Group group;
  std::uint64_t bytes = 0;
  while (!queue_.empty()) {
    Pending& next = queue_.front();
    if (!group.batches.empty() && bytes + next.waiting.bytes > max_group_bytes) break;
    bytes += next.waiting.bytes;
    group.batches.push_back(std::move(next.batch));
    group.waiting.push_back(std::move(next.waiting));
    queue_.pop_front();
  }
  return group;
}

void Committer::write(Group group) {
  if (group.batches.empty()) return;
  std::vector<Result> results = writer_.write(group.batches);
  group.batches.clear();
  if (unsynced_.empty()) sync_at_ = std::chrono::steady_clock::now() + soonest;
  for (std::size_t i = 0; i < results.size(); ++i) {
    Waiting& waiting = group.waiting[i];
    waiting.result = std::move(results[i]);
    if (waiting.written) waiting.written(waiting.result);
    sync_now_ = sync_now_ || waiting.sync == Sync::now || waiting.result.outcome != Outcome::ok;
    unsynced_.push_back(std::move(waiting));
  }
}

void Committer::sync() {
  sync_now_ = false;
  const Result synced = timed_sync();
  for (Waiting& waiting : std::exchange(unsynced_, {})) {
    bytes_queued_ -= waiting.bytes;
    if (waiting.result.outcome == Outcome::ok) waiting.result = synced;
    if (waiting.result.outcome == Outcome::ok) ++batches_;
    waiting.durable(waiting.result);
  }
}

Result Committer::timed_sync() {
  const auto begin = std::chrono::steady_clock::now();
  Result result = writer_.sync();
  last_sync_ = std::chrono::steady_clock::now() - begin;
  return result;
}

}  // namespace parvis::storage
