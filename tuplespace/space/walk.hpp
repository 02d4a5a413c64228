// Visits the tuples of a space that match any of some templates, each once, in the engine's order (priority, then
// age), by merging the index lists in which they may stand. Counts what it examines and stops when that is too much.
//
// Single-threaded; valid until the index changes. The matchers outlive it.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "tuplespace/space/index.hpp"
#include "tuplespace/space/spaces.hpp"
#include "tuplespace/space/tuple_table.hpp"

namespace parvis::space {

class Walk {
 public:
  // `fields` is scratch: after next() it holds the fields of the tuple found. `steps_left` is counted down.
  Walk(const TupleTable& tuples, const Space& space, Fields& fields, std::size_t& steps_left)
      : tuples_(tuples), space_(space), fields_(fields), steps_left_(steps_left) {}
  void add(const Index& index, std::span<const Matcher> matchers, Order after = 0);  // beyond `after` alone

  Entry* next();  // null: the end is reached, or the steps are used up
  [[nodiscard]] bool complete() const { return streams_.empty(); }
  [[nodiscard]] Order examined() const { return examined_; }  // everything up to here

 private:
  struct Stream {
    IdList::Cursor at;
    const Matcher* matcher;
    friend bool operator<(const Stream& a, const Stream& b) { return *a.at > *b.at; }  // heaps have the greatest first
  };
  void advance_first();

  const TupleTable& tuples_;
  const Space& space_;
  Fields& fields_;
  std::size_t& steps_left_;
  std::vector<Stream> streams_;  // a heap
  Order examined_ = 0;
  Order found_ = ~Order{0};
};

}  // namespace parvis::space
