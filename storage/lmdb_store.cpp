#include "storage/lmdb_store.hpp"

#include <fmt/format.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "storage/committer.hpp"
#include "storage/follower.hpp"
#include "storage/journal.hpp"
#include "storage/journal_writer.hpp"
#include "storage/lmdb_file.hpp"
#include "storage/lmdb_reader.hpp"
#include "storage/lmdb_writer.hpp"
#include "storage/merge.hpp"
#include "storage/worker.hpp"
#include "tuplespace/model/error.hpp"

namespace parvis::storage {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds usage_interval{100};

constexpr std::uint64_t segments = 4;
constexpr std::uint64_t journal_grain = 4096;

// A folder that is new, or of the format before the journal, gets its journal here, and only then says that it has one.
Journal open_journal(DataFolder& folder, const LmdbOptions& options) {
  if (!folder.has_data() || !folder.is_current()) {
    const std::uint64_t bytes = std::max<std::uint64_t>(options.journal_bytes / segments, 64 << 10);
    Journal::create(folder.path(), bytes / journal_grain * journal_grain);
    folder.set_has_data();
  }
  try {
    return Journal(folder.path());
  } catch (const JournalFailure& failure) {
    throw Error(ErrorCode::storage_error, fmt::format("{}; check the disk and its rights.", failure.what()));
  }
}

// What the journal holds and LMDB does not goes there. Returns the number of the last entry.
std::uint64_t replay(Journal& journal, LmdbWriter& writer) {
  PendingChanges changes;
  try {
    const std::uint64_t last = journal.replay(writer.followed(), [&](Batch&& batch) {
      for (Change& change : batch) changes.insert_or_assign(change.id, std::move(change.record));
    });
    if (last != writer.followed()) {
      Batch batch;
      for (auto& [id, record] : changes) batch.push_back({id, std::move(record)});
      const Result result = writer.follow(last, batch);
      if (result.outcome != Outcome::ok) throw Error(ErrorCode::storage_error, result.text);
    }
    journal.start(last);
    return last;
  } catch (const JournalFailure& failure) {
    throw Error(ErrorCode::storage_error, fmt::format("{}; check the disk and its rights.", failure.what()));
  }
}

// Everything that lives from open to close, in the order in which it depends on what stands before.
struct Open {
  Open(std::shared_ptr<DataFolder> locked, const LmdbOptions& options)
      : folder(std::move(locked)),
        file(*folder, options),
        journal(open_journal(*folder, options)),
        follower(file, writer, replay(journal, writer), journal.segment_bytes()) {}

  std::shared_ptr<DataFolder> folder;
  LmdbFile file;
  LmdbReader reader{file};
  LmdbWriter writer{file};
  Journal journal;
  Follower follower;
  JournalWriter journal_writer{journal, follower};
  Committer committer{journal_writer};
  Worker read_thread{"parvis-read"};
  Worker ahead_thread{"parvis-ahead"};
};

class LmdbStore final : public Store {
 public:
  LmdbStore(std::shared_ptr<DataFolder> folder, const LmdbOptions& options)
      : path_(folder->path()),
        limits_{options.map_limit, options.headroom_limit},
        open_(std::make_unique<Open>(std::move(folder), options)) {}
  ~LmdbStore() override { close_now(); }

  void recover(Visitor& visitor) override {
    Open& open = opened();
    open.committer.drain();
    const bool complete = open.follower.drain();
    Merge merge(visitor, open.follower.pending());
    try {
      const std::vector<BodyId> orphans = open.reader.recover(merge);
      merge.finish();
      if (complete) open.follower.collect(orphans);
    } catch (const lmdb::Failure& failure) {
      throw Error(ErrorCode::storage_error, fmt::format("{}: {}; check the disk, or restore the folder from a backup.",
                                                        open.file.path().string(), failure.what()));
    }
  }

