#include "storage/memory_store.hpp"

#include <atomic>
#include <limits>
#include <map>
#include <utility>

#include "storage/committer.hpp"
#include "storage/worker.hpp"
#include "tuplespace/model/error.hpp"

namespace parvis::storage {
namespace {

class MemoryStore final : public Store {
 public:
  ~MemoryStore() override { worker_.close(); }

  void recover(Visitor& visitor) override {
    worker_.drain();  // nobody else posts while this call runs, so the records stand still
    for (const auto& [id, record] : records_) visitor.record(id, record);
  }

  void commit(Batch&& batch, Done durable, Sync /*sync*/, Done written) override {
    const std::uint64_t bytes = bytes_of(batch);
    bytes_queued_ += bytes;
    post([this, bytes, batch = std::move(batch), durable = std::move(durable), written = std::move(written)]() mutable {
      apply(batch);
      batch.clear();
      bytes_queued_ -= bytes;
      ++batches_;
      if (written) written({});
      durable({});
    });
  }

  void read(RecordId id, std::uint64_t offset, std::size_t size, ReadDone done) override {
    post([this, id, offset, size, done = std::move(done)] {
      const auto found = records_.find(id);
      if (found == records_.end()) return done({Outcome::missing, "no such record"}, {});
      const Blob& record = found->second;
      const std::uint64_t start = std::min<std::uint64_t>(offset, record.size());
      done({}, record.slice(start, std::min<std::uint64_t>(size, record.size() - start)));
    });
  }

  [[nodiscard]] Usage usage() const override {
    Usage usage;
    usage.bytes_used = bytes_used_;
    usage.bytes_available = std::numeric_limits<std::uint64_t>::max();
    usage.bytes_queued = bytes_queued_;
    usage.batches = usage.transactions = batches_;
    return usage;
  }

  void close() override { worker_.close(); }

 private:
  void post(std::function<void()> job) {
    if (!worker_.post(std::move(job))) throw Error(ErrorCode::storage_error, "the store is closed");
  }

  void apply(Batch& batch) {
    for (Change& change : batch) {
      const auto found = records_.find(change.id);
      if (found != records_.end()) {
        bytes_used_ -= found->second.size();
        if (!change.record) records_.erase(found);
      }
      if (!change.record) continue;
      bytes_used_ += change.record->size();
      records_.insert_or_assign(change.id, *std::move(change.record));
    }
  }

  std::map<RecordId, Blob> records_;  // the worker's, and recover's while the worker rests
  std::atomic<std::uint64_t> bytes_used_{0};
  std::atomic<std::uint64_t> bytes_queued_{0};
  std::atomic<std::uint64_t> batches_{0};
  Worker worker_{"parvis-memory"};  // last: its thread uses the others
};

}  // namespace

std::unique_ptr<Store> make_memory_store() { return std::make_unique<MemoryStore>(); }

}  // namespace parvis::storage
