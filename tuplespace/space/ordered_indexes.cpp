#include "tuplespace/space/ordered_indexes.hpp"

#include <algorithm>

namespace parvis::space {

namespace {
constexpr std::size_t most_in_a_group = 8;  // ordered indexes of one space and one number of fields
constexpr std::size_t most_wanted = 64;     // at a time; whoever walks in vain again asks again

// An index goes when it has cost about as much as it would to make it anew, and helped nobody meanwhile.
bool is_idle(const OrderedIndex& index) { return index.changes_since_use > 10'000 + 4 * index.set.size(); }

const OrderedIndex* at_position(const auto& group, std::uint16_t position) {
  const auto found = std::find_if(group.begin(), group.end(), [&](auto& index) { return index->position == position; });
  return found == group.end() ? nullptr : found->get();
}
}  // namespace

const OrderedIndexes::Group* OrderedIndexes::group(const Where& where) const {
  const auto found = indexes_.find(where);
  return found == indexes_.end() ? nullptr : &found->second;
}

void OrderedIndexes::forget(const OrderedIndex& index) {
  bytes_ -= sizeof index + index.set.bytes();
  unfinished_ -= index.complete() ? 0 : 1;
}

template <class Change>
void OrderedIndexes::change(const Where& where, Order order, const Fields& fields, Change&& change) {
  const auto found = indexes_.find(where);
  if (found == indexes_.end()) return;
  bool idle = false;
  for (auto& index : found->second) {
    ++index->changes_since_use;
    idle = idle || is_idle(*index);
    const auto key = index->key_of(order, fields);
    if (!key) continue;
    bytes_ -= index->set.bytes();
    change(index->set, *key);
    bytes_ += index->set.bytes();
  }
  if (!idle) return;
  std::erase_if(found->second, [&](const auto& index) {
    const bool gone = is_idle(*index);
    if (gone) forget(*index);
    return gone;
  });
  if (found->second.empty()) indexes_.erase(found);
}

void OrderedIndexes::insert(const Where& where, Order order, const Fields& fields) {
  change(where, order, fields, [&](OrderedSet& set, const SortKey& key) { set.insert(key, order); });
}

void OrderedIndexes::erase(const Where& where, Order order, const Fields& fields) {
  change(where, order, fields, [&](OrderedSet& set, const SortKey& key) { set.erase(key, order); });
}

void OrderedIndexes::drop(const Where& where) {
  const auto found = indexes_.find(where);
  if (found == indexes_.end()) return;
  for (const auto& index : found->second) forget(*index);
  indexes_.erase(found);
}

bool OrderedIndexes::contains(const Where& where, Order order, const Fields& fields) const {
  const Group* indexes = group(where);
  return indexes == nullptr || std::all_of(indexes->begin(), indexes->end(), [&](const auto& index) {
           const auto key = index->key_of(order, fields);
           return !key || index->set.contains(*key, order);
         });
}

std::size_t OrderedIndexes::places(const Where& where, Order order, const Fields& fields) const {
  const Group* indexes = group(where);
  if (indexes == nullptr) return 0;
  return static_cast<std::size_t>(std::count_if(
      indexes->begin(), indexes->end(), [&](const auto& index) { return index->key_of(order, fields).has_value(); }));
}

bool OrderedIndexes::sound() const {
  std::size_t unfinished = 0, bytes = 0;
  bool all = true;
  for (const auto& [where, group] : indexes_) {
    all = all && !group.empty();
    for (const auto& index : group) {
      all = all && index->set.sound();
      unfinished += index->complete() ? 0 : 1;
      bytes += sizeof *index + index->set.bytes();
    }
  }
  return all && unfinished == unfinished_ && bytes == bytes_;
}

std::size_t OrderedIndexes::entries() const {
  std::size_t sum = 0;
  for (const auto& [where, group] : indexes_)
    for (const auto& index : group) sum += index->set.size();
  return sum;
}

OrderedIndexes::Choice OrderedIndexes::best(const Where& where, std::span<const Matcher::Range> ranges) const {
  Choice best;
  const Group* indexes = group(where);
  if (indexes == nullptr) return best;
  for (const Matcher::Range& range : ranges) {
    const OrderedIndex* index = at_position(*indexes, range.position);
    if (index == nullptr) continue;
    const KeyRange keys = key_range(range.pattern, index->start);
    const std::size_t candidates = index->set.count(keys);
    const bool further = best.index == nullptr || index->upto > best.index->upto;
    const bool better = best.index != nullptr && index->upto == best.index->upto && candidates < best.candidates;
    if (further || better) best = {index, keys, candidates};
  }
  return best;
}

void OrderedIndexes::want(const Where& where, std::span<const Matcher::Range> ranges) const {
  if (wanted_.size() == most_wanted || in_the_making(where, ranges)) return;
  const Group* indexes = group(where);
  if (indexes != nullptr && indexes->size() == most_in_a_group) return;
  for (const Matcher::Range& range : ranges) {
    if (indexes != nullptr && at_position(*indexes, range.position) != nullptr) continue;
    wanted_.emplace_back(where, range.position);
    return;
  }
}

bool OrderedIndexes::in_the_making(const Where& where, std::span<const Matcher::Range> ranges) const {
  const Group* indexes = group(where);
  return std::any_of(ranges.begin(), ranges.end(), [&](const Matcher::Range& range) {
    if (std::find(wanted_.begin(), wanted_.end(), std::pair(where, range.position)) != wanted_.end()) return true;
    const OrderedIndex* index = indexes == nullptr ? nullptr : at_position(*indexes, range.position);
    return index != nullptr && !index->complete();
  });
}

void OrderedIndexes::begin(const Where& where, std::uint16_t position) {
  Group& indexes = indexes_[where];
  if (indexes.size() == most_in_a_group) return;
  auto& index = indexes.emplace_back(std::make_unique<OrderedIndex>());
  index->position = position;
  bytes_ += sizeof *index;
  ++unfinished_;
}

void OrderedIndexes::give_up_unfinished() {
  wanted_.clear();
  for (auto& [where, group] : indexes_) {
    std::erase_if(group, [&](const auto& index) {
      const bool gone = !index->complete();
      if (gone) forget(*index);
      return gone;
    });
  }
  std::erase_if(indexes_, [](const auto& entry) { return entry.second.empty(); });
}

}  // namespace parvis::space
