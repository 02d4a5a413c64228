// Random histories of many clients against the naive model: every answer, the whole content, and after every crash what
// was acknowledged. PARVIS_SEED=n replays one history, PARVIS_HISTORIES=n plays more of them, PARVIS_TRACE
// tells every operation.
#include <catch2/catch.hpp>

#include <cstdlib>
#include <iostream>

#include "harness.hpp"
#include "naive_model.hpp"
#include "random_requests.hpp"
#include "requests.hpp"

namespace parvis::space::test {

namespace {

class History : RandomRequests {
 public:
  explicit History(std::uint64_t seed) : RandomRequests(seed) {
    limits_.grace = 5s;
    harness_ = Harness(limits_);
    const SessionId maker = harness_.engine->open_session(secret(0), harness_.now);
    harness_.engine->apply(maker, 1, Spaces{Spaces::What::make, "v", Durability::volatile_}, harness_.now);
    harness_.engine->confirm(maker, {1, {}}, harness_.now);
    harness_.engine->end_session(maker, harness_.now);
    harness_.turn();
    harness_.sync = false;
    harness_.crash();
    harness_.released.clear();
    snapshots_[0] = snapshots_[1] = model_;  // the first batch is that of the start itself
    for (int i = 0; i < 5; ++i) clients_.emplace_back();
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
    SessionId id = 0;  // 0: none
    bool attached = false;
    Sequence sequence = 0;
    std::map<Sequence, Naive::Request> pending;           // not answered, as far as the client knows
    std::set<Sequence> answered, confirmed;
    std::set<Sequence> acknowledged;                      // answered operations that must survive every crash
    std::set<std::uint64_t> seen;                         // serials that an answer from a durable space told of
    std::map<std::uint64_t, std::set<std::uint64_t>> claims;  // open transactions, and the serials it knows in them
  };

  void act() {
    Client& c = clients_[below(clients_.size())];
    const std::size_t dice = below(100);
    if (dice < 3) return crash();
    if (dice < 12) return harness_.make_durable(below(harness_.queue.size() + 1)), release();
    if (dice < 22) return advance(duration(static_cast<std::int64_t>(below(3))));
    if (c.id == 0) return open(c);
    if (!c.attached) return attach(c);
    if (dice < 25) return detach(c);
    if (dice < 26) return end(c);
    if (dice < 32) return resend(c);
    if (dice < 38) return cancel(c, dice < 34);
    if (dice < 48) return confirm(c);
    send(c, request(c.claims));
  }

  void open(Client& c) {
    c = Client{};
    c.id = harness_.engine->open_session(secret(1), harness_.now);
    c.attached = true;
    model_.sessions[c.id] = {};
  }
  void attach(Client& c) {
    if (harness_.engine->secret_of(c.id) == nullptr) {
      c.id = 0;
      return;
    }
    harness_.engine->attach(c.id, harness_.now);
    model_.sessions.at(c.id).attached = c.attached = true;
    model_.sessions.at(c.id).grace = never;
    for (const auto& [session, sequence] : refused_) {  // the refusal may have been lost with the connection
      if (session != c.id) continue;
      harness_.engine->refuse(c.id, {sequence}, harness_.now);
      model_.refuse(c.id, sequence, false);
    }
    const auto pending = c.pending;
    for (const auto& [sequence, r] : pending) apply(c, sequence, r);
  }
  void detach(Client& c) {
    turn();
    harness_.engine->detach(c.id, harness_.now);
    model_.detach(c.id, 5 * second);
    c.attached = false;
    std::erase_if(harness_.held, [&](const Reply& r) { return r.session == c.id; });
  }
  void end(Client& c) {
    turn();
    harness_.engine->end_session(c.id, harness_.now);
    model_.end(c.id);
    c.id = 0;
  }
  void resend(Client& c) {
    if (c.pending.empty()) return;
    const auto one = *std::next(c.pending.begin(), static_cast<std::ptrdiff_t>(below(c.pending.size())));
    apply(c, one.first, one.second);
  }
  void cancel(Client& c, bool only_cancel) {
    const auto& from = c.pending;
    if (from.empty()) return;
    const Sequence n = std::next(from.begin(), static_cast<std::ptrdiff_t>(below(from.size())))->first;
    if (from.at(n).what != Naive::Request::get && from.at(n).what != Naive::Request::statement) return;
    if (only_cancel)
      harness_.engine->cancel(c.id, {n}, harness_.now);
    else
      harness_.engine->refuse(c.id, {n}, harness_.now);
    model_.refuse(c.id, n, only_cancel);
    if (only_cancel) return;
    c.pending.erase(n);  // whatever comes, the client does not look at it
    refused_.insert({c.id, n});
  }
  void confirm(Client& c) {
    Confirm what;
    what.upto = c.pending.empty() ? c.sequence : c.pending.begin()->first - 1;
    for (Sequence n : c.answered)
      if (n > what.upto && chance(50)) what.also.push_back(n);
    harness_.engine->confirm(c.id, what, harness_.now);
    for (Sequence n = 1; n <= what.upto; ++n) model_.confirm(c.id, n), c.confirmed.insert(n);
    for (Sequence n : what.also) model_.confirm(c.id, n), c.confirmed.insert(n);
  }
  void advance(std::int64_t by) {
    harness_.advance(Time(by));
    model_.advance(harness_.now.count());
  }
  void send(Client& c, const Naive::Request& r) {
    c.pending[++c.sequence] = r;
    apply(c, c.sequence, r);
  }
  void apply(Client& c, Sequence n, const Naive::Request& r) {
    if (std::getenv("PARVIS_TRACE") != nullptr)
      std::cerr << harness_.now.count() << " us " << c.id << '#' << n << ' ' << to_text(r) << '\n';
    if (r.what == Naive::Request::count || r.what == Naive::Request::collect) counts_.insert({c.id, n});
    if (r.what == Naive::Request::statement) statements_.insert({{c.id, n}, r.otherwise});
    harness_.engine->apply(c.id, n, operation_of(r, names_), harness_.now);
    model_.apply(c.id, n, r);
  }

