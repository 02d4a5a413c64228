// Random histories of many clients against the naive model: every answer, the whole content, and after every crash what
// was acknowledged. PARVIS_SEED=n replays one history, PARVIS_HISTORIES=n plays more of them, PARVIS_TRACE
// tells every operation.
#include <catch2/catch.hpp>

#include <cstdlib>
#include <iostream>

#include "harness.hpp"
#include "tests/naive/mind.hpp"
#include "tests/naive/model.hpp"

namespace parvis::space::test {

namespace {

using naive::Ask;
using naive::Mind;
using naive::Told;
using AskPtr = std::shared_ptr<const Ask>;

class History {
 public:
  explicit History(std::uint64_t seed) : random_(seed) {
    limits_.grace = 5s;
    limits_.event_count = model_.event_count;
    model_.grace = std::chrono::microseconds(5s).count();
    limits_.range_steps = 1 + random_() % 4;  // ordered indexes come early, and bit by bit
    harness_ = Harness(limits_);
    const SessionId maker = harness_.engine->open_session(secret(0), harness_.now);
    for (std::uint16_t i = 0; i < habits_.spaces; ++i) {
      model_.spaces.push_back({i != 2, i != 2});
      harness_.engine->apply(maker, i + 1, Spaces{Spaces::What::make, naive::space_name(i), durability(i)},
                             harness_.now);
    }
    harness_.engine->confirm(maker, {habits_.spaces, {}}, harness_.now);
    harness_.engine->end_session(maker, harness_.now);
    harness_.turn();
    harness_.sync = false;
    restart();
    harness_.released.clear();
    clients_.resize(5);
  }

  void play(int steps) {
    for (int i = 0; i < steps; ++i) {
      act();
      if (chance(60)) turn();
      if (chance(10)) compare_contents();
    }
    turn();
    compare_contents();
  }

 private:
  struct Client {
    SessionId id = 0;
    bool attached = true;
    Mind mind;
    Sequence sequence = 0;
    std::map<Sequence, AskPtr> pending{};  // not answered, as far as the client knows
    std::set<Sequence> answered{}, confirmed{}, refused{};
    std::set<Sequence> acknowledged{};  // answered operations that must survive every crash
    std::set<naive::Serial> seen{};     // that an answer from a durable space told of
  };

  static Durability durability(std::size_t space) { return space == 2 ? Durability::volatile_ : Durability::durable; }
  std::size_t below(std::size_t n) { return random_() % n; }
  bool chance(int percent) { return below(100) < static_cast<std::size_t>(percent); }

  void act() {
    auto& client = clients_[below(clients_.size())];
    const std::size_t dice = below(100);
    if (dice < 3) return crash();
    if (dice < 12) return harness_.make_durable(below(harness_.queue.size() + 1)), release();
    if (dice < 22) return advance(Time(1 + below(2'000'000)));
    if (!client) return open(client);
    Client& c = *client;
    if (!c.attached) return attach(client);
    if (dice < 25) return detach(c);
    if (dice < 26) return end(client);
    if (dice < 32) return resend(c);
    if (dice < 38) return cancel(c, dice < 34);
    if (dice < 48) return confirm(c);
    send(c);
  }

