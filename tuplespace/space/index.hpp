// Finds the tuples that a template may match. Every ready tuple stands in one list per field (space, position,
// value) and in the list of its arity; a template walks the shortest of the lists it names, so the cost is bounded by
// its rarest actual. An open template without a rare actual walks the lists of all arities it may match. Where a range
// is rarer than all that, and has an ordered index, that is walked instead.
//
// Lists are found by the hash of what they stand for: two may share a list, so whoever walks one compares as well.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "tuplespace/space/id_list.hpp"
#include "tuplespace/space/ordered_indexes.hpp"
#include "tuplespace/space/sharded.hpp"
#include "tuplespace/space/tuple_table.hpp"

namespace parvis::space {

class Index {
 public:
  // `range_steps`: how far a template with a range walks in vain before it has an ordered index made; 0: none are made.
  explicit Index(std::size_t range_steps = 0) : range_steps_(range_steps) {}

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
  // The same for a template with ranges, and beyond `after` alone: visit(list, ordered, keys). Where `ordered` is not
  // null, what it holds stands there under `keys`, and the list is for the others.
  template <class Visit>
  void range_candidates(std::uint64_t space, const Matcher& matcher, Order after, Visit&& visit) const {
    for (const Way& way : ways(space, matcher, after)) visit(*way.list, way.ordered, way.keys);
  }
  [[nodiscard]] bool has_ordered() const { return !ordered_.empty(); }
  [[nodiscard]] std::size_t range_steps() const { return range_steps_; }
  // A template with ranges has walked range_steps() in vain, or, if it is `exhausted`, given up: an ordered index may
  // be made for it, by fill_ordered().
  void walked_in_vain(std::uint64_t space, const Matcher& matcher, bool exhausted) const;
  [[nodiscard]] bool ordering_for(std::uint64_t space, const Matcher& matcher) const;  // there will be one that helps
  [[nodiscard]] bool ordering() const { return ordered_.any_in_the_making(); }
  // Gives `tuples` more to the ordered indexes that are not complete.
  using FieldsOf = std::function<const Fields*(std::uint64_t space, Order order)>;  // null: it is not of this space
  void fill_ordered(std::size_t tuples, const FieldsOf& fields_of);
  void stop_ordering() { ordered_.give_up_unfinished(); }

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
    return lists_.bytes() + memory_.bytes + arities_.size() * (sizeof(Arities) + 16) + ordered_.bytes();
  }
  [[nodiscard]] std::size_t lists() const { return lists_.size(); }
  [[nodiscard]] const OrderedIndexes& ordered() const { return ordered_; }

 private:
  [[nodiscard]] const IdList* list(std::uint64_t key) const {
    const auto* found = lists_.find(key);
    return found == nullptr ? nullptr : &found->second;
  }
  [[nodiscard]] const IdList* arity_list(std::uint64_t space, std::size_t fields) const;
  using Arities = std::bitset<max_fields + 1>;
  struct Shortest {
    const IdList* list = nullptr;      // one list has them all
    const Arities* arities = nullptr;  // or those of all arities from the template's on
  };
  [[nodiscard]] Shortest shortest(std::uint64_t space, const Matcher& matcher) const;
  struct Way {
    const IdList* list;
    const OrderedIndex* ordered = nullptr;
    KeyRange keys{};
  };
  [[nodiscard]] std::vector<Way> ways(std::uint64_t space, const Matcher& matcher, Order after) const;
  static void fill(const OrderedIndexes::Where& where, OrderedIndex& index, const IdList& list, std::size_t& tuples,
                   const FieldsOf& fields_of);
  template <class Visit>
  void for_each_arity(std::uint64_t space, const Matcher& matcher, Visit&& visit) const;
  template <class Visit>
  static void for_each_key(std::uint64_t space, const Fields& fields, Visit&& visit);

  struct Mixed {  // the keys are hashes already
    using is_avalanching = void;
    std::size_t operator()(std::uint64_t key) const { return key; }
  };
  Sharded<boost::unordered_flat_map<std::uint64_t, IdList, Mixed>> lists_;
  boost::unordered_flat_map<std::uint64_t, Arities> arities_;  // by space: which have a list
  IdList::Memory memory_;
  OrderedIndexes ordered_;
  const std::size_t range_steps_;
};

}  // namespace parvis::space
