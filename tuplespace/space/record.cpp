// Grammar. Numbers are varints (seven bits a byte, lowest first, the high bit means more); signed ones are zigzagged.
//
//   record    = kind:byte version:byte body
//   meta      1 1  epoch reserved
//   space     2 1  durability:byte name (the rest)
//   tuple     3 1  flags:byte space [priority: flag 1, signed] [attempts: flag 2] [lease until: flag 4]
//                  [not before: flag 8] [owner: flag 16] tuple (the rest, as codec.cpp writes it)
//   session   4 1  secret:16 bytes confirmed count { sequence kind:byte number [count { id }: kind found or claimed] }
//   claim     5 1  session lease:signed count { id }
//   tombstone 6 1  secret:16 bytes until confirmed count { sequence }
//   answer    7 1  branch items items count { id put }             items = count { id attempts size tuple: size bytes }
//   An answer is that of a statement which a session names by kind ran and, as its number, the id of this record.
//   In session and tombstone a sequence is written as its distance from the one before, the first from `confirmed`.
//
// To change a record: give its kind the next version, write only that one, and keep reading every older version here (a
// field that did not exist takes the value that means "as before"). A kind is never reused for something else. Add the
// bytes of the old version to tests/space/record_test.cpp before the change, so that the test keeps reading them.
#include "tuplespace/space/record.hpp"

#include <algorithm>
#include <cstring>

#include "tuplespace/model/codec.hpp"
#include "tuplespace/model/mapped.hpp"
#include "tuplespace/space/record_io.hpp"
#include "tuplespace/space/shared_bytes.hpp"

