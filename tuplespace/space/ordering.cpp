// Ordered indexes are made in slices of a turn, with pauses between them, so that nobody waits for one.
#include <algorithm>

#include "tuplespace/space/state.hpp"

namespace parvis::space {

namespace {
constexpr std::size_t most_in_a_slice = 1000;  // tuples, about half a millisecond
}  // namespace

void Engine::State::fill_ordered_indexes() {
  if (now < fill_at || (!index.ordering() && !blocked.ordering())) return;
  // The last eighth of the memory is for tuples.
  if (memory_bytes() > limits.memory_bytes / 8 * 7) {
    index.stop_ordering();
    blocked.stop_ordering();
    return;
  }
  const auto fields_of = [this](std::uint64_t space, Order order) -> const Fields* {
    const Entry& entry = *tuples.find(id_of(order));
    if (spaces.at(entry.space).id != space) return nullptr;
    fields.split(entry.bytes.tuple());
    return &fields;
  };
  const std::size_t slice = std::min(2 * limits.range_steps, most_in_a_slice);
  index.fill_ordered(slice, fields_of);
  blocked.fill_ordered(slice, fields_of);
  fill_at = now + slice_pause;
  set_deadline(fill_at, Deadline::Kind::slice, 0);
}

bool Engine::State::ordering_for(const Space& space, std::span<const Matcher> matchers) const {
  return std::any_of(matchers.begin(), matchers.end(), [&](const Matcher& matcher) {
    return index.ordering_for(space.id, matcher) || blocked.ordering_for(space.id, matcher);
  });
}

Failed Engine::State::too_many_steps(std::string what, bool ordering) const {
  what += ordering ? "; an ordered index is being made for its range, ask again in a moment"
                   : "; name more fields of the template";
  return over("steps_per_operation", limits.steps_per_operation, std::move(what));
}

}  // namespace parvis::space
