// Records too large for one entry: their chunks in the table of bodies (format: record.hpp). Chunks are written before
// the record that refers to them and erased after it, so a body without a record is an orphan and harmless; recovery
// finds it.
//
// Functions over an open transaction, any thread. Throw lmdb::Failure; damage is reported by the return value.
#pragma once

#include <span>
#include <vector>

#include "storage/lmdb.hpp"
#include "storage/record.hpp"

namespace parvis::storage {

std::vector<BodyId> all_bodies(lmdb::Transaction& transaction, lmdb::Table bodies);
// One more than the greatest in use; new bodies are appended.
BodyId next_body(lmdb::Transaction& transaction, lmdb::Table bodies);

// Chunks number `first` and on, at most `count`; returns the number of the next, which may be beyond the last.
std::uint32_t write_chunks(lmdb::Transaction& transaction, lmdb::Table bodies, BodyId body, ByteSpan record,
                           std::uint32_t first, std::uint32_t count);
// Fills `out` with the bytes from `offset`, which must lie within the record. False: a chunk is missing or damaged.
bool read_chunks(lmdb::Transaction& transaction, lmdb::Table bodies, const ChunkedHead& head, std::uint64_t offset,
                 std::span<std::byte> out);
// Erases chunks until none is left or `budget` is used up; returns whether none is left.
bool erase_chunks(lmdb::Transaction& transaction, lmdb::Table bodies, BodyId body, std::uint32_t& budget);

}  // namespace parvis::storage
