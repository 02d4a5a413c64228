// The numbers and bytes of a record (grammar: record.cpp), written and read.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "storage/store.hpp"
#include "tuplespace/model/bytes.hpp"
#include "tuplespace/model/error.hpp"

namespace parvis::space {

inline std::uint64_t zigzag(std::int64_t v) {
  return static_cast<std::uint64_t>(v) << 1 ^ static_cast<std::uint64_t>(v >> 63);
}
inline std::int64_t unzigzag(std::uint64_t v) { return static_cast<std::int64_t>(v >> 1 ^ (~(v & 1) + 1)); }

class RecordWriter {
 public:
  RecordWriter(std::uint8_t kind, std::uint8_t version) {
    bytes_.reserve(small_record);
    byte(kind);
    byte(version);
  }
  void byte(std::uint8_t b) { bytes_.push_back(static_cast<std::byte>(b)); }
  void number(std::uint64_t n) {
    for (; n >= 0x80; n >>= 7) byte(static_cast<std::uint8_t>(n | 0x80));
    byte(static_cast<std::uint8_t>(n));
  }
  void append(ByteSpan bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }
  [[nodiscard]] ByteSpan span() const { return bytes_; }
  Blob blob() { return Blob::take(std::move(bytes_)); }

 private:
  static constexpr std::size_t small_record = 48;  // most are: one allocation for all their bytes
  ByteVector bytes_;
};

// Throws Error{storage_error} that names the record, where it is cut off or makes no sense.
class RecordReader {
 public:
  RecordReader(storage::RecordId id, ByteSpan bytes) : id_(id), bytes_(bytes) {}

  std::uint8_t byte() {
    need(1);
    return static_cast<std::uint8_t>(bytes_[at_++]);
  }
  std::uint64_t number() {
    std::uint64_t n = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const std::uint8_t b = byte();
      n |= static_cast<std::uint64_t>(b & 0x7f) << shift;
      if (b < 0x80) return n;
    }
    fail("a number does not end");
  }
  // A count of things of which each takes at least `least` bytes.
  std::size_t count(std::size_t least) {
    const std::uint64_t n = number();
    if (n > (bytes_.size() - at_) / least) fail("a count is larger than what follows");
    return n;
  }
  void read(std::span<std::byte> to) {
    need(to.size());
    std::memcpy(to.data(), bytes_.data() + at_, to.size());
    at_ += to.size();
  }
  ByteSpan bytes(std::size_t size) {
    need(size);
    return bytes_.subspan(std::exchange(at_, at_ + size), size);
  }
  ByteSpan rest() { return bytes_.subspan(std::exchange(at_, bytes_.size())); }
  [[nodiscard]] std::size_t position() const { return at_; }
  void end() const {
    if (at_ != bytes_.size()) fail("something follows its end");
  }
  [[noreturn]] void fail(const char* what) const {
    throw Error(ErrorCode::storage_error,
                fmt::format("record {} of the store cannot be read at byte {}: {}", id_, at_, what));
  }

 private:
  void need(std::size_t n) const {
    if (bytes_.size() - at_ < n) fail("it is cut off");
  }
  storage::RecordId id_;
  ByteSpan bytes_;
  std::size_t at_ = 0;
};

}  // namespace parvis::space
