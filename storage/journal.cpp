#include "storage/journal.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "storage/crc32c.hpp"
#include "storage/little.hpp"
#include "tuplespace/model/error.hpp"

namespace parvis::storage {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view magic = "parvisjn";
constexpr std::uint32_t version = 1;
constexpr std::uint32_t segments_of_new = 4;
constexpr std::size_t header_bytes = 64;
constexpr std::uint64_t entries_at = 4096;
constexpr std::size_t entry_bytes = 32;
constexpr std::size_t change_bytes = 12;
constexpr std::uint32_t erased = 0xffffffff;

std::uint64_t padded(std::uint64_t bytes) { return (bytes + 7) / 8 * 8; }

fs::path segment_path(const fs::path& folder, std::uint32_t index) { return folder / fmt::format("journal.{}", index); }

[[noreturn]] void refuse(const fs::path& file, std::string_view what) {
  throw Error(ErrorCode::storage_error,
              fmt::format("{}: {}; restore the folder from a backup or a dump, or move it away to start empty.",
                          file.string(), what));
}

void write_all(int file, const fs::path& path, ByteSpan bytes, std::uint64_t offset) {
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) throw JournalFailure(path, "write", written < 0 ? errno : EIO);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
  }
}

void sync_file(int file, const fs::path& path) {
  if (::fdatasync(file) != 0) throw JournalFailure(path, "fdatasync", errno);
}

template <class Unsigned>
Unsigned random_number() {
  Unsigned number = 0;
  while (number == 0) {  // zero is what an unwritten disk holds
    if (::getrandom(&number, sizeof number, 0) != sizeof number) number = 0;
  }
  return number;
}

// Of the entry whose header begins at `entry`, its payload behind it.
std::uint32_t checksum_of(std::uint64_t seed, const std::byte* entry, std::uint64_t payload) {
  std::array<std::byte, sizeof seed> salt{};
  put_little(salt.data(), seed);
  return crc32c({entry + 8, entry_bytes - 8 + payload}, crc32c(salt));
}

Batch changes_in(const fs::path& folder, std::uint64_t number, ByteSpan payload) {
  Batch batch;
  while (!payload.empty()) {
    const std::uint64_t left = payload.size();
    const std::uint32_t size = left < change_bytes ? 0 : get_little<std::uint32_t>(payload.data() + 8);
    const std::uint64_t bytes = size == erased ? 0 : size;
    if (left < change_bytes + bytes) refuse(folder, fmt::format("entry {} of the journal cannot be read", number));
    Change change{get_little<std::uint64_t>(payload.data()), {}};
    if (size != erased) change.record = Blob::copy(payload.subspan(change_bytes, bytes));
    batch.push_back(std::move(change));
    payload = payload.subspan(change_bytes + bytes);
  }
  return batch;
}

}  // namespace

JournalFailure::JournalFailure(const fs::path& file, const char* call, int error)
    : std::runtime_error(fmt::format("{}: {} ({})", file.string(), std::strerror(error), call)), error_(error) {}
bool JournalFailure::disk_full() const { return error_ == ENOSPC || error_ == EDQUOT; }

std::uint64_t Journal::payload_of(const Batch& batch) {
  std::uint64_t bytes = 0;
  for (const Change& change : batch) bytes += change_bytes + (change.record ? change.record->size() : 0);
  return bytes;
}

