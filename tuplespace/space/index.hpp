// Finds the tuples that a template may match. Every ready tuple stands in one list per field (space, position,
// value), in the list of its arity and in the list of its space; a template walks the shortest of the lists it names,
// so the cost is bounded by its rarest actual. Only ready tuples stand here: not those held by a transaction,
// delivered or delayed.
//
// Lists are found by the hash of what they stand for: two may share a list, so whoever walks one compares as well.
#pragma once

#include <cstddef>
#include <cstdint>

#include <boost/unordered/unordered_flat_map.hpp>

#include "tuplespace/space/id_list.hpp"
#include "tuplespace/space/sharded.hpp"
#include "tuplespace/space/tuple_table.hpp"

namespace parvis::space {

class Index {
 public:
  // `fields`: of the tuple with this order, split and hashed.
  void insert(std::uint64_t space, Order order, const Fields& fields);
  void erase(std::uint64_t space, Order order, const Fields& fields);

  // The shortest list in which every match of the template stands; null: nothing matches.
  [[nodiscard]] const IdList* candidates(std::uint64_t space, const Matcher& matcher) const;

  [[nodiscard]] bool contains(std::uint64_t space, Order order, const Fields& fields) const;  // in all its lists
  [[nodiscard]] std::size_t bytes() const { return lists_.bytes() + memory_.bytes; }
  [[nodiscard]] std::size_t lists() const { return lists_.size(); }

 private:
  [[nodiscard]] const IdList* list(std::uint64_t key) const {
    const auto* found = lists_.find(key);
    return found == nullptr ? nullptr : &found->second;
  }
  template <class Visit>
  static void for_each_key(std::uint64_t space, const Fields& fields, Visit&& visit);

  struct Mixed {  // the keys are hashes already
    using is_avalanching = void;
    std::size_t operator()(std::uint64_t key) const { return key; }
  };
  Sharded<boost::unordered_flat_map<std::uint64_t, IdList, Mixed>> lists_;
  IdList::Memory memory_;
};

}  // namespace parvis::space
