// The contract of storage: records of bytes by id, durable, in atomic ordered batches. Storage knows no tuple and no
// network; nothing outside this folder knows that LMDB exists.
//
// Threads: recover, commit, read and close are called from one thread (the loop). `Done` callbacks run on a thread of the
// store's own and must only hand the result over. Batches become durable in the order they were committed.
#pragma once

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
  full,    // no room: nothing of the batch was written; batches that only erase still succeed
  failed,  // write or sync failed: nothing is written from now on, reads show the last durable state
};
struct Result {
  Outcome outcome = Outcome::ok;
  std::string text;  // for people: what failed, where, what to do
};
using Done = std::function<void(const Result&)>;
using ReadDone = std::function<void(const Result&, Blob)>;

struct Usage {
  std::uint64_t bytes_used = 0;
  std::uint64_t bytes_available = 0;  // on the file system, or until the map cannot grow
  bool nearly_full = false;           // puts should be refused (85 % of disk or map); erases still work
};

class Visitor {
 public:
  virtual ~Visitor() = default;
  virtual void record(RecordId id, Blob bytes) = 0;  // the bytes may be kept
};

class Store {
 public:
  virtual ~Store() = default;
  // Every live record, ascending by id, once. Throws Error{storage_error} that names the file and the way out.
  virtual void recover(Visitor& visitor) = 0;
  virtual void commit(Batch&& batch, Done done) = 0;
  // Part of a record: at most `size` bytes from `offset`. Never blocks the calling thread.
  virtual void read(RecordId id, std::uint64_t offset, std::size_t size, ReadDone done) = 0;
  [[nodiscard]] virtual Usage usage() const = 0;  // any thread
  virtual void close() = 0;                       // waits for committed batches; every Done has run when it returns
};

}  // namespace parvis::storage
