#include "tuplespace/space/tuple_table.hpp"

namespace parvis::space {

Entry& TupleTable::add(Entry entry) {
  Entry* place = nullptr;
  if (!free_.empty()) {
    place = free_.back();
    free_.pop_back();
  } else {
    if (used_in_last_slab_ == slab_entries) {
      slabs_.push_back(std::make_unique<Entry[]>(slab_entries));
      used_in_last_slab_ = 0;
    }
    place = &slabs_.back()[used_in_last_slab_++];
  }
  *place = std::move(entry);
  tuple_bytes_ += place->bytes.size;
  by_id_.insert(place->id(), [&](auto& table) { table.emplace(place); });
  return *place;
}

void TupleTable::erase(Entry& entry) {
  tuple_bytes_ -= entry.bytes.size;
  by_id_.erase(entry.id());
  entry = Entry{};
  free_.push_back(&entry);
}

void TupleTable::replace_record(Entry& entry, TupleBytes bytes) {
  tuple_bytes_ += bytes.size;
  tuple_bytes_ -= entry.bytes.size;
  bytes.flags = entry.bytes.flags;
  entry.bytes = std::move(bytes);
}

}  // namespace parvis::space
