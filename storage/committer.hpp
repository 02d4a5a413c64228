// The one writer thread: group commit. Whatever is committed while a sync runs becomes the next group; there is no
// timer, so an idle store acknowledges after one sync. Knows batches and their order, nothing of where they are
// written: LMDB, a journal or a replicated log stand behind GroupWriter.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "storage/store.hpp"

namespace parvis::storage {

// Called on the committer's thread alone.
class GroupWriter {
 public:
  virtual ~GroupWriter() = default;
  // Makes the batches durable, in order, in as few syncs as it can; one result each, in order. A batch that is not `ok`
  // has left nothing behind and does not keep those after it from being written (unless it `failed`).
  virtual std::vector<Result> write(std::span<const Batch> group) = 0;
  // A bounded piece of work that can wait for quiet, at most a few milliseconds. False: there is no more.
  virtual bool tidy() = 0;
};

std::uint64_t bytes_of(const Batch& batch);

class Committer {
 public:
  // A group ends at this many bytes, so that the first batches in the queue do not wait for the last; a larger batch is
  // a group of its own.
  static constexpr std::uint64_t max_group_bytes = 8U << 20;

  explicit Committer(GroupWriter& writer);  // `writer` outlives the committer
  ~Committer() { close(); }
  Committer(const Committer&) = delete;
  Committer& operator=(const Committer&) = delete;

  // Any thread but the committer's own.
  bool submit(Batch&& batch, Done done);  // false: closed, nothing was taken
  void wake_to_tidy();
  void drain();  // every batch submitted before is written and its Done has run
  void close();  // as drain; then the thread ends, tidy or not

  // Any thread.
  [[nodiscard]] std::uint64_t bytes_queued() const { return bytes_queued_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t batches() const { return batches_.load(std::memory_order_relaxed); }

 private:
  struct Group {
    std::vector<Batch> batches;
    std::vector<Done> dones;
    std::uint64_t bytes = 0;
  };
  void run();
  Group take_group();  // under mutex_
  void write(Group group);

  struct Pending {
    Batch batch;
    Done done;
    std::uint64_t bytes;
  };

  GroupWriter& writer_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Pending> queue_;  // under mutex_, as are the next three
  bool writing_ = false;
  bool tidy_ = false;
  bool closed_ = false;
  std::atomic<std::uint64_t> bytes_queued_{0};
  std::atomic<std::uint64_t> batches_{0};
  std::thread thread_;
};

}  // namespace parvis::storage
