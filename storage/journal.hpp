// The journal: what was committed and is not yet in LMDB, in files of a fixed size that are written over and over, so
// that one fdatasync, with no metadata to write, makes a group of batches durable.
//
//   journal.0 … journal.N   segments, all of one size; every byte was written once before the first is used
//   segment = header (64 bytes, rest of 4096 zero) · entry · entry · …          integers little-endian
//   header  = "parvisjn" · version:4 (1) · segments:4 · index:4 · tag:4 · seed:8 · stamp:8 · bytes:8 · zero:12 ·
//             checksum:4, CRC-32C over the bytes before
//   entry   = tag:4 · checksum:4 · number:8 · synced:8 · size:8 · payload, padded to 8 bytes
//             checksum = CRC-32C over seed · number · synced · size · payload
//   payload = changes, each  id:8 · size:4 (ffffffff: erase) · bytes
//
// An entry is a group of batches: all of it or nothing. Numbers ascend by one. A segment gets a new stamp, tag and
// secret seed each time it is used again, so no old tail and no bytes of a user can be taken for an entry. `synced` is
// the newest entry that was durable when this one was written: an entry that is missing although a later one calls it
// durable is damage and refused; without such a witness it was the end, torn when power was lost, and is dropped with
// all behind it.
//
// Threads: the committer's, and before that the one that opens. Functions throw JournalFailure.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "storage/file.hpp"
#include "storage/store.hpp"

namespace parvis::storage {

class JournalFailure : public std::runtime_error {
 public:
  JournalFailure(const std::filesystem::path& file, const char* call, int error);
  [[nodiscard]] bool disk_full() const;

 private:
  int error_;
};

class Journal {
 public:
  // Opens the segments, which must all be there. Throws Error{storage_error} when one is missing or damaged.
  explicit Journal(const std::filesystem::path& folder);
  // Makes the segments of a new folder, durably; what an interrupted start left is replaced. Throws
  // Error{storage_error} when there is no room.
  static void create(const std::filesystem::path& folder, std::uint64_t segment_bytes);

  // Hands out the entries after number `applied`, in order; returns the number of the last. Throws Error{storage_error}
  // on a hole or damage. Nothing may be appended before start().
  std::uint64_t replay(std::uint64_t applied, const std::function<void(Batch&&)>& use);
  // All entries up to `last` are in LMDB: the journal is empty and goes on behind them.
  void start(std::uint64_t last);

  // Whether an entry of these batches fits into a segment at all, and is worth writing twice.
  [[nodiscard]] bool takes(std::uint64_t payload) const { return payload <= segment_bytes_ / 2; }
  // Whether this segment has room for it. If not, sync(), and all entries of the next segment must be in LMDB.
  [[nodiscard]] bool has_room_for(std::uint64_t payload) const;
  [[nodiscard]] std::uint64_t last_of_next_segment() const { return segments_[(at_ + 1) % segments_.size()].last; }
  // Returns the entry's number. `applied`: the newest in LMDB.
  std::uint64_t append(const std::vector<const Batch*>& batches, std::uint64_t payload, std::uint64_t applied);
  [[nodiscard]] bool is_synced() const { return synced_ == last_; }
  void sync();

  static std::uint64_t payload_of(const Batch& batch);
  [[nodiscard]] std::uint64_t segment_bytes() const { return segment_bytes_; }

 private:
  struct Segment {
    std::filesystem::path path;
    Descriptor file;
    std::uint32_t index = 0;
    std::uint32_t tag = 0;
    std::uint64_t seed = 0;
    std::uint64_t stamp = 0;
    std::uint64_t last = 0;  // entry in it
  };
  struct Found {  // an entry on disk
    std::uint64_t number = 0;
    std::uint64_t synced = 0;
    ByteSpan payload;
  };
  static void write_header(Segment& segment, std::uint32_t segments, std::uint64_t bytes);
  void read_header(Segment& segment, std::uint32_t& segments);
  void scan(const Segment& segment, ByteSpan bytes, std::vector<Found>& found) const;
  void stamp(Segment& segment);
  [[nodiscard]] Segment& current() { return segments_[at_]; }

  std::filesystem::path folder_;
  std::vector<Segment> segments_;
  std::uint64_t segment_bytes_ = 0;
  std::uint64_t stamps_ = 0;
  std::size_t at_ = 0;        // the segment that is written
  std::uint64_t offset_ = 0;  // in it
  std::uint64_t last_ = 0;    // number of the last entry
  std::uint64_t synced_ = 0;
  ByteVector buffer_;
};

}  // namespace parvis::storage
