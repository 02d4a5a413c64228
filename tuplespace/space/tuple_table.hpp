// Every tuple the engine knows, by id: those that stand in the index, and those that are held, delayed or on their
// way out.
//
// A tuple is kept as its record, one allocation shared by the table, the batch that writes it and every reply that
// carries it. What is needed rarely (lease, owner, delay) stays inside the record. Entries come from slabs.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include <boost/unordered/unordered_flat_set.hpp>

#include "tuplespace/model/match.hpp"
#include "tuplespace/space/order.hpp"
#include "tuplespace/space/record.hpp"
#include "tuplespace/space/sharded.hpp"

namespace parvis::space {

struct Entry {
  enum Flag : std::uint8_t {
    ready = 1,     // stands in the index
    leased = 2,    // its record carries a lease
    owned = 4,     // its record names the session it vanishes with
    delayed = 8,   // waits for its time
    grouped = 16,  // its record names an exclusive group
    behind = 32,   // can be seen, but not taken before others of its group: stands in the other index
  };

  TupleBytes bytes;  // record and where the tuple begins in it
  Order order = 0;
  std::uint64_t holder = 0;  // transaction, or session it was delivered to; 0: nobody
  std::uint32_t space = 0;   // slot of its space
  std::uint32_t attempts = 0;
  [[nodiscard]] TupleId id() const { return id_of(order); }
  [[nodiscard]] bool can_be_seen() const { return (bytes.flags & (ready | behind)) != 0; }
  [[nodiscard]] bool is(Flag flag) const { return (bytes.flags & flag) != 0; }
  void set(Flag flag, bool on) {
    bytes.flags = static_cast<std::uint8_t>(on ? bytes.flags | flag : bytes.flags & ~flag);
  }
};
static_assert(sizeof(Entry) <= 48, "a million tuples feel every byte of this");

// Positions beyond these stand in no index: a template that names only such fields walks the list of its arity.
inline constexpr std::size_t indexed_positions = 16;

// A tuple taken apart for matching: its fields, and the hashes of those that are indexed.
struct Fields {
  std::vector<ByteSpan> values;
  std::array<std::uint64_t, indexed_positions> hashes{};

  void split(ByteSpan tuple) { split_tuple(tuple, values); }
  void split_and_hash(ByteSpan tuple) {
    split(tuple);
    for (std::size_t i = 0; i < indexed(); ++i) hashes[i] = hash_value(values[i]);
  }
  [[nodiscard]] std::size_t indexed() const { return std::min(values.size(), indexed_positions); }
};

class TupleTable {
 public:
  [[nodiscard]] Entry* find(TupleId id) const {
    const auto* found = by_id_.find(id);
    return found == nullptr ? nullptr : *found;
  }
  Entry& add(Entry entry);
  void erase(Entry& entry);
  void replace_record(Entry& entry, TupleBytes bytes);  // flags that the record does not know are kept

  [[nodiscard]] std::size_t size() const { return by_id_.size(); }
  [[nodiscard]] std::uint64_t tuple_bytes() const { return tuple_bytes_; }
  [[nodiscard]] std::uint64_t bytes() const {  // all in all
    return tuple_bytes_ + by_id_.size() * (sizeof(Entry) + overhead_bytes) + by_id_.bytes();
  }
  // In no order that anything may depend on.
  template <class Visit>
  void for_each(Visit&& visit) const {
    by_id_.for_each([&](Entry* entry) { visit(*entry); });
  }

 private:
  static constexpr std::size_t slab_entries = 512;
  static constexpr std::size_t overhead_bytes = 32;  // of the allocation that holds a record

  // A set, not a map: the entry knows its id.
  struct ById {
    using is_avalanching = void;
    using is_transparent = void;
    // Four ids in a row have their places side by side: who looks for one has the next in the cache.
    std::size_t operator()(TupleId id) const { return mixed_bits(id >> 2) ^ (id & 3) * 0x55; }
    std::size_t operator()(const Entry* entry) const { return (*this)(entry->id()); }
  };
  struct SameId {
    using is_transparent = void;
    bool operator()(const Entry* a, const Entry* b) const { return a == b; }
    bool operator()(TupleId a, const Entry* b) const { return a == b->id(); }
    bool operator()(const Entry* a, TupleId b) const { return a->id() == b; }
  };

  Sharded<boost::unordered_flat_set<Entry*, ById, SameId>> by_id_;
  std::vector<std::unique_ptr<Entry[]>> slabs_;
  std::size_t used_in_last_slab_ = slab_entries;
  std::vector<Entry*> free_;
  std::uint64_t tuple_bytes_ = 0;
};

}  // namespace parvis::space