  void commit(Batch&& batch, Done durable, Sync sync, Done written) override {
    opened().committer.submit(std::move(batch), std::move(durable), sync, std::move(written));
  }

  std::optional<Result> commit_here(Batch& batch) override { return opened().committer.commit_here(batch); }

  void write_ahead(std::vector<Blob> records, Done done) override {
    Open& open = opened();
    open.ahead_thread.post([&open, records = std::move(records), done = std::move(done)] {
      Result result;
      for (const Blob& record : records)
        if (result.outcome == Outcome::ok) result = open.follower.write_ahead(record);
      done(result);
    });
  }

  void read(RecordId id, std::uint64_t offset, std::size_t size, ReadDone done) override {
    Open& open = opened();
    open.read_thread.post([&open, id, offset, size, done = std::move(done)] {
      const auto pending = open.follower.find(id);
      if (pending) return answer(*pending, id, offset, size, done);
      auto [result, bytes] = open.reader.read(id, offset, size);
      done(result, std::move(bytes));
    });
  }

  [[nodiscard]] Usage usage() const override {
    const std::lock_guard lock(usage_mutex_);
    if (open_) refresh_usage();
    return usage_;
  }

  void close() override { close_now(); }

 private:
  static void answer(const std::optional<Blob>& record, RecordId id, std::uint64_t offset, std::size_t size,
                     const ReadDone& done) {
    if (!record) return done({Outcome::missing, fmt::format("There is no record {}.", id)}, {});
    const std::uint64_t start = std::min<std::uint64_t>(offset, record->size());
    done({}, record->slice(start, std::min<std::uint64_t>(size, record->size() - start)));
  }

  Open& opened() {
    if (!open_) throw Error(ErrorCode::storage_error, fmt::format("The store in {} is closed.", path_.string()));
    return *open_;
  }

  void close_now() {
    if (!open_) return;
    open_->committer.close();
    open_->read_thread.close();
    open_->follower.stop_ahead();
    open_->ahead_thread.close();
    open_->follower.close();
    const std::lock_guard lock(usage_mutex_);
    refresh_counts();
    open_.reset();
  }

  void refresh_counts() const {  // under usage_mutex_, as the next
    usage_.bytes_queued = open_->committer.bytes_queued();
    usage_.batches = open_->committer.batches();
    usage_.transactions = open_->writer.transactions() + open_->journal_writer.syncs();
  }

  void refresh_usage() const {
    const Clock::time_point now = Clock::now();
    if (now >= measure_again_) measure(now);
    refresh_counts();
  }

  // What cannot be measured just now (the file grows, or the disk fails and the next commit will say so) stays as it
  // was.
  void measure(Clock::time_point now) const {
    struct statvfs status {};
    if (::statvfs(path_.c_str(), &status) != 0) return;
    std::optional<Extent> extent;
    try {
      extent = open_->file.extent();
    } catch (const lmdb::Failure&) {
      return;
    }
    if (!extent) return;
    const std::uint64_t block = status.f_frsize;
    usage_ = room(*extent, {(status.f_blocks - status.f_bfree) * block, status.f_bavail * block}, limits_);
    measure_again_ = now + usage_interval;
  }

  const std::filesystem::path path_;
  const RoomLimits limits_;
  mutable std::mutex usage_mutex_;
  mutable Usage usage_;  // under usage_mutex_, as is the next
  mutable Clock::time_point measure_again_;
  std::unique_ptr<Open> open_;  // written under usage_mutex_ by the thread that owns the store, null once closed
};

}  // namespace

std::unique_ptr<Store> open_lmdb(std::shared_ptr<DataFolder> folder, const LmdbOptions& options) {
  return std::make_unique<LmdbStore>(std::move(folder), options);
}

std::unique_ptr<Store> open_lmdb(const LmdbOptions& options) {
  return open_lmdb(std::make_shared<DataFolder>(options.folder), options);
}

}  // namespace parvis::storage