  void crash();
  void check_acknowledged(const Client& c, const Naive& before);
  void turn();
  void release();
  void hear(Client& c, const Reply& reply);
  static void see(Client& c, const Naive::Request& r, const Ran& ran);
  std::string text_of_reply(const Reply& reply);
  void compare_contents();

  Limits limits_;
  Harness harness_;
  Naive model_;
  std::map<std::uint64_t, Naive> snapshots_;  // by number of the batch that made it durable
  std::vector<Client> clients_;
  Names names_;
  std::set<std::pair<SessionId, Sequence>> refused_, counts_;
  std::map<std::pair<SessionId, Sequence>, bool> statements_;  // and whether each has an else
};

std::uint64_t serial_of(const Item& item) {
  return static_cast<std::uint64_t>(decode_tuple(item.tuple.blob()).items[2].get<std::int64_t>());
}

std::string text_of_item(const Item& item) {
  const Tuple t = decode_tuple(item.tuple.blob());
  return t.items[0].get<std::string>() + std::to_string(t.items[1].get<std::int64_t>()) + "." +
         std::to_string(t.items[2].get<std::int64_t>()) + "/" + std::to_string(item.attempts);
}

std::string History::text_of_reply(const Reply& reply) {
  const Answer& answer = std::get<Answer>(reply.answer);
  if (const auto* failed = std::get_if<Failed>(&answer)) {
    if (failed->code == ErrorCode::timeout) return "timeout";
    return failed->code == ErrorCode::conflict ? "conflict" : failed->text;
  }
  if (const auto* done = std::get_if<Done>(&answer)) {
    if (counts_.contains({reply.session, reply.sequence})) return std::to_string(done->number);
    return "done";
  }
  std::string text;
  if (const auto* ran = std::get_if<Ran>(&answer)) {
    const bool has_else = statements_.at({reply.session, reply.sequence});
    if (ran->branch == 1) return has_else ? "else" : "none";
    text = "ran ";
    for (const Item& item : ran->items) text += text_of_item(item) + " ";
    text += "-> ";
    for (const Item& item : ran->updated) text += text_of_item(item);
    return text;
  }
  for (const Item& item : std::get<Found>(answer).items) text += text_of_item(item) + " ";
  return text;
}

// One turn of the loop: the engine's answers are the model's.
void History::turn() {
  const std::size_t before = harness_.held.size(), batches = harness_.queue.size();
  harness_.engine->check();
  Turn t = harness_.engine->take_turn();
  std::vector<std::string> got, expected;
  for (const Reply& reply : t.replies) {
    if (std::holds_alternative<Waiting>(reply.answer)) continue;
    got.push_back(std::to_string(reply.session) + "#" + std::to_string(reply.sequence) + " " + text_of_reply(reply));
    harness_.held.push_back(reply);
  }
  for (const auto& a : model_.answers)
    expected.push_back(std::to_string(a.session) + "#" + std::to_string(a.sequence) + " " + a.text);
  model_.answers.clear();
  std::sort(got.begin(), got.end());
  std::sort(expected.begin(), expected.end());
  REQUIRE(got == expected);
  REQUIRE(harness_.held.size() - before == got.size());
  if (!t.batch.empty()) {
    harness_.queue.emplace_back(t.number, std::move(t.batch));
    snapshots_[t.number] = model_;
  }
  REQUIRE(harness_.queue.size() - batches <= 1);
  release();
  for (Client& c : clients_) {
    if (c.id != 0 && c.attached) REQUIRE(harness_.engine->secret_of(c.id) != nullptr);
    if (c.id != 0) REQUIRE((harness_.engine->secret_of(c.id) != nullptr) == model_.sessions.contains(c.id));
  }
}

void History::release() {
  harness_.release();
  for (const Reply& reply : harness_.released)
    for (Client& c : clients_)
      if (c.id == reply.session && c.attached) hear(c, reply);
  harness_.released.clear();
}

// What it found in durable spaces was there for good.
void History::see(Client& c, const Naive::Request& r, const Ran& ran) {
  auto item = ran.items.begin();
  for (const auto& condition : r.guard)
    if (condition.what != Naive::Condition::absent) {
      if (Naive::lasting(condition.space)) c.seen.insert(serial_of(*item));
      ++item;
    }
}

// What the client learns from an answer.
void History::hear(Client& c, const Reply& reply) {
  const Answer& answer = std::get<Answer>(reply.answer);
  auto asked = c.pending.find(reply.sequence);
  if (asked == c.pending.end()) return;  // refused, or answered twice
  const Naive::Request r = asked->second;
  c.pending.erase(asked);
  c.answered.insert(reply.sequence);
  const std::uint64_t name = c.id * 1000000 + reply.sequence;
  const auto& applied = model_.sessions.at(c.id).applied;
  if (auto known = applied.find(reply.sequence); known != applied.end() && known->second.lasting)
    c.acknowledged.insert(reply.sequence);
  if (const auto* done = std::get_if<Done>(&answer); done != nullptr && r.what == Naive::Request::begin) {
    names_.transactions[name] = done->number;
    c.claims[name];
  }
  if (const auto* ran = std::get_if<Ran>(&answer); ran != nullptr && !ran->items.empty()) see(c, r, *ran);
  const auto* found = std::get_if<Found>(&answer);
  if (found == nullptr) return;
  if (r.begins && found->transaction != 0) names_.transactions[name] = found->transaction;
  for (const Item& item : found->items) {
    const std::uint64_t serial = serial_of(item);
    if (Naive::lasting(r.space)) c.seen.insert(serial);
    if (!r.take || (!r.begins && r.transaction == 0)) continue;
    names_.tuples[serial] = item.id;  // which it keeps while it is held
    c.claims[r.begins ? name : r.transaction].insert(serial);
  }
}

// What the client was told has happened, in what is left.
void History::check_acknowledged(const Client& c, const Naive& before) {
  for (auto serial : c.seen) REQUIRE(model_.ever.contains(serial));
  if (c.id == 0 || !before.sessions.contains(c.id)) return;
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
  const Naive before = std::exchange(model_, snapshots_.at(harness_.durable));
  model_.answers.clear();
  for (const Client& c : clients_) check_acknowledged(c, before);
  harness_.now += Time(duration(static_cast<std::int64_t>(below(2))));
  harness_.crash();
  model_.crash(harness_.now.count(), 5 * second);
  advance(0);  // what expired meanwhile
  snapshots_.clear();
  snapshots_[0] = model_;
  snapshots_[1] = model_;  // the batch of the restart itself
  for (Client& c : clients_) {
    c.attached = false;
    if (c.id == 0) continue;
    const bool lives = model_.sessions.contains(c.id);
    REQUIRE((harness_.engine->secret_of(c.id) != nullptr) == lives);
    if (!lives) c.id = 0;
  }
}

// Reads everything, through a client of its own.
void History::compare_contents() {
  turn();
  Engine& engine = *harness_.engine;
  const SessionId probe = engine.open_session(secret(9), harness_.now);
  for (Sequence i = 0; i < space_names.size(); ++i)
    engine.apply(probe, i + 1, Get{space_names[i], {pattern("(...)")}, false, false, 0, 10000}, harness_.now);
  engine.end_session(probe, harness_.now);
  Turn t = engine.take_turn();
  REQUIRE(t.replies.size() == space_names.size());
  for (const Reply& reply : t.replies) {
    Naive::Request all;
    all.space = space_names[reply.sequence - 1];
    all.templates.emplace_back();
    std::string expected;
    for (const auto* tuple : model_.matches(all)) expected += Naive::text(*tuple) + " ";
    REQUIRE(text_of_reply(reply) == expected);
  }
  if (t.batch.empty()) return;
  harness_.queue.emplace_back(t.number, std::move(t.batch));
  snapshots_[t.number] = model_;
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