namespace parvis::space {

namespace {

enum class Kind : std::uint8_t {
  meta = 1,
  space = 2,
  tuple = 3,
  session = 4,
  claim = 5,
  tombstone = 6,
  answer = 7,
  events = 8
};
constexpr std::uint8_t record_version = 1;
enum HeadFlag : std::uint8_t {
  has_priority = 1,
  has_attempts = 2,
  has_lease = 4,
  has_delay = 8,
  has_owner = 16,
  has_group = 32
};
constexpr std::uint8_t has_quotas = 4;  // beside the durability

RecordWriter writer(Kind kind) { return {static_cast<std::uint8_t>(kind), record_version}; }

TupleHead read_head(RecordReader& in) {
  TupleHead head;
  const std::uint8_t flags = in.byte();
  if (flags >= 64) in.fail("unknown flags of a tuple");
  head.space = in.number();
  if (flags & has_priority) head.priority = static_cast<int>(unzigzag(in.number()));
  if (flags & has_attempts) head.attempts = static_cast<std::uint32_t>(in.number());
  if (flags & has_lease) head.lease_until = static_cast<std::int64_t>(in.number());
  if (flags & has_delay) head.not_before = static_cast<std::int64_t>(in.number());
  if (flags & has_owner) head.owner = in.number();
  if (flags & has_group) head.group = in.bytes(in.count(1));
  if (head.priority < min_priority || head.priority > max_priority) in.fail("a priority is out of range");
  return head;
}

RecordWriter write_head(const TupleHead& head) {
  RecordWriter out = writer(Kind::tuple);
  out.byte(static_cast<std::uint8_t>((head.priority != 0 ? has_priority : 0) | (head.attempts != 0 ? has_attempts : 0) |
                                     (head.lease_until != 0 ? has_lease : 0) | (head.not_before != 0 ? has_delay : 0) |
                                     (head.owner != 0 ? has_owner : 0) | (head.group.empty() ? 0 : has_group)));
  out.number(head.space);
  if (head.priority != 0) out.number(zigzag(head.priority));
  if (head.attempts != 0) out.number(head.attempts);
  if (head.lease_until != 0) out.number(static_cast<std::uint64_t>(head.lease_until));
  if (head.not_before != 0) out.number(static_cast<std::uint64_t>(head.not_before));
  if (head.owner != 0) out.number(head.owner);
  if (!head.group.empty()) {
    out.number(head.group.size());
    out.append(head.group);
  }
  return out;
}

Sequence read_next(RecordReader& in, Sequence before) {
  const std::uint64_t step = in.number();
  if (step == 0 || step > ~Sequence{0} - before) in.fail("its operations are not in their order");
  return before + step;
}

SessionRecord read_session(RecordReader& in) {
  SessionRecord record;
  in.read(record.secret.bytes);
  record.confirmed = in.number();
  Sequence sequence = record.confirmed;
  for (std::size_t n = in.count(3); n > 0; --n) {
    sequence = read_next(in, sequence);
    Applied& applied = record.applied[sequence];
    const std::uint8_t kind = in.byte();
    if (kind > static_cast<std::uint8_t>(Applied::Kind::ran)) in.fail("unknown kind of an answer");
    applied.kind = static_cast<Applied::Kind>(kind);
    applied.number = in.number();
    if (!applied.has_tuples()) continue;
    applied.tuples.resize(in.count(1));
    for (TupleId& id : applied.tuples) id = in.number();
  }
  return record;
}

std::vector<Item> read_items(RecordReader& in) {
  std::vector<Item> items(in.count(3));
  for (Item& item : items) {
    item.id = in.number();
    item.attempts = static_cast<std::uint32_t>(in.number());
    item.tuple = Blob::copy(in.bytes(in.number()));
  }
  return items;
}

EventsRecord read_events(RecordReader& in) {
  EventsRecord record;
  record.space = in.number();
  record.first = in.number();
  record.events.resize(in.count(4));
  std::uint64_t number = record.first;
  for (Event& event : record.events) {
    event.number = number++;
    const std::uint8_t kind = in.byte();
    if (kind > static_cast<std::uint8_t>(Event::Kind::updated)) in.fail("unknown kind of an event");
    event.kind = static_cast<Event::Kind>(kind);
    event.item.id = in.number();
    event.item.attempts = static_cast<std::uint32_t>(in.number());
    event.item.tuple = Blob::copy(in.bytes(in.number()));
  }
  return record;
}

Ran read_answer(RecordReader& in) {
  Ran ran;
  ran.branch = static_cast<std::uint32_t>(in.number());
  ran.items = read_items(in);
  ran.updated = read_items(in);
  ran.put.resize(in.count(1));
  for (TupleId& id : ran.put) id = in.number();
  return ran;
}

ClaimRecord read_claim(RecordReader& in) {
  ClaimRecord record;
  record.session = in.number();
  record.lease_us = unzigzag(in.number());
  record.tuples.resize(in.count(1));
  for (TupleId& id : record.tuples) id = in.number();
  return record;
}

TombstoneRecord read_tombstone(RecordReader& in) {
  TombstoneRecord record;
  in.read(record.tombstone.secret.bytes);
  record.until = static_cast<std::int64_t>(in.number());
  Sequence sequence = record.tombstone.confirmed = in.number();
  record.tombstone.applied.resize(in.count(1));
  for (Sequence& s : record.tombstone.applied) s = sequence = read_next(in, sequence);
  return record;
}

SpaceRecord read_space(RecordReader& in) {
  SpaceRecord record;
  const std::uint8_t flags = in.byte(), durability = flags & 3;
  if (flags >= 2 * has_quotas) in.fail("unknown flags of a space");
  if (flags & has_quotas) {
    record.quota_tuples = in.number();
    record.quota_bytes = in.number();
  }
  if (durability > static_cast<std::uint8_t>(Durability::volatile_)) in.fail("unknown durability");
  record.durability = static_cast<Durability>(durability);
  record.name = as_text(in.rest());
  return record;
}

template <class Copy>
TupleBytes allocate(ByteSpan head, std::size_t size, Copy&& copy) {
  std::shared_ptr<std::byte[]> record = shared_bytes(head.size() + size);
  std::memcpy(record.get(), head.data(), head.size());
  copy(record.get() + head.size());
  return {std::move(record), static_cast<std::uint32_t>(head.size() + size), static_cast<std::uint16_t>(head.size())};
}

TupleBytes allocate(ByteSpan head, ByteSpan body) {
  return allocate(head, body.size(), [&](std::byte* to) { std::memcpy(to, body.data(), body.size()); });
}

}  // namespace

Blob encode(const MetaRecord& record) {
  RecordWriter out = writer(Kind::meta);
  out.number(record.epoch);
  out.number(record.reserved);
  return out.blob();
}

Blob encode(const SpaceRecord& record) {
  RecordWriter out = writer(Kind::space);
  const bool quotas = record.quota_tuples != 0 || record.quota_bytes != 0;
  out.byte(static_cast<std::uint8_t>(static_cast<std::uint8_t>(record.durability) | (quotas ? has_quotas : 0)));
  if (quotas) {
    out.number(record.quota_tuples);
    out.number(record.quota_bytes);
  }
  out.append(as_bytes(record.name));
  return out.blob();
}

Blob encode_session(const Secret& secret, Sequence confirmed, const std::map<Sequence, Applied>& applied) {
  RecordWriter out = writer(Kind::session);
  out.append(secret.bytes);
  out.number(confirmed);
  std::size_t count = 0;
  for (const auto& [sequence, a] : applied) count += a.lasting ? 1 : 0;
  out.number(count);
  for (const auto& [sequence, a] : applied) {
    if (!a.lasting) continue;
    out.number(sequence - std::exchange(confirmed, sequence));
    out.byte(static_cast<std::uint8_t>(a.kind));
    out.number(a.number);
    if (!a.has_tuples()) continue;
    out.number(a.tuples.size());
    for (TupleId id : a.tuples) out.number(id);
  }
  return out.blob();
}

Blob encode(const ClaimRecord& record) {
  RecordWriter out = writer(Kind::claim);
  out.number(record.session);
  out.number(zigzag(record.lease_us));
  out.number(record.tuples.size());
  for (TupleId id : record.tuples) out.number(id);
  return out.blob();
}

Blob encode(const EventsRecord& record) {
  RecordWriter out = writer(Kind::events);
  out.number(record.space);
  out.number(record.first);
  out.number(record.events.size());
  for (const Event& event : record.events) {
    out.byte(static_cast<std::uint8_t>(event.kind));
    out.number(event.item.id);
    out.number(event.item.attempts);
    out.number(event.item.tuple.size());
    out.append(event.item.tuple.blob().span());
  }
  return out.blob();
}

Blob encode(const TombstoneRecord& record) {
  RecordWriter out = writer(Kind::tombstone);
  out.append(record.tombstone.secret.bytes);
  out.number(static_cast<std::uint64_t>(record.until));
  Sequence before = record.tombstone.confirmed;
  out.number(before);
  out.number(record.tombstone.applied.size());
  for (Sequence sequence : record.tombstone.applied) out.number(sequence - std::exchange(before, sequence));
  return out.blob();
}

Blob encode(const Ran& record) {
  RecordWriter out = writer(Kind::answer);
  out.number(record.branch);
  for (const auto* items : {&record.items, &record.updated}) {
    out.number(items->size());
    for (const Item& item : *items) {
      out.number(item.id);
      out.number(item.attempts);
      out.number(item.tuple.size());
      out.append(item.tuple.blob().span());
    }
  }
  out.number(record.put.size());
  for (TupleId id : record.put) out.number(id);
  return out.blob();
}

std::uint64_t Applied::kept_bytes() const {
  std::uint64_t bytes = 0;
  if (!ran) return bytes;
  for (const auto* items : {&ran->items, &ran->updated})
    for (const Item& item : *items) bytes += item.tuple.size() + sizeof(Item);
  return bytes;
}

TupleBytes tuple_bytes(const TupleHead& head, ByteSpan body) { return allocate(write_head(head).span(), body); }

// Where there is room in front of a large tuple it stays where it has arrived.
TupleBytes tuple_bytes(const TupleHead& head, const Payload& payload) {
  const RecordWriter writer = write_head(head);
  const ByteSpan written = writer.span();
  const Encoding* encoding = payload.encoding();
  if (encoding == nullptr) {
    const Blob& blob = payload.blob();
    std::byte* front = take_front(blob, written.size());
    if (front == nullptr) return allocate(written, blob.span());
    std::copy(written.begin(), written.end(), front);
    return {{blob.owner(), front},
            static_cast<std::uint32_t>(written.size() + blob.size()),
            static_cast<std::uint16_t>(written.size())};
  }
  return allocate(written, encoding->size(), [&](std::byte* to) {
    std::size_t done = 0;
    auto copy = [&](ByteSpan bytes) { to = std::copy(bytes.begin(), bytes.end(), to); };
    for (const Encoding::Splice& splice : encoding->splices()) {
      copy(encoding->small().subspan(done, splice.at - done));
      copy(splice.bytes.span());
      done = splice.at;
    }
    copy(encoding->small().subspan(done));
  });
}

Record decode(storage::RecordId id, ByteSpan bytes) {
  RecordReader in(id, bytes);
  const auto kind = static_cast<Kind>(in.byte());
  if (in.byte() != record_version) in.fail("it was written by a newer Parvis");
  if (kind == Kind::tuple) {
    TupleRecord record{read_head(in), {}};
    const std::size_t head = in.position();
    try {
      validate_tuple(bytes.subspan(head));
    } catch (const Error&) {
      in.fail("its tuple is damaged");
    }
    record.bytes = allocate(bytes.first(head), bytes.size() - head,
                            [&](std::byte* to) { std::memcpy(to, bytes.data() + head, bytes.size() - head); });
    return record;
  }
  Record record;
  switch (kind) {
    case Kind::meta: record = MetaRecord{in.number(), in.number()}; break;
    case Kind::space: record = read_space(in); break;
    case Kind::session: record = read_session(in); break;
    case Kind::claim: record = read_claim(in); break;
    case Kind::tombstone: record = read_tombstone(in); break;
    case Kind::answer: record = read_answer(in); break;
    case Kind::events: record = read_events(in); break;
    default: in.fail("its kind is unknown");
  }
  in.end();
  return record;
}

TupleHead head_of(storage::RecordId id, const TupleBytes& bytes) {
  RecordReader in(id, ByteSpan(bytes.record.get(), bytes.head).subspan(2));
  return read_head(in);
}

}  // namespace parvis::space
