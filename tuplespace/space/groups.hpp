// An exclusive group: its tuples are handed out one at a time, the oldest first. One of them, the head, stands where
// takes look; the others wait behind it, where only reads look. While one is held, there is no head.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "tuplespace/space/id_list.hpp"
#include "tuplespace/space/tuple_table.hpp"

namespace parvis::space {

struct Group {
  IdList members;          // ids of those that can be seen, held ones not among them
  std::uint32_t held = 0;  // at most 1
  TupleId head = 0;        // may be taken; 0: none
  bool changed = false;    // the head is to be chosen anew

  [[nodiscard]] TupleId first() const { return held != 0 || members.empty() ? 0 : *IdList::Cursor(members); }
};

// By id of the space and key.
using GroupName = std::pair<std::uint64_t, std::string>;
using Groups = std::map<GroupName, Group>;

}  // namespace parvis::space
