#include "client.hpp"

#include <algorithm>

#include "tuplespace/model/codec.hpp"

namespace parvis::simulation {

namespace {

constexpr std::chrono::microseconds lease{heartbeat + grace};  // how long a session lives after its client was heard
constexpr std::chrono::microseconds patience{20'000'000};      // of an application whose server stays away

Serial serial_of(const Item& item) {
  return static_cast<Serial>(decode_tuple(item.tuple.blob()).items[2].get<std::int64_t>());
}

}  // namespace

Client::Client(std::size_t index, Surroundings& around)
    : index_(index), around_(around), mind_(around.world.random, around.world.climate, around.world.last_serial) {
  broke_at_ = around.world.now;
}

// --- the connection ---

void Client::dial() {
  dialling_ = false;
  if (connection_) connection_->client_has = false;  // it tries another way in, though this one may still work
  if (online_) broke_at_ = around_.world.now;
  online_ = false;
  pinged_at_ = -1;
  connection_ = around_.connect(index_);
  dialled_at_ = last_received_ = around_.world.now;
  Dial dial;
  if (session_ != 0) dial.resume.emplace(session_, secret_);
  around_.send(connection_, dial);
}

void Client::broken() {
  if (online_) broke_at_ = around_.world.now;
  online_ = false;
  connection_.reset();
  pinged_at_ = -1;
  if (std::exchange(dialling_, true)) return;
  World& w = around_.world;
  w.in(w.about(5'000 + 10 * w.climate.delay), [this, alive = std::weak_ptr<int>(alive_)] {
    if (!alive.expired() && dialling_) dial();
  });
}

void Client::lost(const ConnectionPtr& which) {
  which->client_has = false;
  if (which == connection_) broken();
}

void Client::receive(const ConnectionPtr& from, ToClient&& frame) {
  if (from != connection_ || !from->client_has) return;
  if (std::holds_alternative<Closed>(frame)) return lost(from);
  if (online_ && time() - ledger_.heard() > lease) {
    around_.world.trace("client {} was stopped for longer than its session lives", index_);
    return lost(from);
  }
  last_received_ = around_.world.now;
  if (const auto* welcome = std::get_if<wire::Welcome>(&frame)) return adopt(*welcome);
  if (std::holds_alternative<wire::Pong>(frame)) {
    if (pinged_at_ >= 0) ledger_.heard(client::Time(std::chrono::microseconds(pinged_at_)));
    pinged_at_ = -1;
    return;
  }
  auto& reply = std::get<Reply>(frame);
  if (const auto* waiting = std::get_if<Waiting>(&reply.answer)) ledger_.waiting(reply.sequence, *waiting, time());
  else answered(reply.sequence, std::get<Answer>(reply.answer));
}

void Client::adopt(const wire::Welcome& welcome) {
  online_ = true;
  ledger_.heard(client::Time(std::chrono::microseconds(dialled_at_)));
  std::vector<Sequence> resend;
  if (welcome.resumed) {
    auto todo = ledger_.resumed(time());
    for (const auto& refuse : todo.refuse) around_.send(connection_, refuse);
    if (todo.confirm) around_.send(connection_, *todo.confirm);
    resend = std::move(todo.resend);
  } else {
    session_ = welcome.session;
    secret_.bytes = welcome.secret;
    auto todo = ledger_.renewed(welcome);
    for (const auto& request : todo.lost) given_up(*request, true);
    for (const auto& request : todo.applied) {
      if (request->operation() == nullptr) continue;  // its caller has gone
      auto& done = static_cast<Call&>(*request);
      acknowledged(*done.ask, done.sequence);
    }
    mind_.claims.clear();
    settling_.clear();
    taken_again_.clear();
    held_.clear();
    resend = std::move(todo.resend);
  }
  for (Sequence sequence : resend) transmit(sequence);
}

void Client::transmit(Sequence sequence) {
  auto operation = ledger_.again(sequence, time());
  if (!operation) return;
  if (ledger_.confirm_rides()) send_confirm();
  auto ask = call(sequence)->ask;
  const auto shortened = [&](const auto* waits) {
    if (waits == nullptr || waits->timeout_us == ask->timeout) return;
    auto later = std::make_shared<Ask>(*ask);
    later->timeout = waits->timeout_us;
    ask = later;
  };
  shortened(std::get_if<Get>(&*operation));
  shortened(std::get_if<Statement>(&*operation));
  shortened(std::get_if<Watch>(&*operation));
  around_.send(connection_, Request{sequence, std::move(*operation), std::move(ask)});
  ledger_.sent(sequence, time());
}

void Client::send_confirm() {
  if (const auto confirm = ledger_.take_confirm(time())) around_.send(connection_, *confirm);
}

void Client::look_after() {
  const auto now = around_.world.now;
  if (!online_) {
    if (connection_ && now - last_received_ > heartbeat) lost(connection_);
    if (!connection_ && !dialling_) broken();
    for (const auto& [request, unknown] : ledger_.expired(time())) given_up(*request, unknown);
    if (client::Time(std::chrono::microseconds(broke_at_)) + patience > time()) return;
    for (const auto& [request, unknown] : ledger_.fail_all(time(), time() - patience)) given_up(*request, unknown);
    return;
  }
  if (const auto due = ledger_.confirm_due(); due && *due <= time()) send_confirm();
  if (pinged_at_ >= 0 && last_received_ < pinged_at_ && now - pinged_at_ > 2 * heartbeat / 3) return lost(connection_);
  if (pinged_at_ < 0 && now - last_received_ >= heartbeat / 3) {
    pinged_at_ = now;
    around_.send(connection_, wire::Ping{});
  }
}

// --- the application ---

void Client::start(std::shared_ptr<const Ask> ask) {
  auto call = std::make_shared<Call>();
  call->owned = operation_of(*ask);
  call->ask = ask;
  call->hold = true;
  std::optional<client::Time> deadline;
  const bool waits = ask->what == Ask::get || ask->what == Ask::statement || ask->what == Ask::watch;
  if (waits && ask->wait && ask->timeout >= 0) deadline = time() + std::chrono::microseconds(ask->timeout);
  if (ask->what == Ask::commit && !settling_.insert(ask->transaction).second)
    doubt(*ask);  // the answers may come in any order
  ledger_.add(call, client::effect_of(*call->owned), deadline, time());
  open_.push_back(call->sequence);
  if (online_) transmit(call->sequence);
}

void Client::act() {
  if (!finishing_ && !held_.empty() && around_.world.chance(70)) settle_held();
  std::erase_if(open_, [&](Sequence n) { return call(n) == nullptr; });
  if (!finishing_ && ledger_.unanswered() < around_.world.climate.pipeline) return start(think());
  interfere();
}

std::shared_ptr<const Ask> Client::think() {
  World& w = around_.world;
  // A few spaces of its own each, so that clients meet and yet no space is everybody's.
  const auto space = static_cast<std::uint16_t>((index_ + w.below(3)) % w.climate.spaces);
  const auto unseen = [&](TransactionName name) {
    const auto inside = [&](const Call* one) { return one != nullptr && one->ask->transaction == name; };
    return std::any_of(open_.begin(), open_.end(), [&](Sequence n) { return inside(call(n)); }) ||
           std::any_of(held_.begin(), held_.end(), [&](auto& held) { return inside(held.first.get()); });
  };
  auto ask =
      std::make_shared<Ask>(mind_.think(space, around_.live().spaces[space].tuples.size() > w.climate.crowded, unseen));
  if (ask->what == Ask::quota) ask->to = static_cast<std::uint16_t>(around_.durability(ask->space));
  return ask;
}

// Something is under way for long: cancelled, interrupted, or left alone.
void Client::interfere() {
  if (open_.empty()) return;
  const Sequence n = open_[around_.world.below(open_.size())];
  const Call* one = call(n);
  if (one == nullptr || one->operation() == nullptr) return;
  const auto what = one->ask->what;
  const bool may_wait = what == Ask::get || what == Ask::statement || what == Ask::watch || what == Ask::out;
  if (!may_wait && !around_.world.chance(3)) return;
  if (online_ && (finishing_ || around_.world.chance(50))) return around_.send(connection_, Cancel{n});
  if (!around_.world.chance(30)) return;
  doubt(*one->ask);
  const bool refused = ledger_.refuse(n, time());
  if (!online_) return;
  if (refused) around_.send(connection_, Refuse{n});
  else if (ledger_.find(n) != nullptr) around_.send(connection_, Cancel{n});
}

// The application has looked at what it was handed: it uses it, or gives it back.
void Client::settle_held() {
  auto [done, found] = std::move(held_.back());
  held_.pop_back();
  if (!finishing_ && around_.world.chance(15)) {
    if (ledger_.refuse(done->sequence, time()) && online_) around_.send(connection_, Refuse{done->sequence});
    return;
  }
  if (ledger_.release(done->sequence, time())) use(*done, found);
}

void Client::answered(Sequence sequence, const Answer& answer) {
  const auto request = ledger_.answered(sequence, time());
  if (!request || request->operation() == nullptr) return;  // else its caller has gone
  auto done = std::static_pointer_cast<Call>(request);
  const auto* found = std::get_if<Found>(&answer);
  if (found == nullptr) {
    const auto* failed = std::get_if<Failed>(&answer);
    if (failed == nullptr || failed->code != ErrorCode::storage_error) ledger_.release(sequence, time());
    else if (ledger_.refuse(sequence, time()) && online_) around_.send(connection_, Refuse{sequence});
    return complete(*done, answer);
  }
  if (around_.world.chance(20)) {
    held_.emplace_back(done, *found);
  } else if (ledger_.release(sequence, time())) {
    use(*done, *found);
  }
}

void Client::complete(Call& done, const Answer& answer) {
  const Ask& ask = *done.ask;
  if (const auto* failed = std::get_if<Failed>(&answer)) {
    if (failed->code == ErrorCode::storage_error) return doubt(ask);
    if (failed->code == ErrorCode::protocol_error)
      throw Violation(fmt::format("client {} is told of its operation {}: {}", index_, done.sequence, failed->text));
    for (const Fresh& f : ask.puts)
      if (around_.durable_space(f.space) && around_.live().ever.size() > f.serial && around_.live().ever[f.serial])
        throw Violation(fmt::format("operation {} failed, and yet tuple {} was put", done.sequence, f.serial));
    if (ask.what == Ask::commit) settling_.erase(ask.transaction);
    // A get inside it may hear of the commit's end before the commit does.
    if (failed->code == ErrorCode::conflict && ask.what != Ask::get) mind_.claims.erase(ask.transaction);
    return;
  }
  mind_.hear(name_of(session_, done.sequence), ask, answer);
  if (ask.what != Ask::begin) acknowledged(ask, done.sequence);
}

// A change has taken effect, its client is told.
void Client::acknowledged(const Ask& ask, Sequence sequence) {
  for (const Fresh& f : ask.puts) {
    if (!around_.durable_space(f.space)) continue;
    if (!around_.durably_put(f.serial))
      throw Violation(fmt::format("tuple {} was acknowledged before it was durable", f.serial));
    if (ask.lease < 0 && !ask.owned) around_.books.put.push_back(f.serial);
  }
  auto claim = mind_.claims.find(ask.transaction);
  if (claim == mind_.claims.end()) {
    for (TupleId id : ask.named) around_.books.doubt(around_.books.handed[id].serial);
    return;
  }
  auto& items = claim->second.items;
  if (ask.what == Ask::abort || (ask.what == Ask::commit && !ask.partial)) {
    if (ask.what == Ask::commit)
      for (const auto& [id, serial] : items) own(id, sequence);
    mind_.claims.erase(claim);
    return;
  }
  if (ask.what != Ask::commit) return;
  settling_.erase(ask.transaction);
  for (TupleId id : ask.named)
    if (items.erase(id) != 0) own(id, sequence);
  for (TupleId id : ask.released)
    if (taken_again_[ask.transaction].erase(id) == 0) items.erase(id);
}

void Client::use(Call& done, const Found& found) {
  const Ask& ask = *done.ask;
  mind_.hear(name_of(session_, done.sequence), ask, found);
  for (const Item& item : found.items)
    if (ask.what == Ask::get) around_.books.handed[item.id] = {serial_of(item), ask.space};
  const TransactionName in = ask.begins ? name_of(session_, done.sequence) : ask.transaction;
  if (ask.take && in != 0) {
    if (found.items.empty()) return;
    auto claim = ask.begins ? mind_.claims.emplace(in, Claim{found.transaction}).first : mind_.claims.find(in);
    if (claim == mind_.claims.end()) {  // it was committed or aborted before anybody looked at this
      for (const Item& item : found.items) around_.books.doubt(serial_of(item));
      return;
    }
    // A blocked take inside may get what a commit releases, and is answered before it.
    for (const Item& item : found.items)
      if (!claim->second.items.emplace(item.id, serial_of(item)).second) taken_again_[in].insert(item.id);
    return;
  }
  if (ask.what != Ask::get) return;
  for (const Item& item : found.items) {
    const Serial serial = serial_of(item);
    if (around_.durable_space(ask.space) && !around_.durably_put(serial))
      throw Violation(fmt::format("tuple {} was shown before it was durable", serial));
    if (ask.take) own(item.id, done.sequence);
  }
}

// In this client's hands for good. Another's hands may have held it only if that one's session ended before it could
// confirm: then it was returned.
void Client::own(TupleId id, Sequence sequence) {
  const auto [serial, space] = around_.books.handed[id];
  around_.world.trace("client {} uses tuple {} of {}#{}", index_, serial, session_, sequence);
  if (!around_.durable_space(space)) return;  // what a crash forgets may be handed out again
  if (around_.books.doubted(serial)) return;
  // Its session has ended and it does not know yet: what it acts on has been returned, which nobody can prevent.
  if (!around_.live().sessions.contains(session_)) return around_.books.doubt(serial);
  auto [at, first] = around_.books.used.try_emplace(serial, Books::Use{session_, sequence});
  if (first) return;
  const auto other = std::exchange(at->second, {session_, sequence});
  if (around_.live().sessions.contains(other.session) && !around_.books.doubted(serial))
    throw Violation(fmt::format("tuple {} was handed to session {} ({}) and to {} ({})", serial, other.session,
                                other.sequence, session_, sequence));
}

// Nobody knows whether it took effect, or nobody asks any more.
void Client::doubt(const Ask& ask) {
  for (const Fresh& f : ask.puts) around_.books.doubt(f.serial);
  for (TupleId id : ask.named) around_.books.doubt(around_.books.handed[id].serial);
  const auto claim = mind_.claims.find(ask.transaction);
  if (claim == mind_.claims.end()) return;
  for (const auto& [id, serial] : claim->second.items) around_.books.doubt(serial);
}

void Client::given_up(const client::Request& request, bool unknown) {
  if (unknown && request.operation() != nullptr) doubt(*static_cast<const Call&>(request).ask);
}

void Client::leave() {
  if (online_) {
    send_confirm();
    around_.send(connection_, wire::Bye{});
  }
  abandon();
}

void Client::abandon() {
  around_.world.trace("client {} is no more", index_);
  for (Sequence n : open_)
    if (const Call* one = call(n); one != nullptr && one->operation() != nullptr) doubt(*one->ask);
  if (connection_) connection_->client_has = false;
}

void Client::finish() {
  finishing_ = true;
  while (!held_.empty()) settle_held();
  for (int i = 0; i < 4; ++i) act();
  if (online_) send_confirm();
}

}  // namespace parvis::simulation
