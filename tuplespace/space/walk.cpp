#include "tuplespace/space/walk.hpp"

#include <algorithm>

namespace parvis::space {

void Walk::add(const Index& index, std::span<const Matcher> matchers, Order after) {
  for (const Matcher& matcher : matchers) {
    index.candidates(space_.id, matcher, [&](const IdList& list) {
      const IdList::Cursor at(list, after);
      if (at) streams_.push_back({at, &matcher});
    });
  }
  std::make_heap(streams_.begin(), streams_.end());
}

Entry* Walk::next() {
  while (!streams_.empty()) {
    const Order order = *streams_.front().at;
    if (order != found_) {  // else another template has found it already
      if (steps_left_ == 0) return nullptr;
      --steps_left_;
      examined_ = order;
      Entry& entry = *tuples_.find(id_of(order));
      fields_.split(entry.bytes.tuple());
      const bool found = entry.space == space_.slot && streams_.front().matcher->matches(fields_.values);
      advance_first();
      if (!found) continue;
      found_ = order;
      return &entry;
    }
    advance_first();
  }
  return nullptr;
}

void Walk::advance_first() {
  if (streams_.size() > 1) std::pop_heap(streams_.begin(), streams_.end());
  streams_.back().at.next();
  if (!streams_.back().at) return streams_.pop_back();
  if (streams_.size() > 1) std::push_heap(streams_.begin(), streams_.end());
}

}  // namespace parvis::space
