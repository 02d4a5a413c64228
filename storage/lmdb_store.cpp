#include "storage/lmdb_store.hpp"

#include <fmt/format.h>
#include <sys/statvfs.h>

#include <chrono>
#include <mutex>
#include <utility>

#include "storage/committer.hpp"
#include "storage/lmdb_file.hpp"
#include "storage/lmdb_reader.hpp"
#include "storage/lmdb_writer.hpp"
#include "storage/worker.hpp"
#include "tuplespace/model/error.hpp"

namespace parvis::storage {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds usage_interval{100};

// Everything that lives from open to close, in the order in which it depends on what stands before.
struct Open {
  Open(std::shared_ptr<DataFolder> locked, const LmdbOptions& options)
      : folder(std::move(locked)), file(*folder, options) {}

  std::shared_ptr<DataFolder> folder;
  LmdbFile file;
  LmdbReader reader{file};
  LmdbWriter writer{file};
  Committer committer{writer};
  Worker read_thread{"parvis-read"};
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
    try {
      open.writer.collect(open.reader.recover(visitor));
    } catch (const lmdb::Failure& failure) {
      throw Error(ErrorCode::storage_error, fmt::format("{}: {}; check the disk, or restore the folder from a backup.",
                                                        open.file.path().string(), failure.what()));
    }
    open.committer.wake_to_tidy();
  }

  void commit(Batch&& batch, Done done) override { opened().committer.submit(std::move(batch), std::move(done)); }

  void read(RecordId id, std::uint64_t offset, std::size_t size, ReadDone done) override {
    Open& open = opened();
    open.read_thread.post([&reader = open.reader, id, offset, size, done = std::move(done)] {
      auto [result, bytes] = reader.read(id, offset, size);
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
  Open& opened() {
    if (!open_) throw Error(ErrorCode::storage_error, fmt::format("The store in {} is closed.", path_.string()));
    return *open_;
  }

  void close_now() {
    if (!open_) return;
    open_->committer.close();
    open_->read_thread.close();
    const std::lock_guard lock(usage_mutex_);
    refresh_counts();
    open_.reset();
  }

  void refresh_counts() const {  // under usage_mutex_, as the next
    usage_.bytes_queued = open_->committer.bytes_queued();
    usage_.batches = open_->committer.batches();
    usage_.transactions = open_->writer.transactions();
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