  void open(std::unique_ptr<Client>& client) {
    client = std::make_unique<Client>(
        Client{harness_.engine->open_session(secret(1), harness_.now), true, Mind(random_, habits_, last_serial_)});
    model_.open(client->id);
  }
  void attach(std::unique_ptr<Client>& client) {
    Client& c = *client;
    if (harness_.engine->secret_of(c.id) == nullptr) return client.reset();
    harness_.engine->attach(c.id, harness_.now);
    model_.attach(c.id);
    c.attached = true;
    for (Sequence sequence : c.refused) {  // the refusal may have been lost with the connection
      harness_.engine->refuse(c.id, {sequence}, harness_.now);
      model_.refuse(c.id, sequence);
    }
    for (const auto& [sequence, ask] : std::map(c.pending)) apply(c, sequence, ask);
  }
  void detach(Client& c) {
    turn();
    harness_.engine->detach(c.id, harness_.now);
    model_.detach(c.id);
    c.attached = false;
    std::erase_if(harness_.held, [&](const Reply& r) { return r.session == c.id; });
  }
  void end(std::unique_ptr<Client>& client) {
    turn();
    harness_.engine->end_session(client->id, harness_.now);
    model_.end(client->id);
    client.reset();
  }
  void resend(Client& c) {
    if (c.pending.empty()) return;
    const auto one = *std::next(c.pending.begin(), static_cast<std::ptrdiff_t>(below(c.pending.size())));
    apply(c, one.first, one.second);
  }
  void cancel(Client& c, bool only_cancel) {
    if (c.pending.empty()) return;
    const auto [n, ask] = *std::next(c.pending.begin(), static_cast<std::ptrdiff_t>(below(c.pending.size())));
    const auto what = ask->what;
    if (what != Ask::get && what != Ask::statement && what != Ask::out && what != Ask::watch) return;
    if (only_cancel) {
      harness_.engine->cancel(c.id, {n}, harness_.now);
      return model_.cancel(c.id, n);
    }
    harness_.engine->refuse(c.id, {n}, harness_.now);
    model_.refuse(c.id, n);
    c.pending.erase(n);  // whatever comes, the client does not look at it
    c.refused.insert(n);
  }
  void confirm(Client& c) {
    Confirm what;
    what.upto = c.pending.empty() ? c.sequence : c.pending.begin()->first - 1;
    for (Sequence n : c.answered)
      if (n > what.upto && chance(50)) what.also.push_back(n);
    harness_.engine->confirm(c.id, what, harness_.now);
    model_.confirm(c.id, what);
    for (Sequence n = 1; n <= what.upto; ++n) c.confirmed.insert(n);
    c.confirmed.insert(what.also.begin(), what.also.end());
  }
  void advance(Time by) {
    harness_.advance(by);
    model_.advance(harness_.now.count());
  }
  void send(Client& c) {
    const auto space = static_cast<std::uint16_t>(below(4) % habits_.spaces);
    const auto unseen = [&](naive::TransactionName name) {
      return std::any_of(c.pending.begin(), c.pending.end(), [&](auto& p) { return p.second->transaction == name; });
    };
    auto ask = std::make_shared<Ask>(c.mind.think(space, model_.spaces[space].tuples.size() > 12, unseen));
    if (ask->what == Ask::quota) ask->to = static_cast<std::uint16_t>(durability(ask->space));
    c.pending[++c.sequence] = ask;
    apply(c, c.sequence, ask);
  }
  void apply(Client& c, Sequence n, const AskPtr& ask) {
    if (std::getenv("PARVIS_TRACE") != nullptr)
      std::cerr << harness_.now.count() << " us " << c.id << '#' << n << ' ' << text(*ask) << '\n';
    harness_.engine->apply(c.id, n, operation_of(*ask), harness_.now);
    model_.apply(c.id, n, names_.translated(ask), {});
  }

  void crash();
  void restart();
  void check_acknowledged(const Client& c, const naive::Model& before) const;
  void turn();
  void compare(const std::vector<Reply>& replies);
  void keep(Turn&& turn);
  void release();
  void hear(Client& c, const Reply& reply);
  static void learn(Client& c, Sequence n, const Ask& ask, const Answer& answer);
  void compare_contents();

