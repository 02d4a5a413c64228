// Quotas of spaces: what counts, who is refused, who waits in line for room.
//
// Everything in the space counts but what was delivered and waits for its confirmation alone: a take makes room, a
// claim does so at its commit. What comes back has its place, over a quota, too; then nobody puts until there is room.
#include <algorithm>

#include <fmt/format.h>

#include "tuplespace/space/state.hpp"

namespace parvis::space {

namespace {

struct Load {
  std::int64_t tuples = 0, bytes = 0;
};

Load load_of(const Out& out) {
  Load load{static_cast<std::int64_t>(out.tuples.size())};
  for (const Payload& tuple : out.tuples) load.bytes += static_cast<std::int64_t>(tuple.size());
  return load;
}

// The quota that would be exceeded by `more` beside `used`; empty: there is room.
std::string broken_quota(const Space& space, const Load& used, const Load& more) {
  const auto breaks = [](std::uint64_t quota, std::int64_t before, std::int64_t change) {
    return quota != 0 && change > 0 && before + change > static_cast<std::int64_t>(quota);
  };
  if (breaks(space.quota_tuples, used.tuples, more.tuples))
    return fmt::format("{} and {} more tuples (limit quota_tuples = {}", used.tuples, more.tuples, space.quota_tuples);
  if (breaks(space.quota_bytes, used.bytes, more.bytes))
    return fmt::format("{} and {} more bytes (limit quota_bytes = {}", used.bytes, more.bytes, space.quota_bytes);
  return {};
}

Load used_in(const Space& space) {
  return {static_cast<std::int64_t>(space.used), static_cast<std::int64_t>(space.used_bytes)};
}

Failed over_quota(const Space& space, const std::string& quota) {
  return {ErrorCode::limit_exceeded,
          fmt::format("space {} has no room: {}; take some, wait with `room`, or make the space again with a larger "
                      "quota)",
                      space.name, quota)};
}

}  // namespace

// What a step may put that makes the tuples in `gone` vanish.
std::optional<Failed> Engine::State::refuse_quota(std::span<const Incoming> puts, std::span<Entry* const> gone) const {
  std::map<const Space*, Load> loads;
  for (const Incoming& put : puts) {
    const Space* space = spaces.find(put.space);
    if (space == nullptr || (space->quota_tuples == 0 && space->quota_bytes == 0)) continue;
    ++loads[space].tuples;
    loads[space].bytes += static_cast<std::int64_t>(put.payload->size());
  }
  if (loads.empty()) return std::nullopt;
  for (const Entry* entry : gone) {
    auto load = loads.find(&spaces.at(entry->space));
    if (load == loads.end()) continue;
    --load->second.tuples;
    load->second.bytes -= static_cast<std::int64_t>(entry->bytes.tuple().size());
  }
  for (const auto& [space, load] : loads)
    if (const std::string quota = broken_quota(*space, used_in(*space), load); !quota.empty())
      return over_quota(*space, quota);
  return std::nullopt;
}

// True: it was refused, or waits in line.
bool Engine::State::wait_for_room(Session& s, Sequence sequence, const Out& out) {
  Space* space = spaces.find(out.space);
  if (space == nullptr) return false;
  const Load load = load_of(out);
  std::string quota = broken_quota(*space, used_in(*space), load);
  if (quota.empty() && !space->outs.empty())
    quota = fmt::format("{} other operations wait in line (limit quota_tuples = {}, quota_bytes = {}",
                        space->outs.size(), space->quota_tuples, space->quota_bytes);
  if (quota.empty()) return false;
  const std::string never = broken_quota(*space, {}, load);
  if (out.room_us == 0 || !never.empty()) {
    fail(s, sequence, over_quota(*space, never.empty() ? quota : never), after_look(*space));
    return true;
  }
  Parked waiting;
  waiting.space = space;
  waiting.out = out;
  for (Payload& tuple : waiting.out.tuples) tuple = tuple.flat();
  if (out.group.size() != 0) waiting.out.group = out.group.flat();
  waiting.bytes = static_cast<std::size_t>(load.bytes);
  waiting.ahead = std::exchange(ahead, {});
  park(s, sequence, std::move(waiting), out.room_us);
  return true;
}

// The longest waiting, for as long as there is room for it; not all in one go.
void Engine::State::admit_first() {
  Space& space = spaces.at(*roomy.begin());
  const auto done = [&] { roomy.erase(roomy.begin()); };
  if (space.outs.empty()) return done();
  const Parked& first = parked.at(*space.outs.begin());
  if (!broken_quota(space, used_in(space), load_of(first.out)).empty()) return done();
  Session& s = *sessions.at(first.session);
  const Sequence sequence = first.sequence;
  Parked admitted = unpark(first);
  if (auto refused = refuse(admitted.out)) return fail(s, sequence, std::move(*refused));
  ahead = std::move(admitted.ahead);
  put(s, sequence, admitted.out);
  ahead.clear();
}

void Engine::State::set_quotas(Space& space, const parvis::Spaces& make) {
  const auto set = [](std::uint64_t& quota, std::int64_t wanted) {
    if (wanted >= 0) quota = static_cast<std::uint64_t>(wanted);
  };
  const auto before = std::pair(space.quota_tuples, space.quota_bytes);
  set(space.quota_tuples, make.quota_tuples);
  set(space.quota_bytes, make.quota_bytes);
  if (space.recorded && before == std::pair(space.quota_tuples, space.quota_bytes)) return;
  record_space(space);
  if (!space.outs.empty()) roomy.insert(space.slot);
}

// Blocks an operation that waits for no tuple.
void Engine::State::park(Session& s, Sequence sequence, Parked waiting, std::int64_t timeout_us) {
  if (auto refused = refuse_to_block(s, waiting.bytes)) return fail(s, sequence, std::move(*refused));
  waiting.id = next_parked++;
  waiting.session = s.id;
  waiting.sequence = sequence;
  waiting.since = now;
  waiting.bytes += sizeof(Parked) + 200;
  parked_bytes += waiting.bytes;
  line_of(waiting).insert(waiting.id);
  s.parked.emplace(sequence, waiting.id);
  set_deadline(time_after(timeout_us), Deadline::Kind::parked, waiting.id);
  parked.emplace(waiting.id, std::move(waiting));
}

std::set<std::uint64_t>& Engine::State::line_of(const Parked& waiting) {
  if (waiting.is_again()) return waiting.is_look() ? looks : writing;
  return waiting.is_watch() ? waiting.space->watches : waiting.space->outs;
}

Parked Engine::State::unpark(const Parked& waiting) {
  Parked gone = std::move(parked.extract(waiting.id).mapped());
  parked_bytes -= gone.bytes;
  sessions.at(gone.session)->parked.erase(gone.sequence);
  line_of(gone).erase(gone.id);
  if (!gone.is_again() && !gone.space->outs.empty()) roomy.insert(gone.space->slot);  // who comes next may need less
  return gone;
}

void Engine::State::end_parked(const Parked& waiting, ErrorCode code, std::string text) {
  const Parked gone = unpark(waiting);
  const std::uint64_t after = gone.is_again() ? 0 : after_look(*gone.space);
  fail(*sessions.at(gone.session), gone.sequence, code, std::move(text), after);
}

void Engine::State::time_out(const Parked& waiting) {
  if (waiting.is_look())
    return end_parked(waiting, ErrorCode::timeout, "the ordered index of the template's range was not made in time");
  if (!waiting.is_watch()) return end_parked(waiting, ErrorCode::timeout, "there was no room in time");
  const Parked gone = unpark(waiting);
  answer(*sessions.at(gone.session), gone.sequence, Events{{}, gone.from}, after_look(*gone.space));
}

}  // namespace parvis::space
