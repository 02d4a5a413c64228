// The tuples of some spaces by the order of one of their fields, for templates with a Between or Prefix: each ordered
// index is of one space, one number of fields and one position. It costs memory and time for every tuple, so it is made
// only when somebody has walked far in vain, and goes when nobody has asked for long.
//
// It is filled bit by bit in the engine's order, and holds at any time all tuples up to the last that it was given;
// what is put or taken meanwhile among those, it is told at once. Tuples whose field no range matches are in none.
//
// Single-threaded. Nothing here depends on hashes: the same calls make the same indexes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "tuplespace/space/ordered_set.hpp"
#include "tuplespace/space/tuple_table.hpp"

namespace parvis::space {

struct OrderedIndex {
  static constexpr Order everything = ~Order{0};

  std::uint16_t position = 0;
  ByteVector start;  // of the texts it was begun with (sort_key)
  Order upto = 0;    // holds the tuples up to this one
  OrderedSet set;
  mutable std::uint64_t changes_since_use = 0;

  [[nodiscard]] bool complete() const { return upto == everything; }
  // Under which key a tuple stands here; nothing: it does not.
  [[nodiscard]] std::optional<SortKey> key_of(Order order, const Fields& fields) const {
    return order <= upto ? sort_key(fields.values[position], start) : std::nullopt;
  }
};

class OrderedIndexes {
 public:
  using Where = std::pair<std::uint64_t, std::size_t>;  // a space, and the number of fields

  void insert(const Where& where, Order order, const Fields& fields);
  void erase(const Where& where, Order order, const Fields& fields);
  void drop(const Where& where);                                                             // no tuple is left there
  [[nodiscard]] bool contains(const Where& where, Order order, const Fields& fields) const;  // in all where it should
  [[nodiscard]] bool empty() const { return indexes_.empty(); }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  // For tests: in how many a tuple should stand, how many stand in all together, and whether all are as they should be.
  [[nodiscard]] std::size_t places(const Where& where, Order order, const Fields& fields) const;
  [[nodiscard]] std::size_t entries() const;
  [[nodiscard]] bool sound() const;

  // The one for these ranges that has the fewest candidates; `index` is null when there is none.
  struct Choice {
    const OrderedIndex* index = nullptr;
    KeyRange keys{};
    std::size_t candidates = 0;
  };
  [[nodiscard]] Choice best(const Where& where, std::span<const Matcher::Range> ranges) const;

  // Somebody would be helped by an index for one of these. Takes effect by begin_wanted(), so that a look changes
  // nothing.
  void want(const Where& where, std::span<const Matcher::Range> ranges) const;
  [[nodiscard]] bool in_the_making(const Where& where, std::span<const Matcher::Range> ranges) const;
  [[nodiscard]] bool any_in_the_making() const { return unfinished_ != 0 || !wanted_.empty(); }
  // Begins those that are wanted where there(where) says that tuples are.
  template <class There>
  void begin_wanted(There&& there) {
    for (const auto& [where, position] : std::exchange(wanted_, {}))
      if (there(where)) begin(where, position);
  }
  void give_up_unfinished();

  // Calls fill(where, index) for those that are not complete, while it returns true. It sets `upto` and inserts.
  template <class Fill>
  void fill_unfinished(Fill&& fill) {
    for (auto& [where, group] : indexes_) {
      for (auto& index : group) {
        if (index->complete()) continue;
        const std::size_t before = index->set.bytes();
        const bool go_on = fill(where, *index);
        bytes_ += index->set.bytes() - before;
        unfinished_ -= index->complete() ? 1 : 0;
        if (!go_on) return;
      }
    }
  }

 private:
  using Group = std::vector<std::unique_ptr<OrderedIndex>>;
  template <class Change>
  void change(const Where& where, Order order, const Fields& fields, Change&& change);
  [[nodiscard]] const Group* group(const Where& where) const;
  void begin(const Where& where, std::uint16_t position);
  void forget(const OrderedIndex& index);

  std::map<Where, Group> indexes_;
  mutable std::vector<std::pair<Where, std::uint16_t>> wanted_;
  std::size_t unfinished_ = 0, bytes_ = 0;
};

}  // namespace parvis::space
