#include "storage/lmdb_bodies.hpp"

#include <algorithm>
#include <cstring>

namespace parvis::storage {

std::vector<BodyId> all_bodies(lmdb::Transaction& transaction, lmdb::Table bodies) {
  std::vector<BodyId> found;
  lmdb::Cursor cursor(transaction, bodies);
  for (auto entry = cursor.first(); entry;) {
    found.push_back(body_of(entry->key));
    const ChunkKey beyond = chunk_key(found.back() + 1, 0);
    entry = cursor.find_at_least(beyond);
  }
  return found;
}

BodyId next_body(lmdb::Transaction& transaction, lmdb::Table bodies) {
  lmdb::Cursor cursor(transaction, bodies);
  const auto last = cursor.last();
  return last ? body_of(last->key) + 1 : 1;
}

std::uint32_t write_chunks(lmdb::Transaction& transaction, lmdb::Table bodies, BodyId body, ByteSpan record,
                           std::uint32_t first, std::uint32_t count) {
  lmdb::Cursor cursor(transaction, bodies);
  const auto last = cursor.last();
  const bool at_end = !last || body_of(last->key) <= body;  // what is written ahead lets others pass
  std::uint32_t number = first;
  for (; number < first + count && number * std::uint64_t{chunk_bytes} < record.size(); ++number) {
    const ByteSpan rest = record.subspan(number * std::uint64_t{chunk_bytes});
    const ByteSpan part = rest.first(std::min(rest.size(), chunk_bytes));
    const ChunkKey key = chunk_key(body, number);
    const std::size_t size = frame_bytes + part.size();
    write_frame(at_end ? cursor.append(key, size) : cursor.put(key, size), key, Kind::chunk, part);
  }
  return number;
}

bool read_chunks(lmdb::Transaction& transaction, lmdb::Table bodies, const ChunkedHead& head, std::uint64_t offset,
                 std::span<std::byte> out) {
  while (!out.empty()) {
    const std::uint64_t number = offset / head.chunk_size;
    const std::uint64_t within = offset % head.chunk_size;
    const ChunkKey key = chunk_key(head.body, static_cast<std::uint32_t>(number));
    const auto value = transaction.get(bodies, key);
    const auto frame = value ? read_frame(key, *value) : std::nullopt;
    const std::uint64_t expected = std::min<std::uint64_t>(head.chunk_size, head.size - number * head.chunk_size);
    if (!frame || frame->kind != Kind::chunk || frame->payload.size() != expected) return false;
    const std::size_t part = std::min<std::size_t>(out.size(), expected - within);
    std::memcpy(out.data(), frame->payload.data() + within, part);
    out = out.subspan(part);
    offset += part;
  }
  return true;
}

bool erase_chunks(lmdb::Transaction& transaction, lmdb::Table bodies, BodyId body, std::uint32_t& budget) {
  lmdb::Cursor cursor(transaction, bodies);
  for (; budget > 0; --budget) {
    const auto entry = cursor.find_at_least(chunk_key(body, 0));
    if (!entry || body_of(entry->key) != body) return true;
    cursor.erase();
  }
  return false;
}

}  // namespace parvis::storage
