// The named spaces. A space that is only waited for exists here and has no record; its first tuple, or an explicit
// make, gives it one. A dropped space loses its name at once and keeps its slot until its tuples are swept.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tuplespace/model/operation.hpp"
#include "tuplespace/space/census.hpp"
#include "tuplespace/space/id_list.hpp"
#include "tuplespace/space/parked.hpp"

namespace parvis::space {

// Why a template is listed: blocked rd and in, and what the guard of a blocked statement wants to be there or not.
enum class Role : std::uint8_t { reader = 0, taker = 1, condition = 2, absence = 3 };

// A shape of templates: which positions are actual. Counted where waiters of that shape are.
struct Shape {
  std::uint16_t actuals = 0;              // bit i: position i
  std::array<std::uint32_t, 4> listed{};  // by role
  [[nodiscard]] std::uint32_t& number(Role role) { return listed[static_cast<std::size_t>(role)]; }
  [[nodiscard]] std::uint32_t number(Role role) const { return listed[static_cast<std::size_t>(role)]; }
};

struct Space {
  std::uint64_t id = 0;    // of its record, and its name in index keys; never reused
  std::uint32_t slot = 0;  // its place in the table; reused
  std::string name;
  Durability durability = Durability::durable;
  bool recorded = false;  // has a record
  bool dropped = false;
  std::uint64_t ready = 0, bytes = 0;               // tuples that can be seen, and their size
  std::uint64_t entries = 0;                        // tuples of any state
  std::uint64_t waiters = 0;                        // blocked operations
  std::uint64_t conditions = 0;                     // and, of the statements among them, templates of every kind
  std::uint64_t changed = 0;                        // the newest batch that changed what can be seen here
  std::vector<Shape> shapes;                        // of the waiters (waiters.hpp)
  Census census;                                    // of the tuples that can be seen
  IdList away;                                      // tuples that cannot: held or delayed
  std::uint64_t held = 0;                           // taken, not yet committed or confirmed
  std::uint64_t used = 0, used_bytes = 0;           // what counts against the quotas (quotas.cpp)
  std::uint64_t quota_tuples = 0, quota_bytes = 0;  // 0: none
  std::set<std::uint64_t> outs, watches;            // parked here, the longest waiting first
  std::unique_ptr<EventLog> log;                    // null: nobody has watched for long
  std::uint64_t next_event = 0;                     // while there is no log: the least number of the next
  bool ends_recording = false;                      // a deadline is set

  [[nodiscard]] bool lasting() const { return durability != Durability::volatile_; }
};

class SpaceTable {
 public:
  [[nodiscard]] Space* find(std::string_view name) const {
    auto found = by_name_.find(name);
    return found == by_name_.end() ? nullptr : found->second;
  }
  [[nodiscard]] Space* with_id(std::uint64_t id) const {
    auto found = by_id_.find(id);
    return found == by_id_.end() ? nullptr : found->second;
  }
  [[nodiscard]] Space& at(std::uint32_t slot) const { return *slots_[slot]; }

  // Null: no dropped space is there (any more).
  [[nodiscard]] Space* dropped_at(std::uint32_t slot) const {
    Space* space = slots_[slot].get();
    return space != nullptr && space->dropped ? space : nullptr;
  }

  Space& make(std::string name, std::uint64_t id, Durability durability) {
    Space& space = add(id);
    space.name = std::move(name);
    space.durability = durability;
    by_name_[space.name] = &space;
    return space;
  }
  // A space whose record is gone while tuples of it remain.
  Space& make_dropped(std::uint64_t id) {
    Space& space = add(id);
    space.dropped = true;
    return space;
  }
  void drop(Space& space) {
    by_name_.erase(space.name);
    space.dropped = true;
  }
  // Frees what nothing refers to any more: a dropped space without tuples, a never recorded one without waiters.
  void release_if_unused(Space& space) {
    if (space.entries != 0 || space.waiters != 0 || (!space.dropped && space.recorded)) return;
    if (!space.dropped) by_name_.erase(space.name);
    free_.push_back(space.slot);
    by_id_.erase(space.id);
    slots_[space.slot].reset();
  }

  [[nodiscard]] const std::map<std::string, Space*, std::less<>>& by_name() const { return by_name_; }
  [[nodiscard]] std::size_t bytes() const { return slots_.size() * (sizeof(Space) + 128); }

 private:
  Space& add(std::uint64_t id) {
    if (free_.empty()) {
      free_.push_back(static_cast<std::uint32_t>(slots_.size()));
      slots_.emplace_back();
    }
    const std::uint32_t slot = free_.back();
    free_.pop_back();
    slots_[slot] = std::make_unique<Space>();
    slots_[slot]->id = id;
    by_id_[id] = slots_[slot].get();
    slots_[slot]->slot = slot;
    return *slots_[slot];
  }

  std::map<std::string, Space*, std::less<>> by_name_;  // ordered: listings are the same in every run
  std::vector<std::unique_ptr<Space>> slots_;
  std::vector<std::uint32_t> free_;
  std::map<std::uint64_t, Space*> by_id_;
};

}  // namespace parvis::space
