#include "storage/follower.hpp"

#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

#include "storage/worker.hpp"

namespace parvis::storage {
namespace {

constexpr std::chrono::milliseconds before_another_try{100};

// Behind what stands there.
void append(Batch& changes, Batch&& newer) {
  if (changes.empty()) return changes.swap(newer);
  std::move(newer.begin(), newer.end(), std::back_inserter(changes));
  newer.clear();
}

// Of each record the last change, by ascending ids.
Batch last_of_each(const Batch& changes) {
  std::vector<const Change*> sorted;
  sorted.reserve(changes.size());
  for (const Change& change : changes) sorted.push_back(&change);
  std::sort(sorted.begin(), sorted.end(),
            [](const Change* a, const Change* b) { return std::tie(a->id, a) < std::tie(b->id, b); });
  Batch last;
  last.reserve(sorted.size());
  for (std::size_t i = 0; i < sorted.size(); ++i)
    if (i + 1 == sorted.size() || sorted[i + 1]->id != sorted[i]->id) last.push_back(*sorted[i]);
  return last;
}

}  // namespace

Follower::Follower(LmdbFile& file, LmdbWriter& writer, std::uint64_t applied, std::uint64_t gather_bytes)
    : file_(file), writer_(writer), gather_bytes_(gather_bytes), taken_(applied), synced_(applied), applied_(applied) {
  thread_ = start_thread("parvis-follow", [this] { run(); });
}

void Follower::take(std::uint64_t number, const Batch& batch) {
  const std::lock_guard lock(mutex_);
  unsynced_.insert(unsynced_.end(), batch.begin(), batch.end());
  unsynced_bytes_ += LmdbWriter::bytes_for(batch);
  taken_ = number;
}

void Follower::synced() {
  const std::lock_guard lock(mutex_);
  synced_ = taken_;
  if (unsynced_.empty()) return;
  const bool first = arriving_.empty();
  if (first) oldest_ = std::chrono::steady_clock::now();
  append(arriving_, std::move(unsynced_));
  arriving_bytes_ += std::exchange(unsynced_bytes_, 0);
  if (first || arriving_bytes_ >= gather_bytes_) changed_.notify_all();
}

void Follower::forget() {
  const std::lock_guard lock(mutex_);
  unsynced_.clear();
  unsynced_bytes_ = 0;
  taken_ = synced_;
}

bool Follower::have_room_for(const Batch& batch) { return have_room_for(LmdbWriter::bytes_for(batch), batch.size()); }

bool Follower::have_room_for(std::uint64_t bytes, std::uint64_t changes) {
  {
    const std::lock_guard lock(mutex_);
    if (result_.outcome != Outcome::ok) return false;
    bytes += unsynced_bytes_ + arriving_bytes_ + applying_bytes_;
    changes += unsynced_.size() + arriving_.size() + applying_.size();
  }
  try {
    return file_.has_room_for(bytes, changes);
  } catch (const lmdb::Failure&) {
    return false;  // writing will tell what is wrong
  }
}

bool Follower::wait_for(std::uint64_t number) {
  std::unique_lock lock(mutex_);
  wanted_ = std::max(wanted_, number);
  const std::uint64_t tries = tries_;
  retry_ = result_.outcome == Outcome::full;  // room may have been made since
  changed_.notify_all();
  changed_.wait(lock, [&] {
    return applied_ >= number || result_.outcome == Outcome::failed ||
           (result_.outcome == Outcome::full && tries_ > tries);
  });
  return applied_ >= number;
}

bool Follower::drain() {
  std::unique_lock lock(mutex_);
  const std::uint64_t all = synced_;
  lock.unlock();
  return wait_for(all);
}

std::vector<Result> Follower::write_now(std::span<const Batch> batches) {
  if (!drain()) return {batches.size(), state()};
  const auto lock = lock_lmdb();
  std::vector<Result> results = writer_.write(batches);
  const std::lock_guard also(mutex_);
  for (const Result& result : results) {
    if (result.outcome == Outcome::failed) result_ = result;
  }
  tidy_ = true;
  changed_.notify_all();
  return results;
}

std::unique_lock<std::mutex> Follower::lock_lmdb() {
  ++want_lmdb_;
  std::unique_lock lock(lmdb_);
  --want_lmdb_;
  want_lmdb_.notify_all();
  return lock;
}

// A mutex is not fair: who writes slice after slice would have it for ever.
std::unique_lock<std::mutex> Follower::lock_lmdb_last() {
  for (unsigned others = want_lmdb_; others != 0; others = want_lmdb_) want_lmdb_.wait(others);
  return std::unique_lock(lmdb_);
}

Result Follower::write_ahead(const Blob& record) {
  if (record.size() <= whole_bytes) return {};
  std::unique_lock lock = lock_lmdb_last();
  const ChunkedHead head = writer_.begin_ahead(record);
  const auto is_whole = [&](std::uint32_t chunks) { return chunks * std::uint64_t{chunk_bytes} >= record.size(); };
  Result result;
  std::uint32_t next = 0;
  while (result.outcome == Outcome::ok && !is_whole(next)) {
    if (stop_ahead_) result = {Outcome::failed, "the store is being closed"};
    else if (!have_room_for(LmdbWriter::slice_bytes, 1)) break;  // its batch will tell exactly
    else result = writer_.write_slice(head, record.span(), next);
    lock.unlock();
    lock = lock_lmdb_last();
  }
  writer_.end_ahead(head, is_whole(next));
  lock.unlock();
  const std::lock_guard also(mutex_);
  tidy_ = true;
  changed_.notify_all();
  return result;
}

void Follower::collect(std::vector<BodyId> orphans) {
  {
    const auto lock = lock_lmdb();
    writer_.collect_found(std::move(orphans));
  }
  const std::lock_guard lock(mutex_);
  tidy_ = true;
  changed_.notify_all();
}

void Follower::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

PendingChanges Follower::pending() const {
  const std::lock_guard lock(mutex_);
  PendingChanges all;
  for (const Batch* changes : {&applying_, &arriving_, &unsynced_})
    for (const Change& change : *changes) all.insert_or_assign(change.id, change.record);
  return all;
}

std::optional<std::optional<Blob>> Follower::find(RecordId id) const {
  const std::lock_guard lock(mutex_);
  for (const Batch* changes : {&unsynced_, &arriving_, &applying_}) {
    const auto newest = std::find_if(changes->rbegin(), changes->rend(), [id](const Change& c) { return c.id == id; });
    if (newest != changes->rend()) return newest->record;
  }
  return {};
}

std::uint64_t Follower::applied() const {
  const std::lock_guard lock(mutex_);
  return applied_;
}

Result Follower::state() const {
  const std::lock_guard lock(mutex_);
  return result_;
}

bool Follower::must_apply() const {
  if (arriving_.empty() || result_.outcome == Outcome::failed) return false;
  return closed_ || wanted_ > applied_ || arriving_bytes_ >= gather_bytes_;
}

void Follower::run() {
  // Nobody waits for it but when room runs out: on a busy machine those who are to be answered come first.
  (void)::nice(10);
  std::unique_lock lock(mutex_);
  for (;;) {
    const auto awake = [this] { return closed_ || must_apply() || tidy_; };
    if (result_.outcome == Outcome::full) {
      changed_.wait_until(lock, again_, [this] { return closed_ || retry_; });
    } else if (arriving_.empty() || result_.outcome == Outcome::failed) {
      changed_.wait(lock, [&] { return awake() || !arriving_.empty(); });
      if (result_.outcome == Outcome::failed && !closed_) changed_.wait(lock, [this] { return closed_; });
    } else {
      changed_.wait_until(lock, oldest_ + gather_time, awake);
    }
    const bool due = result_.outcome == Outcome::full || std::chrono::steady_clock::now() >= oldest_ + gather_time;
    if (must_apply() || (due && !arriving_.empty() && result_.outcome != Outcome::failed)) apply(lock);
    if (closed_ && (arriving_.empty() || result_.outcome != Outcome::ok)) return;
    if (tidy_ && result_.outcome != Outcome::failed) tidy(lock);  // when it is full, too: that makes room
  }
}

void Follower::apply(std::unique_lock<std::mutex>& lock) {
  applying_ = std::exchange(arriving_, {});
  applying_bytes_ = std::exchange(arriving_bytes_, 0);
  const std::uint64_t number = synced_;
  lock.unlock();
  Batch batch = last_of_each(applying_);
  Result result;
  {
    const auto writing = lock_lmdb();
    result = writer_.follow(number, batch);
  }
  Batch applied;  // freed without the lock
  lock.lock();
  result_ = result;
  retry_ = false;
  ++tries_;
  if (result.outcome == Outcome::ok) {
    applied_ = number;
    applied = std::exchange(applying_, {});
    applying_bytes_ = 0;
    tidy_ = true;
  } else if (result.outcome == Outcome::full) {
    append(applying_, std::move(arriving_));
    arriving_ = std::exchange(applying_, {});
    arriving_bytes_ += std::exchange(applying_bytes_, 0);
    again_ = std::chrono::steady_clock::now() + before_another_try;
  }
  changed_.notify_all();
  lock.unlock();
  applied.clear();
  batch.clear();
  lock.lock();
}

void Follower::tidy(std::unique_lock<std::mutex>& lock) {
  tidy_ = false;
  lock.unlock();
  bool more = false;
  {
    const auto writing = lock_lmdb();
    more = writer_.tidy();
  }
  lock.lock();
  tidy_ = tidy_ || more;
}

}  // namespace parvis::storage
