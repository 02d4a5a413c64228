#include "storage/committer.hpp"

#include <utility>

#include "storage/worker.hpp"

namespace parvis::storage {

std::uint64_t bytes_of(const Batch& batch) {
  std::uint64_t bytes = 0;
  for (const Change& change : batch) bytes += sizeof change.id + (change.record ? change.record->size() : 0);
  return bytes;
}

Committer::Committer(GroupWriter& writer) : writer_(writer) {
  thread_ = start_thread("parvis-commit", [this] { run(); });
}

bool Committer::submit(Batch&& batch, Done done) {
  const std::uint64_t bytes = bytes_of(batch);
  {
    std::lock_guard lock(mutex_);
    if (closed_) return false;
    bytes_queued_ += bytes;
    queue_.push_back({std::move(batch), std::move(done), bytes});
  }
  changed_.notify_all();
  return true;
}

void Committer::wake_to_tidy() {
  {
    std::lock_guard lock(mutex_);
    tidy_ = true;
  }
  changed_.notify_all();
}

void Committer::drain() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return queue_.empty() && !writing_; });
}

void Committer::close() {
  {
    std::lock_guard lock(mutex_);
    closed_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

// One piece of tidying follows each group, so that it is neither starved by load nor in anybody's way for long.
void Committer::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return closed_ || tidy_ || !queue_.empty(); });
    if (queue_.empty() && closed_) return;
    if (!queue_.empty()) {
      Group group = take_group();
      writing_ = true;
      lock.unlock();
      write(std::move(group));
      lock.lock();
      writing_ = false;
      changed_.notify_all();
    }
    tidy_ = false;
    lock.unlock();
    const bool more = writer_.tidy();
    lock.lock();
    tidy_ = (tidy_ || more) && !closed_;
  }
}

Committer::Group Committer::take_group() {
  Group group;
  while (!queue_.empty()) {
    Pending& next = queue_.front();
    if (!group.batches.empty() && group.bytes + next.bytes > max_group_bytes) break;
    group.bytes += next.bytes;
    group.batches.push_back(std::move(next.batch));
    group.dones.push_back(std::move(next.done));
    queue_.pop_front();
  }
  return group;
}

void Committer::write(Group group) {
  const std::vector<Result> results = writer_.write(group.batches);
  group.batches.clear();
  bytes_queued_ -= group.bytes;
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (results[i].outcome == Outcome::ok) ++batches_;
    group.dones[i](results[i]);
  }
}

}  // namespace parvis::storage
