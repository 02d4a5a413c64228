// Operations that are blocked, but not for a matching tuple: an out that waits for room below a quota, a watch that
// waits for an event, and what is to be applied again: a look that waits for the ordered index of its range, an out
// whose large tuples are on their way to the disk. Plain data; quotas.cpp, watch.cpp, ordering.cpp and ahead.cpp have
// the rules.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tuplespace/model/match.hpp"
#include "tuplespace/space/engine.hpp"
#include "tuplespace/space/record.hpp"

namespace parvis::space {

struct Space;

struct Parked {
  std::uint64_t id = 0;  // ascending: the longest waiting first
  SessionId session = 0;
  Sequence sequence = 0;
  Space* space = nullptr;  // null: to be applied again
  Time since{};
  std::size_t bytes = 0;           // in memory
  Out out;                         // with payloads of its own; without a tuple: a watch
  std::vector<Matcher> templates;  // of a watch, as the rest
  std::uint8_t kinds = 0;
  std::uint32_t max = 0;
  std::uint64_t from = 0;                  // the next event to look at
  std::shared_ptr<const Operation> again;  // with payloads of its own, to be applied again
  unsigned looks = 0;                      // how often it was, of a look
  std::vector<TupleBytes> ahead;           // of an out: its large tuples as they will stand in the store, or nothing
  [[nodiscard]] bool is_again() const { return again != nullptr; }
  [[nodiscard]] bool is_look() const { return is_again() && ahead.empty(); }
  [[nodiscard]] bool is_watch() const { return !is_again() && out.tuples.empty(); }
  [[nodiscard]] const std::string& space_name() const;
};
using ParkedTable = std::map<std::uint64_t, Parked>;

// The events of a space that are kept: numbers `first` .. `next` - 1.
struct EventLog {
  std::deque<Event> events;
  std::uint64_t first = 0, next = 0;
  std::size_t bytes = 0;
  std::size_t unwritten = 0;  // of the newest: not in a record yet
  bool announced = false;     // somebody may have to be told, or something to be written
  bool started = false;       // recording has begun in this batch
  Time watched_until{};       // nobody asks until then: recording ends
  std::deque<std::pair<std::uint64_t, std::uint64_t>> records;  // their ids, and the number behind their last event
};

}  // namespace parvis::space
