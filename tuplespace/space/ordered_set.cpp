#include "tuplespace/space/ordered_set.hpp"

#include <algorithm>
#include <array>

namespace parvis::space {

struct OrderedSet::Node {
  std::uint16_t level;  // 0: a leaf
  std::uint16_t size = 0;
};

struct OrderedSet::Leaf : Node {
  static constexpr std::size_t room = 64;
  Leaf() : Node{0} {}
  std::array<Item, room> elements;

  [[nodiscard]] Item first() const { return elements[0]; }
  [[nodiscard]] std::size_t count() const { return size; }
  [[nodiscard]] Order oldest() const {
    Order oldest = elements[0].order;
    for (std::size_t i = 1; i < size; ++i) oldest = std::min(oldest, elements[i].order);
    return oldest;
  }
  // Where it stands, or belongs.
  [[nodiscard]] std::size_t place_of(const Item& item) const {
    return static_cast<std::size_t>(std::lower_bound(elements.begin(), elements.begin() + size, item) -
                                    elements.begin());
  }
};

struct OrderedSet::Branch : Node {
  static constexpr std::size_t room = 32;
  struct Child {
    Item first;
    Order oldest;
    std::size_t count;
    Node* node;
  };
  explicit Branch(std::uint16_t of_level = 1) : Node{of_level} {}
  std::array<Child, room> elements;

