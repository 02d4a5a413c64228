#include "server.hpp"

#include <algorithm>

#include "tuplespace/model/text.hpp"

namespace parvis::simulation {

namespace {

space::Time time_of(Micros us) { return space::Time(us); }
constexpr std::uint64_t check_every = 2'048;  // turns
constexpr space::Time epoch_offset{1'000'000'000'000};

template <class... Args>
[[noreturn]] void violated(fmt::format_string<Args...> format, Args&&... args) {
  throw Violation(fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace

Durability Server::durability(std::size_t index) const {
  static constexpr Durability cycle[] = {Durability::durable, Durability::durable, Durability::volatile_,
                                         Durability::durable, Durability::relaxed};
  return cycle[index % std::size(cycle)];
}

Server::Server(World& world, Deliver deliver, std::function<void(Serial)> touched)
    : world_(world), deliver_(std::move(deliver)), touched_(std::move(touched)) {
  limits_.grace = std::chrono::milliseconds(grace / 1000);
  limits_.event_count = live_.event_count;
  limits_.range_steps = 2;  // ordered indexes come early, and bit by bit
  live_.grace = grace;
  live_.ahead = world.climate.ahead;
  if (live_.ahead) limits_.write_ahead_bytes = 1;
  for (std::size_t i = 0; i < world.climate.spaces; ++i)
    live_.spaces.push_back({durability(i) != Durability::volatile_, durability(i) == Durability::durable});
  make_spaces();
  durable_ = live_;
  start();
}

void Server::make_spaces() {
  space::Engine engine(limits_, Durability::durable, epoch_offset);
  engine.recovered(time_of(0));
  const SessionId maker = engine.open_session({}, time_of(0));
  for (std::size_t i = 0; i < live_.spaces.size(); ++i)
    engine.apply(maker, i + 1, Spaces{Spaces::What::make, space_name(i), durability(i)}, time_of(0));
  engine.confirm(maker, {live_.spaces.size(), {}}, time_of(0));
  engine.end_session(maker, time_of(0));
  write(engine.take_turn().batch, 0);
}

// A process begins: the models agree that everybody is away, and what was durable is there.
void Server::start() {
  ++process_;
  gate_ = {};
  broken_ = failing_ = turn_due_ = false;
  rebuild();
  log_.clear();
  durable_ = live_;
}

void Server::rebuild() {
  held_welcomes_.clear();
  attached_.clear();
  newest_mark_ = 0;
  if (!broken_) durable_mark_ = 0;  // else what is under way still has the marks of the engine before
  engine_ = std::make_unique<space::Engine>(limits_, Durability::durable, epoch_offset);
  ++engines_;
  for (const auto& [id, record] : disk_) engine_->record(id, record);
  engine_->recovered(time_of(world_.now));
  const std::uint64_t next_id = live_.next_id;
  live_ = durable_;
  live_.now = std::max(live_.now, world_.now);
  live_.crash(engine_->stats().epoch, next_id);
  timer_at_ = never;
  schedule();
}

// The process is killed: what was written stays. Or power is lost: what was durable stays. Of what else was under way
// any prefix may be there.
void Server::crash() {
  const bool power = world_.chance(40);
  world_.trace("CRASH{}", power ? " with a loss of power" : "");
  std::size_t there = 0;
  while (!power && !broken_ && there < flight_.size() && flight_[there].written) ++there;
  there += world_.below(flight_.size() - there + 1);
  for (std::size_t i = 0; i < there; ++i) write(flight_[i].batch, flight_[i].mark);
  flight_.clear();
  engine_.reset();
  ++process_;
  for (auto& [session, connection] : std::exchange(attached_, {})) close(connection);
  world_.in(world_.about(200'000), [this, process = process_] {
    if (process == process_) start();
  });
}

void Server::play(std::uint64_t upto_batch) {
  if (upto_batch <= durable_mark_) return;
  while (!log_.empty()) {
    const Logged entry = std::move(log_.front());
    log_.pop_front();
    if (entry.batch != 0 && entry.batch >= upto_batch) break;
    if (!entry.input) continue;
    durable_.advance(entry.at);
    entry.input(durable_);
    durable_.told.clear();
    durable_.asked_ahead.clear();
    durable_.touched.clear();
  }
  durable_mark_ = upto_batch;
}

void Server::input(Input input) {
  live_.advance(world_.now);
  input(live_);
  for (Serial serial : std::exchange(live_.touched, {})) touched_(serial);
  if (!broken_) log_.push_back({world_.now, std::move(input), 0});
}

void Server::schedule() {
  if (std::exchange(turn_due_, true)) return;
  world_.in(world_.about(30), [this, process = process_] {
    if (process == process_ && engine_) turn();
  });
}

void Server::turn() {
  turn_due_ = false;
  engine_->advance(time_of(world_.now));
  input([](Model&) {});
  if (full_ && world_.chance(20)) {
    engine_->refuse_puts("the disk is nearly full");
    input([](Model& m) { m.puts_refused = true; });
  }
  if (++turns_ % check_every == 0) check();
  take_turn();
  release();
  commit();
  set_timer();
}

void Server::take_turn() {
  input([](Model& m) { m.end_turn(); });
  space::Turn turn = engine_->take_turn();
  compare(turn.replies);
  write_ahead(turn.ahead);
  if (!turn.batch.empty()) {
    newest_mark_ = turn.number;
    if (!broken_) log_.push_back({world_.now, {}, turn.number});
  }
  gate_.take(std::move(turn));
}

// As Turns::take_turn and written_ahead. Where the bodies go is for the tests of storage.
void Server::write_ahead(const std::vector<space::Ahead>& asked) {
  const std::vector<Model::Place> expected = std::exchange(live_.asked_ahead, {});
  if (asked.size() != expected.size())
    violated("{} outs are to be written ahead; by the rules {}", asked.size(), expected.size());
  for (std::size_t i = 0; i < asked.size(); ++i)
    world_.in(world_.about(3 * world_.climate.commit), [=, this, id = asked[i].id, engine = engines_] {
      if (!engine_ || engine != engines_) return;
      std::optional<Failed> failed;
      if (full_ || failing_) failed = {full_ ? ErrorCode::storage_full : ErrorCode::storage_error, "disk"};
      world_.trace("written ahead: {}{}", id, failed ? ", failed" : "");
      engine_->written_ahead(id, failed, time_of(world_.now));
      input([place = expected[i], failed](Model& m) {
        m.written_ahead(place, failed ? std::optional(failed->code) : std::nullopt);
      });
      schedule();
    });
}

// As Turns::forget_replies.
void Server::forget_replies(SessionId session) {
  take_turn();
  gate_.forget(session);
}

// The engine said what the model says.
void Server::compare(const std::vector<space::Reply>& replies) {
  std::vector<Told> said, expected = std::exchange(live_.told, {});
  for (const auto& reply : replies) said.push_back(told_of(reply));
  if (world_.tracing)
    for (const Told& t : said) world_.trace("  says {}", text(t));
  if (const std::string what = difference(said, expected); !what.empty())
    throw Violation("the answers are not those that the rules give" + what);
  if (const std::string what = names_.learn(said, expected); !what.empty()) throw Violation(what);
}

// P1: what is told has happened where a crash cannot undo it.
void Server::require_durable(const space::Reply& reply) const {
  if (broken_ || std::holds_alternative<Waiting>(reply.answer)) return;
  auto session = live_.sessions.find(reply.session);
  if (session == live_.sessions.end()) return;
  auto applied = session->second.applied.find(reply.sequence);
  if (applied == session->second.applied.end() || !applied->second.strict) return;
  if (!durable_.knows(reply.session, reply.sequence))
    violated("{}#{} is answered before it is durable", reply.session, reply.sequence);
}

void Server::release() {
  while (auto free = gate_.release()) {
    for (SessionId session : free->opened) {
      const auto welcome = held_welcomes_.extract(session);
      if (!broken_ && live_.sessions.contains(session) && !durable_.sessions.contains(session))
        violated("session {} is welcomed before it is durable", session);
      if (auto to = attached_.find(session); to != attached_.end() && !welcome.empty())
        deliver_(to->second, welcome.mapped());
    }
    for (space::Reply& reply : free->replies) {
      require_durable(reply);
      auto to = attached_.find(reply.session);
      if (to == attached_.end()) continue;
      auto* answer = std::get_if<Answer>(&reply.answer);
      if (answer != nullptr && !broken_) names_.tell(*answer);
      // Numbers that a broken disk cannot note are given again by the next process: no scan goes on there.
      if (auto* page = answer != nullptr && broken_ ? std::get_if<Page>(answer) : nullptr) page->done = true;
      deliver_(to->second, Reply{reply.sequence, std::move(reply.answer)});
    }
    for (SessionId session : free->ended) {
      auto found = attached_.find(session);
      if (found == attached_.end()) continue;
      const ConnectionPtr connection = found->second;
      attached_.erase(found);
      close(connection);
    }
  }
}

void Server::commit() {
  auto batch = gate_.next();
  if (!batch) return;
  const Micros takes = world_.about(world_.chance(2) ? 20 * world_.climate.commit : world_.climate.commit);
  const Micros sync = batch->sync == storage::Sync::now ? takes : world_.about(25'000);
  const std::uint64_t id = ++commits_;
  const bool tell = batch->tell_written;
  world_.trace("commit {} with {} changes, {}", id, batch->size(), batch->sync == storage::Sync::now ? "now" : "soon");
  flight_.push_back({id, newest_mark_, std::move(*batch), tell, false});
  world_.in(world_.about(1 + takes / 4), [this, process = process_, id] { committed(process, id, false); });
  world_.in(takes + sync, [this, process = process_, id] { committed(process, id, true); });
}

// A batch, and whatever came before it, is written, or durable.
void Server::committed(std::uint64_t process, std::uint64_t id, bool durable) {
  if (process != process_ || !engine_ || broken_ || flight_.empty() || flight_.front().id > id) return;
  if (failing_ && durable) return fail(false);
  for (InFlight& one : flight_) {
    if (one.id > id || one.written) continue;
    if (full_ && grows(one.batch)) return fail(true);
    one.written = true;
    world_.trace("commit {} is written", one.id);
    if (one.tell_written) gate_.written();
  }
  while (durable && !flight_.empty() && flight_.front().id <= id) {
    write(flight_.front().batch, flight_.front().mark);
    world_.trace("commit {} is durable", flight_.front().id);
    flight_.pop_front();
    gate_.durable();
  }
  release();
  commit();
}

void Server::write(const storage::Batch& batch, std::uint64_t mark) {
  for (const auto& change : batch) {
    if (change.record) disk_[change.id] = Blob::copy(change.record->span());
    else disk_.erase(change.id);
  }
  play(mark);
}

bool Server::grows(const storage::Batch& batch) const {
  return std::any_of(batch.begin(), batch.end(), [&](const auto& c) { return c.record && !disk_.contains(c.id); });
}

// As Turns::restart: an internal restart, not an undo. Of a batch that met a failing disk it is unknown until the next
// process whether it is there.
void Server::fail(bool full) {
  world_.trace("the commit fails: {}", full ? "full" : "failed");
  if (full) {  // what was written before is there
    for (const InFlight& one : flight_)
      if (one.written) write(one.batch, one.mark);
    flight_.clear();
    if (world_.chance(40)) end_trouble();  // else what is due at every restart would fill the disk again, and again
  }
  engine_->advance(time_of(world_.now));  // as far as the model is, which is asked what it says
  take_turn();
  release();
  for (const space::Reply& reply : gate_.fail(full ? ErrorCode::storage_full : ErrorCode::storage_error, "disk"))
    if (auto to = attached_.find(reply.session); to != attached_.end())
      deliver_(to->second, Reply{reply.sequence, reply.answer});
  if (!full) {
    broken_ = true;
    gate_.stop_writing();
    world_.in(world_.about(500'000), [this, process = process_] {
      if (process == process_ && engine_) crash();
    });
  }
  for (auto& [session, connection] : std::exchange(attached_, {})) close(connection);
  turn_due_ = false;
  rebuild();
  if (broken_) return;  // the next process may find the batch in doubt: the log leads there
  log_.clear();
  durable_ = live_;
}

void Server::disk_trouble() {
  if (!engine_ || broken_) return;
  if (world_.chance(60)) {
    full_ = true;
    world_.in(world_.about(300'000), [this] { end_trouble(); });
  } else {
    failing_ = true;
  }
  world_.trace("the disk is {}", full_ ? "full" : "failing");
}

void Server::end_trouble() {
  full_ = false;
  if (!engine_ || !live_.puts_refused) return;
  engine_->refuse_puts({});
  input([](Model& m) { m.puts_refused = false; });
}

void Server::close(const ConnectionPtr& connection) {
  connection->session = 0;
  if (!std::exchange(connection->server_has, false)) return;
  deliver_(connection, Closed{});
}

void Server::set_timer() {
  const auto next = engine_->next_deadline();
  if (!next || next->count() >= timer_at_) return;
  timer_at_ = next->count();
  world_.at(timer_at_ + world_.about(100), [this, process = process_, at = timer_at_] {
    if (process != process_ || !engine_ || timer_at_ != at) return;
    timer_at_ = never;
    schedule();
  });
}

void Server::check() {
  engine_->check();
  std::vector<Told> expected;
  const SessionId probe = engine_->open_session({}, time_of(world_.now));
  for (std::size_t i = 0; i < live_.spaces.size(); ++i) {
    static const Blob all = encoded(parse_template("(...)"));
    engine_->apply(probe, i + 1, Get{space_name(i), {all}, false, false, 0, 10'000}, time_of(world_.now));
    Told& told = live_.told.emplace_back(Told{probe, i + 1, Told::found, 0, {}});
    for (auto order : live_.matches(static_cast<std::uint16_t>(i), {Wanted{}}, false))
      told.items.push_back(live_.shown(order));
  }
  engine_->end_session(probe, time_of(world_.now));
}

void Server::check_now() {
  turns_ = check_every - 1;
  turn();
}

}  // namespace parvis::simulation
