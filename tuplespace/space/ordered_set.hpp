// Tuples (their Orders) by the SortKey of one of their fields, as a B+ tree in which each branch knows the number of
// tuples below it and the first of them in the engine's order. So those of a range of keys can be walked in that order,
// at O(log n) for each: who comes first in a range is found without looking at the others.
//
// Nodes are full where keys come in order and half full at least, but for those that have shrunk: 25 to 52 bytes a
// tuple.
// Single-threaded. A Cursor is valid until the set changes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "tuplespace/model/sort_key.hpp"
#include "tuplespace/space/order.hpp"

namespace parvis::space {

class OrderedSet {
 public:
  OrderedSet() = default;
  OrderedSet(const OrderedSet&) = delete;
  OrderedSet& operator=(const OrderedSet&) = delete;
  ~OrderedSet();

  bool insert(const SortKey& key, Order order);  // false: it was there
  bool erase(const SortKey& key, Order order);   // false: it was not there
  [[nodiscard]] bool contains(const SortKey& key, Order order) const;
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t count(const KeyRange& range) const;
  [[nodiscard]] std::size_t bytes() const { return nodes_ * node_bytes; }
  [[nodiscard]] bool sound() const;  // for tests: all that is said above is so

 private:
  struct Node;
  struct Leaf;
  struct Branch;

 public:
  // Walks the tuples in a range of keys by their order.
  class Cursor {
   public:
    Cursor(const OrderedSet& set, const KeyRange& range, Order after = 0);  // at the first beyond `after`
    explicit operator bool() const { return !heap_.empty(); }
    Order operator*() const { return heap_.front().order; }
    void next();
    // How many nodes have been opened since this was asked before: each costs as much as some steps along a list.
    std::size_t opened() { return std::exchange(opened_, 0); }

   private:
    struct Place {
      Order order;       // of a tuple; of a node, at most that of all its tuples
      const Node* node;  // null: a tuple
      friend bool operator<(const Place& a, const Place& b) { return a.order > b.order; }  // heaps: greatest first
    };
    void push(Order order, const Node* node);
    void open(const Node& node);
    void open_nodes();  // until a tuple is first

    const KeyRange range_;
    const Order after_;
    std::vector<Place> heap_;
    std::size_t opened_ = 0;
  };

 private:
  struct Item {
    SortKey key;
    Order order;
    friend auto operator<=>(const Item&, const Item&) = default;
  };
  struct Inserted {
    bool done;
    Node* right;  // the other half of a node that was full; null: there was room
  };
  static constexpr std::size_t node_bytes = 1560;

  template <class Kind>
  Kind* make();
  void drop(Node* node);
  template <class Kind, class Element>
  Kind* put(Kind& node, std::size_t at, const Element& element, bool last);
  Inserted insert(Node& node, const Item& item, bool last);  // last: none is greater than its items
  bool erase(Node& node, const Item& item);
  template <class Kind>
  void join(Branch& parent, std::size_t left);
  void join_if_small(Branch& parent, std::size_t at);
  [[nodiscard]] std::size_t rank(const Item& item) const;  // how many are less
  [[nodiscard]] static bool sound(const Node& node, std::size_t& nodes, std::size_t& tuples);

  Node* root_ = nullptr;
  std::size_t size_ = 0, nodes_ = 0;
};

}  // namespace parvis::space
