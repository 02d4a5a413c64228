// Finds the tuples that a template may match. Every ready tuple stands in one list per field (space, position,
// value) and in the list of its arity; a template walks the shortest of the lists it names, so the cost is bounded by
// its rarest actual. An open template without a rare actual walks the lists of all arities it may match.
//
// Lists are found by the hash of what they stand for: two may share a list, so whoever walks one compares as well.
#pragma once

#include <cstddef>
#include <bitset>
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

  // Calls visit(list) for the shortest lists in which together every match of the template stands; a tuple stands in
  // one of them at most.
  template <class Visit>
  void candidates(std::uint64_t space, const Matcher& matcher, Visit&& visit) const {
    const Shortest found = shortest(space, matcher);
    if (found.list != nullptr) return visit(*found.list);
    if (found.arities == nullptr) return;
    for (std::size_t n = matcher.field_count(); n <= max_fields; ++n)
      if (found.arities->test(n)) visit(*arity_list(space, n));
  }
  // False: nothing matches.
  [[nodiscard]] bool has_candidates(std::uint64_t space, const Matcher& matcher) const {
    bool any = false;
    candidates(space, matcher, [&](const IdList&) { any = true; });
    return any;
  }
  // How many tuples of a space stand here.
  [[nodiscard]] std::size_t size(std::uint64_t space) const;

  [[nodiscard]] bool contains(std::uint64_t space, Order order, const Fields& fields) const;  // in all its lists
  [[nodiscard]] std::size_t bytes() const {
    return lists_.bytes() + memory_.bytes + arities_.size() * (sizeof(Arities) + 16);
  }
  [[nodiscard]] std::size_t lists() const { return lists_.size(); }

 private:
  [[nodiscard]] const IdList* list(std::uint64_t key) const {
    const auto* found = lists_.find(key);
    return found == nullptr ? nullptr : &found->second;
  }
  [[nodiscard]] const IdList* arity_list(std::uint64_t space, std::size_t fields) const;
  using Arities = std::bitset<max_fields + 1>;
  struct Shortest {
    const IdList* list = nullptr;         // one list has them all
    const Arities* arities = nullptr;     // or those of all arities from the template's on
  };
  [[nodiscard]] Shortest shortest(std::uint64_t space, const Matcher& matcher) const;
  template <class Visit>
  static void for_each_key(std::uint64_t space, const Fields& fields, Visit&& visit);

  struct Mixed {  // the keys are hashes already
    using is_avalanching = void;
    std::size_t operator()(std::uint64_t key) const { return key; }
  };
  Sharded<boost::unordered_flat_map<std::uint64_t, IdList, Mixed>> lists_;
  boost::unordered_flat_map<std::uint64_t, Arities> arities_;  // by space: which have a list
  IdList::Memory memory_;
};

}  // namespace parvis::space
