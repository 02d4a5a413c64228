// What a branch of a statement that runs will do: worked out before anything changes, so that an error changes nothing.
// Internal to statements.cpp, bodies.cpp, wakes.cpp and ordering.cpp.
#pragma once

#include <vector>

#include "tuplespace/space/state.hpp"

namespace parvis::space {

struct Engine::State::Deed {
  const Action* action = nullptr;
  Entry* entry = nullptr;  // of update, move and copy; those of one move are deeds of their own
  Blob tuple;              // the new one
};

struct Engine::State::Effects {
  std::uint32_t branch = 0;
  std::vector<Entry*> found;  // of its in and rd conditions, in order
  std::vector<Entry*> taken;  // of its in conditions without an update
  std::vector<Deed> deeds;    // in the order of the actions
  std::uint64_t bytes = 0;    // of tuples made
  std::size_t transfers = 0;  // tuples moved and copied
};

}  // namespace parvis::space
