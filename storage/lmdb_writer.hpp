// How batches become LMDB transactions.
//
// Bodies of large records first, in transactions of their own; then the whole group in one. When that does not fit, the
// map grows and the group is tried again; when there is no more room, each batch is tried by itself, so that one that
// is too large stands alone in being refused. On a full disk it may have pages that became free, and no others: those
// behind the last are for erasing. After EIO or a failed sync nothing is written again.
//
// Threads: one at a time, but for the members marked otherwise.
#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "storage/lmdb_bodies.hpp"
#include "storage/lmdb_file.hpp"
#include "storage/store.hpp"

namespace parvis::storage {

class LmdbWriter {
 public:
  explicit LmdbWriter(LmdbFile& file);

  // All of a batch or nothing, synced; one result each. After `failed` nothing is written any more.
  std::vector<Result> write(std::span<const Batch> group);
  // The changes of the journal's entries up to `number`, in one transaction that remembers the number; ascending by id,
  // no record large. May use the reserve.
  Result follow(std::uint64_t number, const Batch& batch);
  // Of a large record that a batch will bring: its body, a slice at a time, until all of it or what was begun is to be
  // given up. Whoever holds the blob until the batch is written finds the body there.
  ChunkedHead begin_ahead(const Blob& record);
  Result write_slice(const ChunkedHead& head, ByteSpan record, std::uint32_t& next);
  void end_ahead(const ChunkedHead& head, bool is_whole);
  static constexpr std::uint64_t slice_bytes = 9 << 20;  // at most, in LMDB
  // Erases some of what collect() was told; a few milliseconds. False: there is no more, or it cannot be done now.
  bool tidy();

  // What recovery found without a record, but for what was written ahead.
  void collect_found(std::vector<BodyId> orphans);

  [[nodiscard]] std::uint64_t followed() const { return followed_; }  // the number last remembered

  // Any thread.
  static std::uint64_t bytes_for(const Batch& batch);  // that its records take in LMDB
  void collect(const std::vector<BodyId>& orphans);    // to be erased by tidy()
  [[nodiscard]] std::uint64_t transactions() const {   // follow() apart
    return transactions_.load(std::memory_order_relaxed);
  }

 private:
  using Purpose = LmdbFile::Purpose;
  using Apply = std::function<void(lmdb::Transaction&)>;

  struct Cost {
    std::uint64_t bytes = 0;
    Purpose purpose = Purpose::erase;
  };
  struct Job {  // a batch on its way
    const Batch* batch;
    std::vector<ChunkedHead> heads;  // of its large records, in their order
    Result result;
  };
  struct Ahead {
    std::weak_ptr<const void> owner;  // of the blob
    const std::byte* bytes;
    ChunkedHead head;
    bool whole = false;
  };
  [[nodiscard]] Cost cost_of(const Batch& batch) const;

  Result write_bodies(Job& job);
  Result write_body(const ChunkedHead& head, ByteSpan record);
  ChunkedHead new_head(std::size_t size) { return {next_body_++, size, static_cast<std::uint32_t>(chunk_bytes)}; }
  std::optional<ChunkedHead> take_ahead(const Blob& record);
  void drop_unused_ahead();
  void write_batches(std::span<Job*> jobs);
  Result write_together(std::span<Job* const> jobs);
  void apply(lmdb::Transaction& transaction, std::span<Job* const> jobs, std::vector<BodyId>& replaced);
  // One synced transaction, tried again in a larger map as long as that can grow.
  Result transact(const Cost& cost, const Apply& apply);  // counted
  Result run(const Cost& cost, const Apply& apply);
  bool make_room(const Cost& cost);
  bool age_free_pages();
  void write_followed(lmdb::Transaction& transaction, std::uint64_t number);
  Result full(const char* what) const;
  Result fail(const std::string& what);
  void note_greatest(const Batch& batch);
  void check_readers();

  LmdbFile& file_;
  BodyId next_body_ = 1;
  std::uint64_t followed_ = 0;
  RecordId greatest_ = 0;    // no record beyond; those erased count
  bool freed_last_ = false;  // the last transaction was no ageing
  std::string failure_;      // not empty: nothing is written any more
  std::chrono::steady_clock::time_point next_reader_check_;
  std::atomic<std::uint64_t> transactions_{0};
  std::vector<Ahead> ahead_;
  std::mutex orphans_mutex_;
  std::deque<BodyId> orphans_;  // under orphans_mutex_
};

}  // namespace parvis::storage
