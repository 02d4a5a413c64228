#include "storage/lmdb_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <optional>

#include "storage/lmdb_bodies.hpp"
#include "tuplespace/model/error.hpp"

namespace parvis::storage {
namespace {

constexpr std::size_t bytes_per_transaction = 4U << 20;  // a few milliseconds

// Bytes of a record in one allocation, filled from the front.
class Buffer {
 public:
  explicit Buffer(std::size_t size) : bytes_(std::make_shared_for_overwrite<std::byte[]>(size)), size_(size) {}

  [[nodiscard]] bool is_full() const { return filled_ == size_; }
  [[nodiscard]] std::size_t filled() const { return filled_; }
  std::span<std::byte> next(std::size_t at_most) {
    const std::size_t size = std::min(at_most, size_ - filled_);
    filled_ += size;
    return {bytes_.get() + filled_ - size, size};
  }
  [[nodiscard]] Blob blob() const { return {bytes_, ByteSpan(bytes_.get(), filled_)}; }

 private:
  std::shared_ptr<std::byte[]> bytes_;
  std::size_t size_;
  std::size_t filled_ = 0;
};

Blob copy_of(ByteSpan bytes) {
  Buffer buffer(bytes.size());
  std::copy(bytes.begin(), bytes.end(), buffer.next(bytes.size()).begin());
  return buffer.blob();
}

ByteSpan part_of(ByteSpan record, std::uint64_t offset, std::size_t size) {
  const std::size_t start = std::min<std::uint64_t>(offset, record.size());
  return record.subspan(start, std::min(size, record.size() - start));
}

// One call of read(), a transaction at a time.
class PartialRead {
 public:
  PartialRead(RecordId id, std::uint64_t offset, std::size_t size)
      : key_(record_key(id)), offset_(offset), size_(size) {}

  enum class Step { more, done, missing, damaged };
  Step step(lmdb::Transaction& transaction, lmdb::Table records, lmdb::Table bodies) {
    const auto value = transaction.get(records, key_);
    if (!value) return Step::missing;
    const auto frame = read_frame(key_, *value);
    if (!frame) return Step::damaged;
    if (frame->kind == Kind::whole) {
      blob = copy_of(part_of(frame->payload, offset_, size_));
      return Step::done;
    }
    const auto head = frame->kind == Kind::chunked ? ChunkedHead::parse(frame->payload) : std::nullopt;
    if (!head) return Step::damaged;
    if (!buffer_ || head->body != body_) start(*head);
    const std::uint64_t at = offset_ + buffer_->filled();
    if (!read_chunks(transaction, bodies, *head, at, buffer_->next(bytes_per_transaction))) return Step::damaged;
    if (!buffer_->is_full()) return Step::more;
    blob = buffer_->blob();
    return Step::done;
  }

  Blob blob;  // after `done`

 private:
  void start(const ChunkedHead& head) {  // also when the record was replaced between two steps
    body_ = head.body;
    buffer_.emplace(std::min<std::uint64_t>(size_, head.size - std::min(offset_, head.size)));
  }

  RecordKey key_;
  std::uint64_t offset_;
  std::size_t size_;
  BodyId body_ = 0;
  std::optional<Buffer> buffer_;
};

}  // namespace

std::vector<BodyId> LmdbReader::recover(Visitor& visitor) {
  return file_.read([&](lmdb::Transaction& transaction) {
    std::vector<BodyId> live;
    lmdb::Cursor cursor(transaction, file_.records());
    for (auto entry = cursor.first(); entry; entry = cursor.next()) {
      Blob record = whole(transaction, *entry, live);
      visitor.record(record_of(entry->key), std::move(record));
    }
    std::sort(live.begin(), live.end());
    const std::vector<BodyId> all = all_bodies(transaction, file_.bodies());
    std::vector<BodyId> orphans;
    std::set_difference(all.begin(), all.end(), live.begin(), live.end(), std::back_inserter(orphans));
    return orphans;
  });
}

Blob LmdbReader::whole(lmdb::Transaction& transaction, const lmdb::Entry& entry, std::vector<BodyId>& live) const {
  const RecordId id = record_of(entry.key);
  const auto frame = read_frame(entry.key, entry.value);
  if (frame && frame->kind == Kind::whole) return copy_of(frame->payload);
  const auto head = frame && frame->kind == Kind::chunked ? ChunkedHead::parse(frame->payload) : std::nullopt;
  if (!head) throw Error(ErrorCode::storage_error, damaged(id));
  live.push_back(head->body);
  Buffer buffer(head->size);
  if (!read_chunks(transaction, file_.bodies(), *head, 0, buffer.next(head->size))) {
    throw Error(ErrorCode::storage_error, damaged(id));
  }
  return buffer.blob();
}

std::pair<Result, Blob> LmdbReader::read(RecordId id, std::uint64_t offset, std::size_t size) {
  PartialRead part(id, offset, size);
  try {
    for (;;) {
      const auto step = file_.read(
          [&](lmdb::Transaction& transaction) { return part.step(transaction, file_.records(), file_.bodies()); });
      if (step == PartialRead::Step::done) return {Result{}, std::move(part.blob)};
      if (step == PartialRead::Step::missing)
        return {{Outcome::missing, fmt::format("There is no record {}.", id)}, {}};
      if (step == PartialRead::Step::damaged) return {{Outcome::failed, damaged(id)}, {}};
    }
  } catch (const std::exception& failure) {  // LMDB's, or no memory
    return {{Outcome::failed, fmt::format("Reading record {} of {} failed: {}. Check the disk.", id,
                                          file_.path().string(), failure.what())},
            {}};
  }
}

std::string LmdbReader::damaged(RecordId id) const {
  return fmt::format(
      "Record {} in {} is damaged (its checksum does not match): restore the folder from a backup or a dump, "
      "or move it away to start empty.",
      id, file_.path().string());
}

}  // namespace parvis::storage
