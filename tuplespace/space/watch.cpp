// Events: what happened to the tuples of a space, numbered, for those who watch. Recording begins with the first watch
// and ends an hour after the last. A durable space has its events on disk, one record for each batch, and goes on with
// them after a restart; the numbers of a new beginning carry the epoch of the server, so that none comes twice.
//
// Watches are served at the end of a turn, when it is known what the batch contains, within a step budget.
#include <algorithm>

#include "tuplespace/space/state.hpp"

namespace parvis::space {

namespace {
constexpr Time keep_recording = std::chrono::hours(1);
constexpr unsigned epoch_shift = 40;
constexpr std::size_t event_overhead = 64;

std::size_t size_of(const Event& event) { return event.item.tuple.size() + event_overhead; }
}  // namespace

void Engine::State::note(const Entry& entry, Event::Kind kind) {
  Space& space = spaces.at(entry.space);
  if (!space.log || space.dropped) return;
  EventLog& log = *space.log;
  log.events.push_back({log.next++, kind, item_of(entry)});
  ++log.unwritten;
  log.bytes += size_of(log.events.back());
  log_bytes += size_of(log.events.back());
  trim(log);
  announce(space);
  touch(space);
}

void Engine::State::trim(EventLog& log) {
  while (!log.events.empty() && (log.events.size() > limits.event_count || log.bytes > limits.event_bytes)) {
    log.bytes -= size_of(log.events.front());
    log_bytes -= size_of(log.events.front());
    log.events.pop_front();
    ++log.first;
  }
  log.unwritten = std::min(log.unwritten, log.events.size());
}

void Engine::State::announce(Space& space) {
  if (!std::exchange(space.log->announced, true)) announced.push_back(space.id);
}

EventLog& Engine::State::record_events(Space& space) {
  if (!space.log) {
    space.log = std::make_unique<EventLog>();
    space.log->first = space.log->next = std::max(space.next_event, meta.epoch << epoch_shift);
    space.log->started = true;
    announce(space);
    touch(space);
  }
  EventLog& log = *space.log;
  log.watched_until = now + keep_recording;
  if (!std::exchange(space.ends_recording, true)) set_deadline(log.watched_until, Deadline::Kind::recording, space.id);
  return log;
}

void Engine::State::end_recording(Space& space) {
  space.ends_recording = false;
  EventLog& log = *space.log;
  if (!space.watches.empty()) log.watched_until = now + keep_recording;
  if (log.watched_until > now) {
    space.ends_recording = true;
    return set_deadline(log.watched_until, Deadline::Kind::recording, space.id);
  }
  drop_events(space);
}

void Engine::State::drop_events(Space& space) {
  if (!space.log) return;
  for (const auto& [record, end] : space.log->records) changes.erase(record);
  log_bytes -= space.log->bytes;
  space.next_event = space.log->next;
  space.log.reset();
}

void Engine::State::run(Session& s, Sequence sequence, const Watch& watch) {
  if (auto refused = refuse_read(watch.space, watch.templates)) return fail(s, sequence, std::move(*refused));
  if (watch.max == 0) return fail(s, sequence, ErrorCode::protocol_error, "a watch for no events");
  if (!spaces.find(watch.space) && !puts_refused.empty())
    return fail(s, sequence, ErrorCode::storage_full, puts_refused);
  Space& space = use_space(watch.space);
  const EventLog& log = record_events(space);
  if (watch.begin) return answer(s, sequence, Events{{}, log.next}, std::max(space.changed, spaces_changed));

  Parked look;
  look.space = &space;
  look.templates = matchers_of(watch.templates);
  look.kinds = watch.kinds;
  look.max = watch.max;
  const bool gap = watch.from < log.first || watch.from > log.next;
  look.from = !gap ? watch.from : watch.from < log.first ? log.first : log.next;
  steps_left = limits.steps_per_operation;
  Events found = events_for(look);
  found.gap = gap;
  if (gap || !found.events.empty() || !watch.wait || watch.timeout_us == 0)
    return answer(s, sequence, std::move(found), space.changed);
  for (const Matcher& matcher : look.templates) look.bytes += sizeof(Matcher) + 2 * matcher.bytes().size() + 100;
  if (look.from < log.next) announce(space);  // the steps ran out; it goes on in the next turn
  park(s, sequence, std::move(look), watch.timeout_us);
}

// What is there for it; `from` moves on.
Events Engine::State::events_for(Parked& look) {
  const EventLog& log = *look.space->log;
  Events found;
  look.from = std::max(look.from, log.first);
  std::size_t bytes = 0;
  const std::size_t max = std::min<std::size_t>(look.max, limits.reply_tuples);
  for (; look.from < log.next && found.events.size() < max && steps_left > 0; ++look.from, --steps_left) {
    const Event& event = log.events[look.from - log.first];
    if ((look.kinds >> static_cast<unsigned>(event.kind) & 1) == 0) continue;
    fields.split(event.item.tuple.blob().span());
    const auto matches = [&](const Matcher& m) { return m.matches(fields.values); };
    if (std::none_of(look.templates.begin(), look.templates.end(), matches)) continue;
    bytes += size_of(event);
    if (!found.events.empty() && bytes > limits.reply_bytes) break;
    found.events.push_back(event);
  }
  found.next = look.from;
  return found;
}

void Engine::State::serve_watches() {
  steps_left = limits.steps_per_operation;
  std::vector<std::uint64_t> later;
  for (const std::uint64_t id : std::exchange(announced, {})) {
    Space* space = space_with_log(id);
    if (space == nullptr) continue;
    space->log->announced = false;
    write_events(*space);
    if (!serve_watches(*space)) later.push_back(id);
  }
  for (const std::uint64_t id : later)
    if (Space* space = space_with_log(id)) announce(*space);
  if (!announced.empty()) set_deadline(now + slice_pause, Deadline::Kind::slice, 0);
}

// False: not all were looked at.
bool Engine::State::serve_watches(Space& space) {
  const std::vector<std::uint64_t> watching(space.watches.begin(), space.watches.end());
  for (const std::uint64_t id : watching) {
    Parked& look = parked.at(id);
    const bool gap = look.from < space.log->first;
    Events found = events_for(look);
    found.gap = gap;
    if (gap || !found.events.empty()) {
      const Parked gone = unpark(look);
      answer(*sessions.at(gone.session), gone.sequence, std::move(found), space.changed);
    } else if (look.from < space.log->next) {
      return false;
    }
  }
  return true;
}

Space* Engine::State::space_with_log(std::uint64_t id) const {
  Space* space = spaces.with_id(id);
  return space != nullptr && space->log ? space : nullptr;
}

// The events of this batch; records whose last event is kept no longer go.
void Engine::State::write_events(Space& space) {
  EventLog& log = *space.log;
  if (!space.lasting() || (log.unwritten == 0 && !std::exchange(log.started, false))) return;
  EventsRecord record{space.id, log.next - log.unwritten, {}};
  record.events.assign(log.events.end() - static_cast<std::ptrdiff_t>(log.unwritten), log.events.end());
  log.unwritten = 0;
  log.started = false;
  const std::uint64_t id = new_id();
  changes.put(id, encode(record), true);
  log.records.emplace_back(id, log.next);
  while (log.records.size() > 1 && log.records.front().second <= log.first) {
    changes.erase(log.records.front().first);
    log.records.pop_front();
  }
}

void Engine::State::load_events(storage::RecordId id, EventsRecord record) {
  const auto found = loaded_spaces.find(record.space);
  if (found == loaded_spaces.end() || found->second->dropped) return orphans.push_back(id);
  auto& log = found->second->log;
  if (!log) {
    log = std::make_unique<EventLog>();
    log->first = record.first;
  }
  log->next = record.first + record.events.size();
  log->records.emplace_back(id, log->next);
  for (Event& event : record.events) {
    log->bytes += size_of(event);
    log_bytes += size_of(event);
    log->events.push_back(std::move(event));
  }
}

void Engine::State::recover_events() {
  for (const storage::RecordId id : std::exchange(orphans, {})) changes.erase(id);
  for (const auto& [id, space] : loaded_spaces) {
    if (!space->log) continue;
    EventLog& log = *space->log;
    log.first = log.next - log.events.size();
    trim(log);
    record_events(*space);
  }
}

}  // namespace parvis::space
