// The engine's face, dispatch, answers and time. See README.md for where everything else is.
#include "tuplespace/space/engine.hpp"

#include <fmt/format.h>

#include "tuplespace/space/state.hpp"

namespace parvis::space {

namespace {
constexpr Time confirmations_wait = std::chrono::milliseconds(50);
constexpr std::int64_t longest_us = std::int64_t{1} << 60;  // beyond: never
}  // namespace

Engine::Engine(const Limits& limits, Durability default_durability, Time wall_minus_now)
    : state_(std::make_unique<State>(limits, default_durability, wall_minus_now)) {}
Engine::~Engine() = default;

void Engine::record(storage::RecordId id, Blob bytes) { state_->load(id, bytes.span()); }
void Engine::recovered(Time now) {
  state_->now = now;
  state_->recovered();
}

SessionId Engine::open_session(const Secret& secret, Time now, std::string name) {
  state_->advance(now);
  auto session = std::make_unique<Session>();
  session->id = state_->new_id();
  session->secret = secret;
  session->name = std::move(name);
  Session& s = *session;
  state_->sessions.emplace(s.id, std::move(session));
  state_->touch(s);
  return s.id;
}

const Secret* Engine::secret_of(SessionId id) const {
  auto found = state_->sessions.find(id);
  return found == state_->sessions.end() ? nullptr : &found->second->secret;
}

const Engine::Tombstone* Engine::tombstone_of(SessionId id) const {
  auto found = state_->tombstones.find(id);
  return found == state_->tombstones.end() ? nullptr : &found->second.tombstone;
}

// A session may end in the turn in which its last frames arrive: those are for nobody.
template <class Do>
static void with_session(auto& sessions, SessionId id, Do&& act) {
  auto found = sessions.find(id);
  if (found != sessions.end()) act(*found->second);
}

void Engine::attach(SessionId id, Time now, std::string name) {
  state_->advance(now);
  with_session(state_->sessions, id, [&](Session& s) {
    if (!name.empty()) s.name = std::move(name);
    s.attached = true;
    s.grace_until = Time::max();
  });
}

void Engine::detach(SessionId id, Time now) {
  state_->advance(now);
  with_session(state_->sessions, id, [&](Session& s) { state_->detach(s); });
  state_->settle();
}

void Engine::end_session(SessionId id, Time now) {
  state_->advance(now);
  with_session(state_->sessions, id, [&](Session& s) { state_->end_session(s, false); });
  state_->settle();
}

void Engine::apply(SessionId id, Sequence sequence, const Operation& operation, Time now) {
  state_->advance(now);
  with_session(state_->sessions, id, [&](Session& s) {
    if (s.attached) state_->apply(s, sequence, operation);
  });
}

void Engine::cancel(SessionId id, Cancel cancel, Time now) {
  state_->advance(now);
  with_session(state_->sessions, id, [&](Session& s) {
    auto waiting = s.waiting.find(cancel.sequence);
    if (waiting != s.waiting.end()) state_->end_waiting(*waiting->second, ErrorCode::timeout, "cancelled");
    auto waits = s.parked.find(cancel.sequence);
    if (waits != s.parked.end()) state_->end_parked(state_->parked.at(waits->second), ErrorCode::timeout, "cancelled");
  });
  state_->settle();
}

void Engine::refuse(SessionId id, Refuse refuse, Time now) {
  state_->advance(now);
  with_session(state_->sessions, id, [&](Session& s) { state_->refuse(s, refuse.sequence); });
  state_->settle();
}

void Engine::confirm(SessionId id, const Confirm& confirm, Time now) {
  state_->advance(now);
  with_session(state_->sessions, id, [&](Session& s) { state_->confirm(s, confirm); });
  state_->settle();
}

void Engine::written_ahead(std::uint64_t id, std::optional<Failed> failed, Time now) {
  state_->advance(now);
  state_->written_ahead(id, std::move(failed));
  state_->settle();
}

void Engine::advance(Time now) { state_->advance(now); }
std::optional<Time> Engine::next_deadline() const { return state_->deadlines.next(); }
bool Engine::will_write() const { return state_->changes.urgent(); }
Turn Engine::take_turn() { return state_->take_turn(); }
void Engine::refuse_puts(std::string text) { state_->puts_refused = std::move(text); }
void Engine::check() const { state_->check(); }

Engine::Stats Engine::stats() const {
  const State& s = *state_;
  return {s.meta.epoch,
          s.tuples.size(),
          s.tuples.tuple_bytes(),
          s.memory_bytes() - s.tuples.tuple_bytes(),
          s.waiters.size() + s.parked.size(),
          s.sessions.size(),
          s.transactions.size()};
}

void Engine::State::apply(Session& s, Sequence sequence, const Operation& operation) {
  if (sequence <= s.confirmed)
    return answer(
        s, sequence,
        Failed{ErrorCode::protocol_error,
               fmt::format("operation {} again, although everything up to {} was confirmed", sequence, s.confirmed)},
        0);
  if (auto known = s.applied.find(sequence); known != s.applied.end()) {
    answer_again(s, sequence, known->second);
    replies.back().again = true;
    return;
  }
  if (s.waiting.contains(sequence) || s.parked.contains(sequence)) return;
  attempt(s, sequence, operation, 0);
}

void Engine::State::answer(const Session& s, Sequence sequence, Answer answer, std::uint64_t after) {
  Reply& reply = replies.emplace_back();
  reply.session = s.id;
  reply.sequence = sequence;
  reply.answer = std::move(answer);
  reply.after = after;
}

void Engine::State::fail(Session& s, Sequence sequence, Failed failed, std::uint64_t after) {
  remember(s, sequence, {.kind = Applied::Kind::failed, .failure = std::make_shared<Failed>(failed), .after = after});
  answer(s, sequence, std::move(failed), after);
}

std::uint64_t Engine::State::after_change(Durability strictest) const {
  switch (strictest) {
    case Durability::durable: return changes.number();
    case Durability::relaxed: return changes.number() | only_written;
    case Durability::volatile_: break;
  }
  return 0;
}

Failed Engine::State::over(const char* limit, std::uint64_t value, std::string what) const {
  return {ErrorCode::limit_exceeded,
          fmt::format("{} (limit {} = {}; the operator of the server may raise it)", what, limit, value)};
}

std::uint64_t Engine::State::memory_bytes() const {
  return tuples.bytes() + index.bytes() + blocked.bytes() + waiters.bytes() + spaces.bytes() + kept_bytes +
         side_memory.bytes + groups.size() * 200 + parked_bytes + log_bytes;
}

std::uint64_t Engine::State::new_id() {
  // Written half a block ahead, so that ids are hardly ever waited for.
  if (next_id + id_block / 2 > meta.reserved) {
    meta.reserved += id_block;
    meta_dirty = true;
    meta_batch = changes.number();
    changes.hurry();
  }
  return next_id++;
}

Time Engine::State::time_after(std::int64_t us) const {
  return us < 0 || us > longest_us ? Time::max() : now + Time(us);
}

void Engine::State::set_deadline(Time at, Deadline::Kind kind, std::uint64_t id) {
  if (at != Time::max()) deadlines.add(at, kind, id, [this](const Deadline& d) { return living(d); });
}

bool Engine::State::living(const Deadline& d) const {
  using enum Deadline::Kind;
  switch (d.kind) {
    case lease: {
      const Entry* entry = tuples.find(d.id);
      return entry != nullptr && entry->is(Entry::leased) &&
             time_of_wall(head_of(d.id, entry->bytes).lease_until) == d.at;
    }
    case delay: {
      const Entry* entry = tuples.find(d.id);
      return entry != nullptr && entry->is(Entry::delayed);
    }
    case transaction: {
      auto found = transactions.find(d.id);
      return found != transactions.end() && found->second->until == d.at;
    }
    case waiter: return waiters.find(d.id) != nullptr;
    case grace: {
      auto found = sessions.find(d.id);
      return found != sessions.end() && found->second->grace_until == d.at;
    }
    case tombstone: return tombstones.contains(d.id);
    case sweep: return true;
    case confirmations: return confirmations_until == d.at;
    case parked: return this->parked.contains(d.id);
    case recording: {
      const Space* space = space_with_log(d.id);
      return space != nullptr && space->ends_recording;
    }
    case slice: return true;
  }
  return false;
}

void Engine::State::advance(Time to) {
  // Each at its own time, so that a late call gives the history of a punctual one; what is due at one instant happens
  // before anybody is served: a tuple is not handed out because another of its group, put with it, ends first.
  while (auto due = deadlines.pop_due(to)) {
    now = std::max(now, due->at);
    if (living(*due)) fire(*due);
    if (const auto next = deadlines.next(); !next || *next > now) settle();
  }
  now = std::max(now, to);
}

void Engine::State::fire(const Deadline& due) {
  using enum Deadline::Kind;
  switch (due.kind) {
    case lease: return expire(due.id);
    case delay: return end_delays(due);
    case transaction: {
      std::vector<Entry*> arriving;
      Transaction& t = *transactions.at(due.id);
      abort(*sessions.at(t.session), t, true, arriving);
      return place(arriving);
    }
    case waiter: return time_out(*waiters.find(due.id));
    case parked: return time_out(this->parked.at(due.id));
    case recording: return end_recording(*space_with_log(due.id));
    case slice: return;  // what is left goes on in settle() and in the turn
    case grace: return end_session(*sessions.at(due.id), true);
    case tombstone: tombstones.erase(due.id); return changes.erase(due.id);
    case sweep: return sweep_space(static_cast<std::uint32_t>(due.id));
    case confirmations: return changes.hurry();
  }
}

Turn Engine::State::take_turn() {
  fill_ordered_indexes();
  serve_watches();
  deadlines.drop_dead_front([this](const Deadline& d) { return living(d); });
  Turn turn;
  if (changes.urgent()) {
    write_dirty();
    turn.number = changes.number();
    turn.batch = changes.cut();
    confirmations_until = Time::max();
  } else if (!dirty_sessions.empty() && confirmations_until == Time::max()) {
    confirmations_until = now + confirmations_wait;
    set_deadline(confirmations_until, Deadline::Kind::confirmations, 0);
  }
  turn.replies = std::exchange(replies, {});
  replies.reserve(turn.replies.size());  // the next turn is mostly like this one
  turn.ended = std::exchange(ended, {});
  turn.ahead = std::exchange(asked_ahead, {});
  // What came and went within one batch leaves no batch to wait for.
  for (Reply& reply : turn.replies) {
    if ((reply.after & only_written) != 0)
      reply.written = std::min(std::exchange(reply.after, 0) & ~only_written, changes.cut_number());
    reply.after = std::min(std::max(reply.after, meta_batch), changes.cut_number());
  }
  return turn;
}

void Engine::State::write_dirty() {
  if (std::exchange(meta_dirty, false)) changes.put(meta_record, encode(meta), false);
  for (SessionId id : std::exchange(dirty_sessions, {})) {
    auto found = sessions.find(id);
    if (found == sessions.end()) continue;
    Session& s = *found->second;
    s.dirty = false;
    changes.put(id, encode_session(s.secret, s.confirmed, s.applied), !std::exchange(s.written, true));
  }
  for (TransactionId id : std::exchange(dirty_transactions, {})) {
    auto found = transactions.find(id);
    if (found == transactions.end()) continue;
    Transaction& t = *found->second;
    t.dirty = false;
    ClaimRecord claim{t.session, t.lease_us, {}};
    for (TupleId tuple : t.taken)
      if (spaces.at(tuples.find(tuple)->space).lasting()) claim.tuples.push_back(tuple);
    changes.put(id, encode(claim), !std::exchange(t.written, true));
  }
}

}  // namespace parvis::space