void Journal::create(const fs::path& folder, std::uint64_t segment_bytes) {
  const fs::path fresh = folder / "journal.new";
  try {
    for (std::uint32_t index = 0; index < segments_of_new; ++index) {
      Segment segment;
      segment.path = fresh;
      segment.index = index;
      fs::remove(fresh);
      segment.file = Descriptor(fresh, O_RDWR | O_CREAT | O_EXCL);
      if (!segment.file.is_open()) throw JournalFailure(fresh, "open", errno);
      const ByteVector zeros(segment_bytes);
      write_all(segment.file.number(), fresh, zeros, 0);
      write_header(segment, segments_of_new, segment_bytes);
      if (::fsync(segment.file.number()) != 0) throw JournalFailure(fresh, "fsync", errno);
      fs::rename(fresh, segment_path(folder, index));
    }
    const Descriptor directory(folder, O_RDONLY | O_DIRECTORY);
    if (!directory.is_open() || ::fsync(directory.number()) != 0) throw JournalFailure(folder, "fsync", errno);
  } catch (const JournalFailure& failure) {
    std::error_code ignored;  // the failure is told; what is left is replaced at the next start
    fs::remove(fresh, ignored);
    throw Error(ErrorCode::storage_error,
                fmt::format("The journal cannot be made: {}; {}.", failure.what(),
                            failure.disk_full() ? fmt::format("make room for {} bytes on its file system",
                                                              segments_of_new * segment_bytes)
                                                : "check the disk and its rights"));
  }
}

void Journal::write_header(Segment& segment, std::uint32_t segments, std::uint64_t bytes) {
  segment.tag = random_number<std::uint32_t>();
  segment.seed = random_number<std::uint64_t>();
  std::array<std::byte, header_bytes> header{};
  std::byte* at = header.data();
  std::copy_n(as_bytes(magic).data(), magic.size(), at);
  put_little(at + 8, version);
  put_little(at + 12, segments);
  put_little(at + 16, segment.index);
  put_little(at + 20, segment.tag);
  put_little(at + 24, segment.seed);
  put_little(at + 32, segment.stamp);
  put_little(at + 40, bytes);
  put_little(at + 60, crc32c(ByteSpan(header).first(60)));
  write_all(segment.file.number(), segment.path, header, 0);
}

void Journal::read_header(Segment& segment, std::uint32_t& segments) {
  std::array<std::byte, header_bytes> header{};
  const ssize_t got = ::pread(segment.file.number(), header.data(), header.size(), 0);
  if (got < 0) throw JournalFailure(segment.path, "read", errno);
  const std::byte* at = header.data();
  const bool ours = static_cast<std::size_t>(got) == header.size() && as_text(header).starts_with(magic);
  if (!ours || get_little<std::uint32_t>(at + 60) != crc32c(ByteSpan(header).first(60)) ||
      get_little<std::uint32_t>(at + 8) != version || get_little<std::uint32_t>(at + 16) != segment.index) {
    refuse(segment.path, "the head of this part of the journal is damaged");
  }
  segments = get_little<std::uint32_t>(at + 12);
  segment.tag = get_little<std::uint32_t>(at + 20);
  segment.seed = get_little<std::uint64_t>(at + 24);
  segment.stamp = get_little<std::uint64_t>(at + 32);
  const auto bytes = get_little<std::uint64_t>(at + 40);
  struct stat status {};
  if (::fstat(segment.file.number(), &status) != 0) throw JournalFailure(segment.path, "fstat", errno);
  if (static_cast<std::uint64_t>(status.st_size) != bytes || bytes <= entries_at) {
    refuse(segment.path, fmt::format("truncated: it has {} bytes of {}", status.st_size, bytes));
  }
  segment_bytes_ = segment_bytes_ == 0 ? bytes : std::min(segment_bytes_, bytes);
  stamps_ = std::max(stamps_, segment.stamp);
}

Journal::Journal(const fs::path& folder) : folder_(folder) {
  std::uint32_t segments = 1;
  for (std::uint32_t index = 0; index < segments; ++index) {
    Segment segment;
    segment.path = segment_path(folder, index);
    segment.index = index;
    segment.file = Descriptor(segment.path, O_RDWR);
    if (!segment.file.is_open() && errno == ENOENT) refuse(segment.path, "a part of the journal is missing");
    if (!segment.file.is_open()) refuse(segment.path, std::strerror(errno));
    read_header(segment, segments);
    segments_.push_back(std::move(segment));
  }
}

