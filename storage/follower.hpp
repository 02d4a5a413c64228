// LMDB follows the journal, on a thread of its own: entries are gathered and become one large synced transaction, in
// which a record that was put and erased meanwhile does not occur at all. What is not yet in LMDB is kept here, for
// reads.
//
// Threads: find, pending, applied, state and stop_ahead from any; everything else from the committer's, or, while that
// rests, from the one that owns the store; write_ahead from one of its own.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "storage/lmdb_writer.hpp"
#include "storage/merge.hpp"

namespace parvis::storage {

class Follower {
 public:
  // An entry is in LMDB after this time at the latest, or when `gather_bytes` have come together.
  static constexpr std::chrono::milliseconds gather_time{500};

  Follower(LmdbFile& file, LmdbWriter& writer, std::uint64_t applied, std::uint64_t gather_bytes);
  ~Follower() { close(); }
  Follower(const Follower&) = delete;
  Follower& operator=(const Follower&) = delete;

  // An entry of the journal, batch by batch. Reads see it; LMDB gets it when it is durable.
  void take(std::uint64_t number, const Batch& batch);
  void synced();  // what was taken is durable
  void forget();  // what was taken since synced() will never be
  // Whether LMDB will surely be able to take these as well, with what waits already; if not, write_now() tells exactly.
  [[nodiscard]] bool have_room_for(const Batch& batch);
  [[nodiscard]] bool have_room_for(std::uint64_t bytes, std::uint64_t changes);
  bool wait_for(std::uint64_t number);  // until this entry, durable, is in LMDB; false: LMDB cannot go on (for now)
  bool drain();                         // all durable entries
  // Straight to LMDB, behind all entries; synced.
  std::vector<Result> write_now(std::span<const Batch> batches);
  // The body of a large record that a batch will bring, in slices between which LMDB does all that others wait for.
  Result write_ahead(const Blob& record);
  void stop_ahead() { stop_ahead_ = true; }
  void collect(std::vector<BodyId> orphans);
  void close();  // drains, if that is possible, and ends the thread

  // Every change that is not yet in LMDB.
  [[nodiscard]] PendingChanges pending() const;
  [[nodiscard]] std::optional<std::optional<Blob>> find(RecordId id) const;
  [[nodiscard]] std::uint64_t applied() const;
  [[nodiscard]] Result state() const;  // not ok: LMDB cannot go on, and why

 private:
  void run();
  std::unique_lock<std::mutex> lock_lmdb();  // before whoever writes ahead
  std::unique_lock<std::mutex> lock_lmdb_last();
  [[nodiscard]] bool must_apply() const;  // under mutex_
  void apply(std::unique_lock<std::mutex>& lock);
  void tidy(std::unique_lock<std::mutex>& lock);

  LmdbFile& file_;
  LmdbWriter& writer_;
  const std::uint64_t gather_bytes_;
  std::mutex lmdb_;  // held while the writer is used; never taken under mutex_
  std::atomic<unsigned> want_lmdb_{0};
  std::atomic<bool> stop_ahead_{false};
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Batch unsynced_;  // under mutex_, as is all that follows; newest first
  Batch arriving_;
  Batch applying_;  // only read while the transaction runs
  std::uint64_t unsynced_bytes_ = 0, arriving_bytes_ = 0, applying_bytes_ = 0;
  std::uint64_t taken_ = 0, synced_ = 0, applied_ = 0, wanted_ = 0;  // numbers of entries
  std::chrono::steady_clock::time_point oldest_;                     // when the first of arriving_ came
  std::chrono::steady_clock::time_point again_;                      // after `full`: not before
  Result result_;                                                    // of the last transaction
  std::uint64_t tries_ = 0;                                          // transactions, good or not
  bool retry_ = false;                                               // after `full`: at once
  bool tidy_ = true;
  bool closed_ = false;
  std::thread thread_;
};

}  // namespace parvis::storage
