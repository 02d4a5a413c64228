// The one writer thread: group commit. Whatever is committed while a sync runs becomes the next group; an idle store
// acknowledges after one sync. Groups that need no sync of their own wait for the next that does, or for a timer.
// Knows batches and their order, nothing of where they are written: the journal, or a replicated log, stands behind
// GroupWriter.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "storage/store.hpp"

namespace parvis::storage {

// Called on the committer's thread alone, or in its place.
class GroupWriter {
 public:
  virtual ~GroupWriter() = default;
  // Writes the batches, in order, so that the end of the process cannot undo them; one result each, in order. A batch
  // that is not `ok` has left nothing behind and does not keep those after it from being written (unless it `failed`).
  virtual std::vector<Result> write(std::span<const Batch> group) = 0;
  // Whether writing it might take longer than a write takes.
  [[nodiscard]] virtual bool may_wait(const Batch& /*batch*/) { return false; }
  // Makes durable what was written, in at most one sync.
  virtual Result sync() = 0;
};

std::uint64_t bytes_of(const Batch& batch);

class Committer {
 public:
  // A group ends at this many bytes, so that the first batches in the queue do not wait for the last; a larger batch is
  // a group of its own.
  static constexpr std::uint64_t max_group_bytes = 8U << 20;
  // A caller's thread writes so many bytes, when the last sync took less than this: for a slow disk there is the
  // committer's.
  static constexpr std::uint64_t max_bytes_here = 256U << 10;
  static constexpr std::chrono::milliseconds quick{2};

  explicit Committer(GroupWriter& writer);  // `writer` outlives the committer
  ~Committer() { close(); }
  Committer(const Committer&) = delete;
  Committer& operator=(const Committer&) = delete;

  // Any thread but the committer's own.
  bool submit(Batch&& batch, Done durable, Sync sync = Sync::now, Done written = {});  // false: closed, not taken
  std::optional<Result> commit_here(Batch& batch);                                     // see Store
  void drain();  // every batch submitted before is durable and its Done have run
  void close();  // as drain; then the thread ends

  // Any thread.
  [[nodiscard]] std::uint64_t bytes_queued() const { return bytes_queued_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t batches() const { return batches_.load(std::memory_order_relaxed); }

 private:
  struct Waiting {  // for a moment of its batch
    Done written;
    Done durable;
    Sync sync = Sync::now;
    std::uint64_t bytes = 0;
    Result result{};
  };
  struct Group {
    std::vector<Batch> batches;
    std::vector<Waiting> waiting;
  };
  struct Pending {
    Batch batch;
    Waiting waiting;
  };
  void run();
  Group take_group();  // under mutex_
  void write(Group group);
  void sync();
  Result timed_sync();

  GroupWriter& writer_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Pending> queue_;  // under mutex_, as are the next four
  bool busy_ = false;          // something is written, or written and not yet durable
  bool here_ = false;          // on a caller's thread: this one rests
  int draining_ = 0;
  bool closed_ = false;
  std::vector<Waiting> unsynced_;  // the thread's own, as are the next two
  bool sync_now_ = false;
  std::chrono::steady_clock::time_point sync_at_;
  std::chrono::steady_clock::duration last_sync_ = quick;  // how long it took; whoever is busy writes it
  std::atomic<std::uint64_t> bytes_queued_{0};
  std::atomic<std::uint64_t> batches_{0};
  std::thread thread_;
};

}  // namespace parvis::storage
