#include "storage/record.hpp"

#include <cstring>

#include "storage/crc32c.hpp"
#include "storage/little.hpp"

namespace parvis::storage {
namespace {

constexpr std::byte version{1};
constexpr std::size_t checksum_at = 2;

template <class Unsigned>
void put_big(std::byte* out, Unsigned value) {
  for (std::size_t i = sizeof value; i-- > 0; value = static_cast<Unsigned>(value >> 8)) {
    out[i] = static_cast<std::byte>(value & 0xff);
  }
}
template <class Unsigned>
Unsigned get_big(const std::byte* in) {
  Unsigned value = 0;
  for (std::size_t i = 0; i < sizeof value; ++i)
    value = static_cast<Unsigned>(value << 8 | std::to_integer<int>(in[i]));
  return value;
}
std::uint32_t checksum_of(ByteSpan key, ByteSpan version_and_kind, ByteSpan payload) {
  return crc32c(payload, crc32c(version_and_kind, crc32c(key)));
}

}  // namespace

RecordKey record_key(RecordId id) {
  RecordKey key;
  put_big(key.data(), id);
  return key;
}
RecordId record_of(ByteSpan key) { return get_big<RecordId>(key.data()); }

ChunkKey chunk_key(BodyId body, std::uint32_t number) {
  ChunkKey key;
  put_big(key.data(), body);
  put_big(key.data() + sizeof body, number);
  return key;
}
BodyId body_of(ByteSpan key) { return get_big<BodyId>(key.data()); }

void write_frame(std::span<std::byte> out, ByteSpan key, Kind kind, ByteSpan payload) {
  out[0] = version;
  out[1] = static_cast<std::byte>(kind);
  put_little(out.data() + checksum_at, checksum_of(key, out.first(checksum_at), payload));
  if (!payload.empty()) std::memcpy(out.data() + frame_bytes, payload.data(), payload.size());
}

std::optional<Frame> read_frame(ByteSpan key, ByteSpan value) {
  if (value.size() < frame_bytes || value[0] != version) return {};
  const auto kind = static_cast<Kind>(value[1]);
  const ByteSpan payload = value.subspan(frame_bytes);
  const auto expected = get_little<std::uint32_t>(value.data() + checksum_at);
  if (checksum_of(key, value.first(checksum_at), payload) != expected) return {};
  if (kind != Kind::whole && kind != Kind::chunked && kind != Kind::chunk) return {};
  return Frame{kind, payload};
}

std::array<std::byte, ChunkedHead::bytes> ChunkedHead::pack() const {
  std::array<std::byte, bytes> out;
  put_little(out.data(), body);
  put_little(out.data() + 8, size);
  put_little(out.data() + 16, chunk_size);
  return out;
}

std::optional<ChunkedHead> ChunkedHead::parse(ByteSpan payload) {
  if (payload.size() != bytes) return {};
  ChunkedHead head{get_little<BodyId>(payload.data()), get_little<std::uint64_t>(payload.data() + 8),
                   get_little<std::uint32_t>(payload.data() + 16)};
  if (head.chunk_size == 0) return {};
  return head;
}

}  // namespace parvis::storage
