// What the engine writes to the store: eight kinds of records in one sequence of ids. The grammar stands in record.cpp.
// Everything decoded here was written here, yet it is bounds-checked: a record that cannot be read is reported by its
// id as Error{storage_error}.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "storage/store.hpp"
#include "tuplespace/model/operation.hpp"
#include "tuplespace/space/engine.hpp"

namespace parvis::space {

inline constexpr storage::RecordId meta_record = 1;
inline constexpr std::uint64_t first_id = 16;  // of spaces, tuples, sessions and transactions, which share one sequence

inline constexpr std::uint64_t id_block = 1 << 16;  // ids reserved by one writing of the meta record

struct MetaRecord {
  std::uint64_t epoch = 0;            // how often the space was started
  std::uint64_t reserved = first_id;  // ids below may have been given away
};
struct SpaceRecord {
  Durability durability = Durability::durable;
  std::string name;
  std::uint64_t quota_tuples = 0, quota_bytes = 0;
};
struct TupleHead {
  std::uint64_t space = 0;  // id of its record
  int priority = 0;
  std::uint32_t attempts = 0;
  std::int64_t lease_until = 0;  // wall clock, microseconds since 1970; 0: none
  std::int64_t not_before = 0;   // likewise
  SessionId owner = 0;           // 0: nobody
  ByteSpan group{};              // the key's encoding, inside the bytes that were read; empty: none
};
// The record of a tuple, and where in it the tuple begins.
struct TupleBytes {
  std::shared_ptr<const std::byte[]> record;
  std::uint32_t size = 0;
  std::uint16_t head = 0;
  std::uint8_t flags = 0;  // Entry's own
  [[nodiscard]] ByteSpan tuple() const { return {record.get() + head, size - head}; }
  [[nodiscard]] Blob tuple_blob() const { return {std::shared_ptr<const void>(record, record.get()), tuple()}; }
  [[nodiscard]] Blob record_blob() const {
    return {std::shared_ptr<const void>(record, record.get()), ByteSpan(record.get(), size)};
  }
};
// What an operation is answered when it comes again.
struct Applied {
  // claimed: found, and began the transaction `number`. ran: of a statement; what it took is in the answer alone.
  // Failures are never written: with the process that gave them their answers are gone, too.
  enum class Kind : std::uint8_t { done = 0, found = 1, listing = 2, claimed = 3, ran = 4, failed = 255 };
  [[nodiscard]] bool has_tuples() const { return kind == Kind::found || kind == Kind::claimed; }
  Kind kind = Kind::done;
  bool lasting = true;  // false: touched volatile spaces only, and is forgotten with them
  // Of Done; of Found the transaction (0: delivered, held until confirmed); of a lasting Ran the record that has it.
  std::uint64_t number = 0;
  std::vector<TupleId> tuples{};  // of Found
  std::shared_ptr<const Failed> failure{};
  std::shared_ptr<const Ran> ran{};
  std::uint64_t after = 0;  // the batch that the answer waits for

  // What it counts in unconfirmed_per_session, and in memory beside the tuples of the table.
  [[nodiscard]] std::size_t weight() const {
    return 1 + tuples.size() + (ran ? ran->items.size() + ran->updated.size() : 0);
  }
  [[nodiscard]] std::uint64_t kept_bytes() const;
};
struct SessionRecord {
  Secret secret;
  Sequence confirmed = 0;
  std::map<Sequence, Applied> applied;
};
struct ClaimRecord {
  SessionId session = 0;
  std::int64_t lease_us = -1;
  std::vector<TupleId> tuples;
};
struct EventsRecord {  // of one space and batch
  std::uint64_t space = 0;
  std::uint64_t first = 0;  // number of the first of them, or of the one to come
  std::vector<Event> events;
};
struct TombstoneRecord {
  Engine::Tombstone tombstone;
  std::int64_t until = 0;  // wall clock
};

Blob encode(const MetaRecord& record);
Blob encode(const SpaceRecord& record);
Blob encode_session(const Secret& secret, Sequence confirmed,
                    const std::map<Sequence, Applied>& applied);  // the lasting ones
Blob encode(const ClaimRecord& record);
Blob encode(const TombstoneRecord& record);
Blob encode(const Ran& record);  // an answer by itself: that of a session is written often
Blob encode(const EventsRecord& record);
TupleBytes tuple_bytes(const TupleHead& head, const Payload& tuple);
TupleBytes tuple_bytes(const TupleHead& head, ByteSpan tuple);

struct TupleRecord {
  TupleHead head;
  TupleBytes bytes;  // copied: a store may hand out a window of something larger
};
using Record =
    std::variant<MetaRecord, SpaceRecord, TupleRecord, SessionRecord, ClaimRecord, TombstoneRecord, Ran, EventsRecord>;
Record decode(storage::RecordId id, ByteSpan bytes);
TupleHead head_of(storage::RecordId id, const TupleBytes& bytes);

}  // namespace parvis::space
