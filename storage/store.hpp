// The contract of storage: records of bytes by id, durable, in atomic ordered batches. Storage knows no tuple and no
// network; nothing outside this folder knows that LMDB exists.
//
// Threads: recover, commit, read and close are called from one thread (the loop). `Done` callbacks run on a thread of
// the store's own, must not throw, must only hand the result over, and call nothing of the store but usage(). Batches
// are written, become durable, and have their Done run, in the order they were committed.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tuplespace/model/bytes.hpp"

namespace parvis::storage {

using RecordId = std::uint64_t;

struct Change {
  RecordId id;
  std::optional<Blob> record;  // nothing: erase. Putting an id that exists replaces it.
};
using Batch = std::vector<Change>;

enum class Outcome : std::uint8_t {
  ok,
  full,    // no room: nothing of the batch was written; batches that erase, or replace small records, still succeed
  failed,  // write or sync failed: nothing is written from now on, reads show the last durable state; of the batch that
           // met the failure it is unknown until the store is reopened whether it is there (whole, or not at all)
  missing,  // answer of read() alone: no such record
};
struct Result {
  Outcome outcome = Outcome::ok;
  std::string text;  // for people: what failed, where, what to do
};
using Done = std::function<void(const Result&)>;
using ReadDone = std::function<void(const Result&, Blob)>;

// When a batch is to be durable: at once, or within `soon_is`, or with the next batch that must be durable at once. All
// batches form one log: what a loss of power takes of the latter is a suffix, never a hole.
enum class Sync : std::uint8_t { now, soon };
inline constexpr std::chrono::milliseconds soon_is{50};

struct Usage {
  std::uint64_t bytes_used = 0;
  std::uint64_t bytes_available = 0;  // on the file system, or until the map cannot grow
  bool nearly_full = false;           // puts should be refused (85 % of disk or map); erases still work
  std::uint64_t bytes_queued = 0;     // committed and not yet durable: stop reading requests when it grows
  std::uint64_t batches = 0;          // made durable since the store was opened ...
  std::uint64_t transactions = 0;     // ... in so many synced writes
};

class Visitor {
 public:
  virtual ~Visitor() = default;
  virtual void record(RecordId id, Blob bytes) = 0;  // the bytes may be kept
};

class Store {
 public:
  virtual ~Store() = default;
  // Every live record, ascending by id, once; what was committed before is written first, and its Done have run. May be
  // called again (after `full`, to start afresh). Throws Error{storage_error} that names the file and the way out.
  virtual void recover(Visitor& visitor) = 0;
  // The changes of a batch apply in their order. Erasing an id that does not exist is no error. `written` (where given)
  // runs once the end of this process can no longer undo the batch, `durable` once a loss of power cannot either, after
  // it; a batch that is not `ok` tells both. An empty batch makes durable what was committed before. Throws
  // Error{storage_error} after close(), as read() does.
  virtual void commit(Batch&& batch, Done durable, Sync sync = Sync::now, Done written = {}) = 0;
  // As commit, durable when it returns, on the calling thread: that saves two changes of threads, for a caller whom
  // nobody else needs meanwhile. Nothing: something is under way, or the disk was not quick last time; then commit() is
  // to be used, and the batch is as it was.
  virtual std::optional<Result> commit_here(Batch& /*batch*/) { return {}; }
  // Writes large records before the batches that will hold these very blobs, beside what others commit meanwhile: then
  // such a batch is as quick as any. Who lets go of a blob without committing it leaves nothing. Where room is
  // short nothing is written, and the batch tells. `done` may run before this returns; not ok: it cannot be committed.
  // NOLINTNEXTLINE(performance-unnecessary-value-param): who overrides it keeps both
  virtual void write_ahead(std::vector<Blob> /*records*/, Done done) { done({}); }
  // Part of a record: at most `size` bytes from `offset`; fewer where the record ends. Never blocks the calling thread.
  // Sees every batch of which `written` or `durable` has run. A damaged record or a failing disk gives `failed`.
  virtual void read(RecordId id, std::uint64_t offset, std::size_t size, ReadDone done) = 0;
  [[nodiscard]] virtual Usage usage() const = 0;  // any thread
  virtual void close() = 0;                       // waits for committed batches and reads: every Done has run
};

}  // namespace parvis::storage