  std::mt19937_64 random_;
  naive::Habits habits_;
  naive::Serial last_serial_ = 0;
  Limits limits_;
  Harness harness_;
  naive::Model model_;
  naive::Names names_;
  std::map<std::uint64_t, naive::Model> snapshots_;  // by number of the batch that made it durable
  std::vector<std::unique_ptr<Client>> clients_;
};

// One turn of the loop: the engine's answers are the model's.
void History::turn() {
  harness_.engine->check();
  model_.end_turn();
  Turn t = harness_.engine->take_turn();
  compare(t.replies);
  keep(std::move(t));
  release();
  for (const auto& c : clients_)
    if (c) REQUIRE((harness_.engine->secret_of(c->id) != nullptr) == model_.sessions.contains(c->id));
}

void History::compare(const std::vector<Reply>& replies) {
  std::vector<Told> said, expected = std::exchange(model_.told, {});
  for (const Reply& reply : replies) said.push_back(naive::told_of(reply));
  if (std::getenv("PARVIS_TRACE") != nullptr)
    for (const Told& told : said) std::cerr << "  says " << text(told) << '\n';
  const std::string what = naive::difference(said, expected);
  INFO(what);
  REQUIRE(what.empty());
  REQUIRE(names_.learn(said, expected).empty());
}

void History::keep(Turn&& turn) {
  for (const Reply& reply : turn.replies)
    if (std::holds_alternative<Answer>(reply.answer)) harness_.held.push_back(reply);
  if (turn.batch.empty()) return;
  harness_.queue.emplace_back(turn.number, std::move(turn.batch));
  snapshots_[turn.number] = model_;
}

void History::release() {
  harness_.release();
  for (const Reply& reply : harness_.released)
    for (auto& c : clients_)
      if (c && c->id == reply.session && c->attached) hear(*c, reply);
  harness_.released.clear();
}

// What the client learns from an answer.
void History::hear(Client& c, const Reply& reply) {
  const Answer& answer = std::get<Answer>(reply.answer);
  const auto asked = c.pending.extract(reply.sequence);
  if (asked.empty()) return;  // refused, or answered twice
  names_.tell(answer);
  c.answered.insert(reply.sequence);
  const auto& applied = model_.sessions.at(c.id).applied;
  if (auto known = applied.find(reply.sequence); known != applied.end() && known->second.lasting)
    c.acknowledged.insert(reply.sequence);
  const Ask& ask = *asked.mapped();
  learn(c, reply.sequence, ask, answer);
  if (!model_.spaces[ask.space].lasting || ask.what == Ask::statement || ask.what == Ask::aggregate) return;
  for (const naive::Shown& item : naive::told_of(reply).items) c.seen.insert(item.serial);
}

void History::learn(Client& c, Sequence n, const Ask& ask, const Answer& answer) {
  const naive::TransactionName name = naive::name_of(c.id, n);
  c.mind.hear(name, ask, answer);
  const bool ends = ask.what == Ask::abort || (ask.what == Ask::commit && !ask.partial);
  if (ends && std::holds_alternative<Done>(answer)) c.mind.claims.erase(ask.transaction);
  const auto* found = std::get_if<Found>(&answer);
  if (found == nullptr || !ask.take || found->items.empty()) return;
  if (ask.begins) c.mind.claims[name].id = found->transaction;
  const auto claim = c.mind.claims.find(ask.begins ? name : ask.transaction);
  if (claim == c.mind.claims.end()) return;
  for (const Item& item : found->items) claim->second.items[item.id];
}

// What the client was told has happened, in what is left.
void History::check_acknowledged(const Client& c, const naive::Model& before) const {
  for (auto serial : c.seen) REQUIRE((model_.ever.size() > serial && model_.ever[serial]));
  if (!before.sessions.contains(c.id)) return;
  for (Sequence n : c.acknowledged) {
    if (c.confirmed.contains(n)) continue;
    REQUIRE(model_.sessions.contains(c.id));
    REQUIRE(model_.sessions.at(c.id).applied.contains(n));
  }
}

void History::crash() {
  if (chance(70)) turn();
  harness_.make_durable(below(harness_.queue.size() + 1));
  if (chance(50)) release();
  const naive::Model before = std::exchange(model_, snapshots_.at(harness_.durable));
  model_.next_id = before.next_id;
  for (const auto& c : clients_)
    if (c) check_acknowledged(*c, before);
  harness_.now += Time(below(1'000'000));
  restart();
  for (auto& c : clients_) {
    if (!c) continue;
    c->attached = false;
    const bool lives = model_.sessions.contains(c->id);
    REQUIRE((harness_.engine->secret_of(c->id) != nullptr) == lives);
    if (!lives) c.reset();
  }
}

void History::restart() {
  harness_.crash();
  model_.now = std::max(model_.now, static_cast<naive::Micros>(harness_.now.count()));
  model_.crash(harness_.engine->stats().epoch, model_.next_id);
  advance(0us);  // what expired meanwhile
  snapshots_.clear();
  snapshots_[0] = snapshots_[1] = model_;  // the first batch is that of the start itself
}

// Reads everything, through a client of its own.
void History::compare_contents() {
  turn();
  Engine& engine = *harness_.engine;
  const SessionId probe = engine.open_session(secret(9), harness_.now);
  for (std::uint16_t i = 0; i < habits_.spaces; ++i) {
    engine.apply(probe, i + 1, Get{naive::space_name(i), {pattern("(...)")}, false, false, 0, 10000}, harness_.now);
    Told& all = model_.told.emplace_back(Told{probe, static_cast<Sequence>(i) + 1, Told::found});
    for (auto order : model_.matches(i, {naive::Wanted{}}, false)) all.items.push_back(model_.shown(order));
  }
  engine.end_session(probe, harness_.now);
  Turn t = engine.take_turn();
  compare(t.replies);
  t.replies.clear();
  keep(std::move(t));
}

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

}  // namespace

TEST_CASE("Random histories with crashes agree with the naive model") {
  const std::uint64_t first = from_environment("PARVIS_SEED", 1);
  const std::uint64_t histories = std::getenv("PARVIS_SEED") != nullptr ? 1 : from_environment("PARVIS_HISTORIES", 150);
  for (std::uint64_t seed = first; seed < first + histories; ++seed) {
    INFO("PARVIS_SEED=" << seed);
    History(seed).play(400);
  }
}

}  // namespace parvis::space::test
