// Visits the tuples of a space that match any of some templates, each once, in the engine's order (priority, then
// age), by merging the index lists and ranges in which they may stand. Counts what it examines and stops when that is
// too much. Templates with ranges that walk far in vain are told to the index, for the next time.
//
// Single-threaded; valid until the index changes. The matchers outlive it.
#pragma once

#include <array>
#include <boost/container/small_vector.hpp>
#include <cstddef>
#include <memory>
#include <span>

#include "tuplespace/space/index.hpp"
#include "tuplespace/space/spaces.hpp"
#include "tuplespace/space/tuple_table.hpp"

namespace parvis::space {

class Walk {
 public:
  // `fields` is scratch: after next() it holds the fields of the tuple found. `steps_left` is counted down.
  Walk(const TupleTable& tuples, const Space& space, Fields& fields, std::size_t& steps_left)
      : tuples_(tuples), space_(space), fields_(fields), steps_left_(steps_left) {}
  // Twice at most: of what can be taken, and of what can only be seen. Beyond `after` alone.
  void add(const Index& index, std::span<const Matcher> matchers, Order after = 0);
  void add(const IdList& list, std::span<const Matcher> matchers, Order after);  // and of these

  Entry* next();  // null: the end is reached, or the steps are used up
  [[nodiscard]] bool complete() const { return streams_.empty(); }
  [[nodiscard]] Order examined() const { return examined_; }  // everything up to here

 private:
  struct Stream {
    Order order;  // of the tuple it is at
    const Matcher* matcher;
    IdList::Cursor list;
    std::unique_ptr<OrderedSet::Cursor> range{};                                           // null: the list is walked
    friend bool operator<(const Stream& a, const Stream& b) { return a.order > b.order; }  // heaps: greatest first
  };
  struct Source {
    const Index* index;
    std::span<const Matcher> matchers;
  };
  void add(const Matcher& matcher, const IdList& list, Order after);
  void add(const Matcher& matcher, const OrderedSet& set, const KeyRange& keys, Order after);
  bool advance(Stream& stream);
  void advance_first();
  void in_vain();
  void tell_index(bool exhausted) const;

  const TupleTable& tuples_;
  const Space& space_;
  Fields& fields_;
  std::size_t& steps_left_;
  boost::container::small_vector<Stream, 2> streams_;  // a heap
  std::array<Source, 2> sources_{};
  std::size_t in_vain_ = 0;  // examined, and not found
  Order examined_ = 0;
  Order found_ = ~Order{0};
};

}  // namespace parvis::space