// Looks at every place where an entry may begin, since a damaged one does not tell where the next stands.
void Journal::scan(const Segment& segment, ByteSpan bytes, std::vector<Found>& found) const {
  for (std::uint64_t at = entries_at; at + entry_bytes <= bytes.size();) {
    const std::byte* entry = bytes.data() + at;
    const std::uint64_t left = bytes.size() - at - entry_bytes;
    if (get_little<std::uint32_t>(entry) == segment.tag) {
      const auto size = get_little<std::uint64_t>(entry + 24);
      if (size <= left && checksum_of(segment.seed, entry, size) == get_little<std::uint32_t>(entry + 4)) {
        found.push_back({get_little<std::uint64_t>(entry + 8), get_little<std::uint64_t>(entry + 16),
                         bytes.subspan(at + entry_bytes, size)});
        at += padded(entry_bytes + size);
        continue;
      }
    }
    at += 8;
  }
}

std::uint64_t Journal::replay(std::uint64_t applied, const std::function<void(Batch&&)>& use) {
  std::vector<ByteVector> contents;
  std::vector<Found> found;
  for (const Segment& segment : segments_) {
    ByteVector& bytes = contents.emplace_back(segment_bytes_);
    const ssize_t got = ::pread(segment.file.number(), bytes.data(), bytes.size(), 0);
    if (got < 0) throw JournalFailure(segment.path, "read", errno);
    bytes.resize(static_cast<std::size_t>(got));
    scan(segment, bytes, found);
  }
  std::sort(found.begin(), found.end(), [](const Found& a, const Found& b) { return a.number < b.number; });
  std::uint64_t last = applied;
  std::uint64_t witnessed = 0;  // the newest entry that a later one calls durable
  for (const Found& entry : found) witnessed = std::max(witnessed, entry.synced);
  for (const Found& entry : found) {
    if (entry.number <= last) continue;
    if (entry.number != last + 1) break;
    use(changes_in(folder_, entry.number, entry.payload));
    last = entry.number;
  }
  if (last < witnessed) {
    refuse(folder_, fmt::format("entry {} of the journal, which was durable, is damaged or missing (it goes on to {})",
                                last + 1, witnessed));
  }
  return last;
}

void Journal::start(std::uint64_t last) {
  for (Segment& segment : segments_) stamp(segment);
  at_ = 0;
  offset_ = entries_at;
  last_ = synced_ = last;
}

// What stood in it is no entry any more, also after a loss of power.
void Journal::stamp(Segment& segment) {
  segment.stamp = ++stamps_;
  segment.last = 0;
  write_header(segment, static_cast<std::uint32_t>(segments_.size()), segment_bytes_);
  sync_file(segment.file.number(), segment.path);
}

bool Journal::has_room_for(std::uint64_t payload) const {
  return offset_ + padded(entry_bytes + payload) <= segment_bytes_;
}

std::uint64_t Journal::append(const std::vector<const Batch*>& batches, std::uint64_t payload, std::uint64_t applied) {
  const std::uint64_t size = padded(entry_bytes + payload);
  if (!has_room_for(payload)) {
    Segment& next = segments_[(at_ + 1) % segments_.size()];
    if (next.last > applied || !is_synced()) throw std::logic_error("a segment of the journal is not free");
    stamp(next);
    at_ = next.index;
    offset_ = entries_at;
  }
  buffer_.assign(size, std::byte{0});
  std::byte* at = buffer_.data() + entry_bytes;
  for (const Batch* batch : batches) {
    for (const Change& change : *batch) {
      put_little(at, change.id);
      put_little(at + 8, change.record ? static_cast<std::uint32_t>(change.record->size()) : erased);
      at += change_bytes;
      if (!change.record || change.record->empty()) continue;
      std::memcpy(at, change.record->data(), change.record->size());
      at += change.record->size();
    }
  }
  put_little(buffer_.data(), current().tag);
  put_little(buffer_.data() + 8, last_ + 1);
  put_little(buffer_.data() + 16, synced_);
  put_little(buffer_.data() + 24, payload);
  put_little(buffer_.data() + 4, checksum_of(current().seed, buffer_.data(), payload));
  write_all(current().file.number(), current().path, buffer_, offset_);
  offset_ += size;
  current().last = ++last_;
  return last_;
}

void Journal::sync() {
  if (is_synced()) return;
  sync_file(current().file.number(), current().path);
  synced_ = last_;
}

}  // namespace parvis::storage
