#include "tuplespace/space/tuple_table.hpp"

namespace parvis::space {

Entry& TupleTable::add(Entry entry) {
  if (free_.empty()) {
    slabs_.push_back(std::make_unique<Entry[]>(slab_entries));
    free_.reserve(slabs_.size() * slab_entries);
    for (std::size_t i = slab_entries; i-- > 0;) free_.push_back(&slabs_.back()[i]);
  }
  Entry* place = free_.back();
  free_.pop_back();
  *place = std::move(entry);
  tuple_bytes_ += place->bytes.size;
  by_id_[place->id()] = place;
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