  [[nodiscard]] Item first() const { return elements[0].first; }
  [[nodiscard]] std::size_t count() const {
    std::size_t sum = 0;
    for (std::size_t i = 0; i < size; ++i) sum += elements[i].count;
    return sum;
  }
  [[nodiscard]] Order oldest() const {
    Order oldest = elements[0].oldest;
    for (std::size_t i = 1; i < size; ++i) oldest = std::min(oldest, elements[i].oldest);
    return oldest;
  }
  // The child in which it stands, or belongs.
  [[nodiscard]] std::size_t child_of(const Item& item) const {
    const auto after = std::upper_bound(elements.begin(), elements.begin() + size, item,
                                        [](const Item& i, const Child& child) { return i < child.first; });
    return after == elements.begin() ? 0 : static_cast<std::size_t>(after - elements.begin()) - 1;
  }
  static Child about(Node* node) {
    const auto tell = [&](const auto& n) { return Child{n.first(), n.oldest(), n.count(), node}; };
    return node->level == 0 ? tell(static_cast<const Leaf&>(*node)) : tell(static_cast<const Branch&>(*node));
  }
};

template <class Kind>
Kind* OrderedSet::make() {
  static_assert(sizeof(Kind) <= node_bytes);
  ++nodes_;
  return new Kind;
}

void OrderedSet::drop(Node* node) {
  --nodes_;
  node->level == 0 ? delete static_cast<Leaf*>(node) : delete static_cast<Branch*>(node);
}

OrderedSet::~OrderedSet() {
  const auto drop_below = [this](const auto& self, Node* node) -> void {
    if (node->level != 0) {
      auto& branch = static_cast<Branch&>(*node);
      for (std::size_t i = 0; i < branch.size; ++i) self(self, branch.elements[i].node);
    }
    drop(node);
  };
  if (root_ != nullptr) drop_below(drop_below, root_);
}

// Puts it there; a full node is split, and the new one to its right is returned. At either end of the whole tree
// nothing is moved over, so that nodes are full where elements come in order; elsewhere that would leave empty ones.
template <class Kind, class Element>
Kind* OrderedSet::put(Kind& node, std::size_t at, const Element& element, bool last) {
  Kind* right = nullptr;
  Kind* into = &node;
  if (node.size == Kind::room) {
    const std::size_t stay = at == 0 || (last && at == node.size) ? at : node.size / 2u;
    right = make<Kind>();
    right->level = node.level;
    right->size = static_cast<std::uint16_t>(node.size - stay);
    std::copy(node.elements.begin() + stay, node.elements.begin() + node.size, right->elements.begin());
    node.size = static_cast<std::uint16_t>(stay);
    if (at > stay || at == Kind::room) {
      into = right;
      at -= stay;
    }
  }
  const auto begin = into->elements.begin();
  std::move_backward(begin + at, begin + into->size, begin + into->size + 1);
  into->elements[at] = element;
  ++into->size;
  return right;
}

bool OrderedSet::insert(const SortKey& key, Order order) {
  if (root_ == nullptr) root_ = make<Leaf>();
  const auto [done, right] = insert(*root_, {key, order}, true);
  if (done) ++size_;
  if (right != nullptr) {
    auto* root = make<Branch>();
    root->level = static_cast<std::uint16_t>(root_->level + 1);
    root->elements[0] = Branch::about(root_);
    root->elements[1] = Branch::about(right);
    root->size = 2;
    root_ = root;
  }
  return done;
}

OrderedSet::Inserted OrderedSet::insert(Node& node, const Item& item, bool last) {
  if (node.level == 0) {
    auto& leaf = static_cast<Leaf&>(node);
    const std::size_t at = leaf.place_of(item);
    if (at < leaf.size && leaf.elements[at] == item) return {false, nullptr};
    return {true, put(leaf, at, item, last)};
  }
  auto& branch = static_cast<Branch&>(node);
  const std::size_t at = branch.child_of(item);
  Branch::Child& child = branch.elements[at];
  const auto [done, right] = insert(*child.node, item, last && at + 1 == branch.size);
  if (!done) return {false, nullptr};
  if (right != nullptr) {
    child = Branch::about(child.node);
    return {true, put(branch, at + 1, Branch::about(right), last)};
  }
  ++child.count;
  child.first = std::min(child.first, item);
  child.oldest = std::min(child.oldest, item.order);
  return {true, nullptr};
}

bool OrderedSet::erase(const SortKey& key, Order order) {
  if (root_ == nullptr || !erase(*root_, {key, order})) return false;
  --size_;
  if (size_ == 0) drop(std::exchange(root_, nullptr));
  while (root_ != nullptr && root_->level != 0 && root_->size == 1) {
    Node* only = static_cast<Branch*>(root_)->elements[0].node;
    drop(std::exchange(root_, only));
  }
  return true;
}

// May leave the node empty.
bool OrderedSet::erase(Node& node, const Item& item) {
  if (node.level == 0) {
    auto& leaf = static_cast<Leaf&>(node);
    const std::size_t at = leaf.place_of(item);
    if (at == leaf.size || leaf.elements[at] != item) return false;
    std::move(leaf.elements.begin() + at + 1, leaf.elements.begin() + leaf.size, leaf.elements.begin() + at);
    --leaf.size;
    return true;
  }
  auto& branch = static_cast<Branch&>(node);
  const std::size_t at = branch.child_of(item);
  Branch::Child& child = branch.elements[at];
  if (!erase(*child.node, item)) return false;
  if (--child.count == 0) {
    drop(child.node);
    std::move(branch.elements.begin() + at + 1, branch.elements.begin() + branch.size, branch.elements.begin() + at);
    --branch.size;
    return true;
  }
  if (child.oldest == item.order || child.first == item) child = Branch::about(child.node);
  join_if_small(branch, at);
  return true;
}

void OrderedSet::join_if_small(Branch& parent, std::size_t at) {
  const Node& node = *parent.elements[at].node;
  const std::size_t room = node.level == 0 ? Leaf::room : Branch::room;
  if (node.size >= room / 4 || parent.size < 2) return;
  for (const std::size_t right : {at, at + 1}) {  // with either neighbour
    if (right == 0 || right == parent.size) continue;
    const std::size_t left = right - 1;
    if (std::size_t{parent.elements[left].node->size} + parent.elements[right].node->size > room * 3 / 4) continue;
    return node.level == 0 ? join<Leaf>(parent, left) : join<Branch>(parent, left);
  }
}

template <class Kind>
void OrderedSet::join(Branch& parent, std::size_t left) {
  auto& into = static_cast<Kind&>(*parent.elements[left].node);
  auto& from = static_cast<Kind&>(*parent.elements[left + 1].node);
  std::copy(from.elements.begin(), from.elements.begin() + from.size, into.elements.begin() + into.size);
  into.size = static_cast<std::uint16_t>(into.size + from.size);
  drop(&from);
  const auto begin = parent.elements.begin();
  std::move(begin + left + 2, begin + parent.size, begin + left + 1);
  --parent.size;
  parent.elements[left] = Branch::about(&into);
}

bool OrderedSet::contains(const SortKey& key, Order order) const {
  const Item item{key, order};
  const Node* node = root_;
  if (node == nullptr) return false;
  while (node->level != 0) {
    const auto& branch = static_cast<const Branch&>(*node);
    node = branch.elements[branch.child_of(item)].node;
  }
  const auto& leaf = static_cast<const Leaf&>(*node);
  const std::size_t at = leaf.place_of(item);
  return at < leaf.size && leaf.elements[at] == item;
}

std::size_t OrderedSet::rank(const Item& item) const {
  if (root_ == nullptr) return 0;
  std::size_t rank = 0;
  const Node* node = root_;
  while (node->level != 0) {
    const auto& branch = static_cast<const Branch&>(*node);
    const std::size_t at = branch.child_of(item);
    for (std::size_t i = 0; i < at; ++i) rank += branch.elements[i].count;
    node = branch.elements[at].node;
  }
  return rank + static_cast<const Leaf&>(*node).place_of(item);
}

std::size_t OrderedSet::count(const KeyRange& range) const {
  if (range.high < range.low) return 0;
  return rank({range.high, ~Order{0}}) - rank({range.low, 0});
}

bool OrderedSet::sound() const {
  std::size_t nodes = 0, tuples = 0;
  const bool all = root_ == nullptr || sound(*root_, nodes, tuples);
  return all && nodes == nodes_ && tuples == size_;
}

bool OrderedSet::sound(const Node& node, std::size_t& nodes, std::size_t& tuples) {
  ++nodes;
  if (node.size == 0) return false;
  if (node.level == 0) {
    const auto& leaf = static_cast<const Leaf&>(node);
    tuples += leaf.size;
    const auto end = leaf.elements.begin() + leaf.size;
    return std::adjacent_find(leaf.elements.begin(), end, std::greater_equal<>()) == end;
  }
  const auto& branch = static_cast<const Branch&>(node);
  for (std::size_t i = 0; i < branch.size; ++i) {
    const Branch::Child& child = branch.elements[i];
    const Branch::Child is = Branch::about(child.node);
    if (is.first != child.first || is.oldest != child.oldest || is.count != child.count) return false;
    if (child.node->level + 1 != node.level || !sound(*child.node, nodes, tuples)) return false;
    if (i > 0 && child.first <= branch.elements[i - 1].first) return false;
  }
  return true;
}

OrderedSet::Cursor::Cursor(const OrderedSet& set, const KeyRange& range, Order after) : range_(range), after_(after) {
  if (set.root_ == nullptr || range.high < range.low) return;
  open(*set.root_);
  open_nodes();
}

void OrderedSet::Cursor::push(Order order, const Node* node) {
  heap_.push_back({order, node});
  std::push_heap(heap_.begin(), heap_.end());
}

void OrderedSet::Cursor::open(const Node& node) {
  ++opened_;
  const Item low{range_.low, 0};
  if (node.level == 0) {
    const auto& leaf = static_cast<const Leaf&>(node);
    for (std::size_t i = leaf.place_of(low); i < leaf.size && leaf.elements[i].key <= range_.high; ++i)
      if (leaf.elements[i].order > after_) push(leaf.elements[i].order, nullptr);
    return;
  }
  const auto& branch = static_cast<const Branch&>(node);
  for (std::size_t i = branch.child_of(low); i < branch.size && branch.elements[i].first.key <= range_.high; ++i)
    push(branch.elements[i].oldest, branch.elements[i].node);
}

void OrderedSet::Cursor::open_nodes() {
  while (!heap_.empty() && heap_.front().node != nullptr) {
    const Node* node = heap_.front().node;
    std::pop_heap(heap_.begin(), heap_.end());
    heap_.pop_back();
    open(*node);
  }
}

void OrderedSet::Cursor::next() {
  std::pop_heap(heap_.begin(), heap_.end());
  heap_.pop_back();
  open_nodes();
}

}  // namespace parvis::space
