// Spaces by name: made on first use, or with a durability; listed; dropped.
#include <algorithm>

#include <fmt/format.h>

#include "tuplespace/model/checks.hpp"
#include "tuplespace/space/state.hpp"

namespace parvis::space {

namespace {
constexpr std::size_t sweep_slice = 2000;  // tuples of a dropped space that are erased at a time
constexpr std::string_view durability_names[] = {"durable", "relaxed", "volatile"};
}  // namespace

std::optional<Failed> Engine::State::refuse_name(std::string_view name) const {
  if (name.empty()) return Failed{ErrorCode::protocol_error, "the name of a space is empty"};
  if (name.size() > max_name_bytes)
    return Failed{ErrorCode::limit_exceeded,
                  fmt::format("the name of a space has {} bytes; at most {} (max_name_bytes), choose a shorter one",
                              name.size(), max_name_bytes)};
  if (!checks::is_utf8(name)) return Failed{ErrorCode::protocol_error, "the name of a space is not UTF-8"};
  return std::nullopt;
}

Space& Engine::State::use_space(std::string_view name) {
  Space* space = spaces.find(name);
  if (space == nullptr) space = &spaces.make(std::string(name), new_id(), default_durability);
  if (!space->recorded) record_space(*space);
  return *space;
}

void Engine::State::record_space(Space& space) {
  spaces_changed = changes.number();
  changes.put(space.id, encode(SpaceRecord{space.durability, space.name, space.quota_tuples, space.quota_bytes}),
              !std::exchange(space.recorded, true));
}

// What can be seen in it has changed.
void Engine::State::touch(Space& space) {
  if (!space.lasting()) return;
  changes.touched();
  space.changed = changes.number();
}

SpaceInfo Engine::State::info(const Space& space) const {
  return {space.name, space.durability,   space.ready,      space.bytes, space.waiters + space.outs.size(),
          space.held, space.quota_tuples, space.quota_bytes};
}

void Engine::State::run(Session& s, Sequence sequence, const parvis::Spaces& operation) {
  if (operation.what == parvis::Spaces::What::list) {
    Listing listing;
    std::uint64_t after = spaces_changed;
    for (const auto& [name, space] : spaces.by_name()) {
      listing.spaces.push_back(info(*space));
      after = std::max(after, space->changed);
    }
    return answer(s, sequence, std::move(listing), after);
  }
  if (auto refused = refuse_name(operation.space)) return fail(s, sequence, std::move(*refused));
  Space* space = spaces.find(operation.space);
  if (operation.what == parvis::Spaces::What::drop) {
    if (space == nullptr || !space->recorded)
      return fail(s, sequence, ErrorCode::not_found, fmt::format("there is no space {}", operation.space),
                  spaces_dropped);
    drop(*space);
    record(s, sequence, {.kind = Applied::Kind::listing});
    return answer(s, sequence, Listing{}, changes.number());
  }
  if (space != nullptr && space->recorded && space->durability != operation.durability)
    return fail(s, sequence, ErrorCode::conflict,
                fmt::format("space {} is there already, and {}", operation.space,
                            durability_names[static_cast<std::size_t>(space->durability)]),
                spaces_changed);
  if (space == nullptr) space = &spaces.make(operation.space, new_id(), operation.durability);
  space->durability = operation.durability;
  set_quotas(*space, operation);
  answer(s, sequence, Listing{{info(*space)}}, std::max(spaces_changed, space->changed));
}

// The name is free at once; the tuples, which nobody can see any more, go in slices. Those that are held go when their
// holder is done with them. After a restart they are told by the missing record of their space.
void Engine::State::drop(Space& space) {
  std::vector<Waiter*> waiting;
  waiters.for_each([&](Waiter& w) {
    const std::vector<Space*> waits_in = w.spaces();
    if (std::find(waits_in.begin(), waits_in.end(), &space) != waits_in.end()) waiting.push_back(&w);
  });
  std::sort(waiting.begin(), waiting.end(), [](const Waiter* a, const Waiter* b) { return a->id < b->id; });
  for (Waiter* w : waiting) end_waiting(*w, ErrorCode::not_found, fmt::format("space {} was dropped", space.name));
  for (const auto* ids : {&space.outs, &space.watches})
    while (!ids->empty())
      end_parked(parked.at(*ids->begin()), ErrorCode::not_found, fmt::format("space {} was dropped", space.name));
  roomy.erase(space.slot);
  drop_events(space);
  spaces_changed = spaces_dropped = changes.number();
  changes.erase(space.id);
  spaces.drop(space);
  const std::uint32_t slot = space.slot;
  if (space.entries == 0) spaces.release_if_unused(space);
  else set_deadline(now, Deadline::Kind::sweep, slot);
}

void Engine::State::sweep_space(std::uint32_t slot) {
  const Space* space = spaces.dropped_at(slot);
  if (space == nullptr) return;
  const Matcher everything(encoded(Template{{}, true}).span());
  std::vector<Entry*> slice;
  Walk walk = candidates(*space, std::span(&everything, 1), reads);
  while (Entry* entry = slice.size() < sweep_slice ? walk.next() : nullptr) slice.push_back(entry);
  const bool more = slice.size() == sweep_slice;
  for (Entry* entry : slice) erase_tuple(*entry);  // the last one may release the space
  if (more) set_deadline(now + Time(1), Deadline::Kind::sweep, slot);
}

}  // namespace parvis::space
