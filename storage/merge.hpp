// What LMDB holds, with what it does not hold yet in its place.
#pragma once

#include <map>
#include <optional>
#include <utility>

#include "storage/store.hpp"

namespace parvis::storage {

using PendingChanges = std::map<RecordId, std::optional<Blob>>;  // of a record the last; nothing: erased

class Merge final : public Visitor {
 public:
  Merge(Visitor& visitor, PendingChanges pending) : visitor_(visitor), pending_(std::move(pending)) {}

  void record(RecordId id, Blob bytes) override {
    auto next = pending_.begin();
    for (; next != pending_.end() && next->first < id; next = pending_.erase(next)) show(*next);
    if (next == pending_.end() || next->first != id) visitor_.record(id, std::move(bytes));
  }
  void finish() {  // after the last record
    for (const auto& change : pending_) show(change);
  }

 private:
  void show(const PendingChanges::value_type& change) {
    if (change.second) visitor_.record(change.first, *change.second);
  }
  Visitor& visitor_;
  PendingChanges pending_;
};

}  // namespace parvis::storage
