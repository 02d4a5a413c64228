// Everything that happens at a time, in one heap. Entries are never taken out early: whoever is told that one is due
// (or asked whether it still counts) looks whether its object still exists and still has that deadline. Dead entries
// are swept out once they outnumber the living.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "tuplespace/space/engine.hpp"

namespace parvis::space {

struct Deadline {
  enum class Kind : std::uint8_t {
    lease,
    delay,
    transaction,
    waiter,
    grace,
    tombstone,
    sweep,
    confirmations,
    parked,
    recording,
    slice
  };
  Time at{};
  Kind kind{};
  std::uint64_t id = 0;      // of the tuple, transaction, waiter, session, space; slot of a space to be swept
  std::uint64_t number = 0;  // those of one instant fire in the order in which they were set
  // Later ones first: std:: heaps have the greatest at the front.
  friend bool operator<(const Deadline& a, const Deadline& b) {
    return a.at != b.at ? a.at > b.at : a.number > b.number;
  }
};

class Deadlines {
 public:
  template <class Living>
  void add(Time at, Deadline::Kind kind, std::uint64_t id, Living&& living) {
    if (heap_.size() >= sweep_at_) {
      std::erase_if(heap_, [&](const Deadline& d) { return !living(d); });
      std::make_heap(heap_.begin(), heap_.end());
      sweep_at_ = std::max<std::size_t>(1024, heap_.size() * 2);
    }
    heap_.push_back({at, kind, id, ++number_});
    std::push_heap(heap_.begin(), heap_.end());
  }
  std::optional<Deadline> pop_due(Time now) {
    if (heap_.empty() || heap_.front().at > now) return std::nullopt;
    return pop();
  }
  // The next of the same kind at the same instant: what was put together and delayed appears together.
  std::optional<Deadline> pop_alike(const Deadline& due) {
    if (heap_.empty() || heap_.front().at != due.at || heap_.front().kind != due.kind) return std::nullopt;
    return pop();
  }
  template <class Living>
  void drop_dead_front(Living&& living) {
    while (!heap_.empty() && !living(heap_.front())) {
      std::pop_heap(heap_.begin(), heap_.end());
      heap_.pop_back();
    }
  }
  [[nodiscard]] std::optional<Time> next() const {
    return heap_.empty() ? std::nullopt : std::optional<Time>(heap_.front().at);
  }

 private:
  Deadline pop() {
    std::pop_heap(heap_.begin(), heap_.end());
    const Deadline first = heap_.back();
    heap_.pop_back();
    return first;
  }

  std::vector<Deadline> heap_;
  std::size_t sweep_at_ = 1024;
  std::uint64_t number_ = 0;
};

}  // namespace parvis::space
