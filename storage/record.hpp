// How a record looks on disk.
//
//   frame   = version:1 (1) · kind:1 · checksum:4 · payload         integers little-endian, checksum = CRC-32C over
//                                                                   key · version · kind · payload
//   records = key: record id, 8 bytes big-endian (so that keys ascend as ids do)
//             whole:   payload = the record
//             chunked: payload = body:8 · size:8 · chunk_size:4     the record stands in the table of bodies
//   bodies  = key: body id, 8 bytes big-endian · number of the chunk, 4 bytes big-endian
//             chunk:   payload = chunk_size bytes of the record, fewer in the last
//
// The key is part of the checksum, so that a page that ended up in a wrong place is found as well as a flipped bit.
// Pure functions; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "storage/store.hpp"

namespace parvis::storage {

using BodyId = std::uint64_t;
using RecordKey = std::array<std::byte, 8>;
using ChunkKey = std::array<std::byte, 12>;

RecordKey record_key(RecordId id);
RecordId record_of(ByteSpan key);
ChunkKey chunk_key(BodyId body, std::uint32_t number);
BodyId body_of(ByteSpan key);

// Records beyond whole_bytes are cut into chunks. With LMDB's page header and our frame a chunk fills 64 pages exactly.
inline constexpr std::size_t frame_bytes = 6;
inline constexpr std::size_t whole_bytes = 256 * 1024;
inline constexpr std::size_t chunk_bytes = 256 * 1024 - 16 - frame_bytes;

enum class Kind : std::uint8_t { whole = 1, chunked = 2, chunk = 3 };

struct Frame {
  Kind kind;
  ByteSpan payload;  // part of the bytes that were parsed
};
// `out` has frame_bytes + payload.size() bytes.
void write_frame(std::span<std::byte> out, ByteSpan key, Kind kind, ByteSpan payload);
// Nothing: these bytes are not what was written under this key.
std::optional<Frame> read_frame(ByteSpan key, ByteSpan value);

struct ChunkedHead {
  BodyId body = 0;
  std::uint64_t size = 0;
  std::uint32_t chunk_size = 0;

  static constexpr std::size_t bytes = 20;
  [[nodiscard]] std::array<std::byte, bytes> pack() const;
  static std::optional<ChunkedHead> parse(ByteSpan payload);
};

}  // namespace parvis::storage
