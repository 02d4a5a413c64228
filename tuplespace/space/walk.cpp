#include "tuplespace/space/walk.hpp"

#include <algorithm>

namespace parvis::space {

namespace {
constexpr std::size_t steps_of_a_node = 4;  // what it costs to open one of an ordered index
}  // namespace

void Walk::add(const Index& index, std::span<const Matcher> matchers, Order after) {
  sources_[sources_[0].index == nullptr ? 0 : 1] = {&index, matchers};
  for (const Matcher& matcher : matchers) {
    if (!matcher.has_ranges() || !index.has_ordered()) {
      index.candidates(space_.id, matcher, [&](const IdList& list) { add(matcher, list, after); });
      continue;
    }
    const auto visit = [&](const IdList& list, const OrderedIndex* ordered, const KeyRange& keys) {
      if (ordered != nullptr) add(matcher, ordered->set, keys, after);
      if (ordered == nullptr || !ordered->complete())
        add(matcher, list, ordered == nullptr ? after : std::max(after, ordered->upto));
    };
    index.range_candidates(space_.id, matcher, after, visit);
  }
  std::make_heap(streams_.begin(), streams_.end());
}

void Walk::add(const IdList& list, std::span<const Matcher> matchers, Order after) {
  for (const Matcher& matcher : matchers) add(matcher, list, after);
  std::make_heap(streams_.begin(), streams_.end());
}

void Walk::add(const Matcher& matcher, const IdList& list, Order after) {
  const IdList::Cursor at(list, after);
  if (at) streams_.push_back({*at, &matcher, at});
}

void Walk::add(const Matcher& matcher, const OrderedSet& set, const KeyRange& keys, Order after) {
  auto range = std::make_unique<OrderedSet::Cursor>(set, keys, after);
  range->opened();  // the way to the first is free: so a page of a scan always gets on
  if (*range) streams_.push_back({**range, &matcher, IdList::Cursor(), std::move(range)});
}

Entry* Walk::next() {
  while (!streams_.empty()) {
    const Order order = streams_.front().order;
    if (order != found_) {  // else another template has found it already
      if (steps_left_ == 0) {
        tell_index(true);
        return nullptr;
      }
      --steps_left_;
      examined_ = order;
      Entry& entry = *tuples_.find(id_of(order));
      fields_.split(entry.bytes.tuple());
      const bool found = entry.space == space_.slot && streams_.front().matcher->matches(fields_.values);
      advance_first();
      if (!found) {
        in_vain();
        continue;
      }
      found_ = order;
      return &entry;
    }
    advance_first();
  }
  return nullptr;
}

// False: the end is reached.
bool Walk::advance(Stream& stream) {
  if (stream.range == nullptr) {
    stream.list.next();
    if (stream.list) stream.order = *stream.list;
    return static_cast<bool>(stream.list);
  }
  stream.range->next();
  steps_left_ -= std::min(steps_left_, stream.range->opened() * steps_of_a_node);
  if (*stream.range) stream.order = **stream.range;
  return static_cast<bool>(*stream.range);
}

void Walk::advance_first() {
  if (streams_.size() > 1) std::pop_heap(streams_.begin(), streams_.end());
  if (!advance(streams_.back())) return streams_.pop_back();
  if (streams_.size() > 1) std::push_heap(streams_.begin(), streams_.end());
}

void Walk::in_vain() {
  if (++in_vain_ == sources_[0].index->range_steps()) tell_index(false);
}

void Walk::tell_index(bool exhausted) const {
  for (const Source& source : sources_) {
    if (source.index == nullptr || source.index->range_steps() == 0) continue;
    if (in_vain_ < source.index->range_steps()) continue;
    for (const Matcher& matcher : source.matchers) source.index->walked_in_vain(space_.id, matcher, exhausted);
  }
}

}  // namespace parvis::space
