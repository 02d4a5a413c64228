// What net and server do with connections: sessions begin, are resumed, fall silent and end.
#include "server.hpp"

namespace parvis::simulation {

namespace {

space::Time time_of(Micros us) { return space::Time(us); }

bool writes(const Operation& operation) {
  if (const auto* get = std::get_if<Get>(&operation)) return get->take;
  return !std::holds_alternative<Count>(operation) && !std::holds_alternative<Scan>(operation) &&
         !std::holds_alternative<Aggregate>(operation) && !std::holds_alternative<Watch>(operation);
}

}  // namespace

void Server::receive(const ConnectionPtr& connection, ToServer&& frame) {
  if (!connection->server_has) return;
  if (!engine_) return close(connection);
  connection->heard = world_.now;
  if (const auto* dial = std::get_if<Dial>(&frame)) return opened(connection, *dial);
  const SessionId id = connection->session;
  if (id == 0 || engine_->secret_of(id) == nullptr) return;
  const auto now = time_of(world_.now);
  if (auto* request = std::get_if<Request>(&frame)) {
    run(connection, std::move(*request));
  } else if (const auto* cancel = std::get_if<Cancel>(&frame)) {
    world_.trace("{}#{} cancel", id, cancel->sequence);
    engine_->cancel(id, *cancel, now);
    input([id, n = cancel->sequence](Model& m) { m.cancel(id, n); });
  } else if (const auto* refuse = std::get_if<Refuse>(&frame)) {
    world_.trace("{}#{} refuse", id, refuse->sequence);
    engine_->refuse(id, *refuse, now);
    input([id, n = refuse->sequence](Model& m) { m.refuse(id, n); });
  } else if (auto* confirm = std::get_if<Confirm>(&frame)) {
    world_.trace("{} confirm {} {}", id, confirm->upto, fmt::join(confirm->also, " "));
    engine_->confirm(id, *confirm, now);
    input([id, what = std::move(*confirm)](Model& m) { m.confirm(id, what); });
  } else if (std::holds_alternative<wire::Bye>(frame)) {
    world_.trace("{} bye", id);
    engine_->end_session(id, now);
    input([id](Model& m) { m.end(id); });
  } else {
    return deliver_(connection, wire::Pong{});
  }
  schedule();
}

void Server::run(const ConnectionPtr& connection, Request&& request) {
  const SessionId id = connection->session;
  if (broken_ && writes(request.operation))
    return deliver_(connection, Reply{request.sequence, Answer(Failed{ErrorCode::storage_error, "broken"})});
  ++world_.operations;
  if (world_.tracing) world_.trace("{}#{} {}", id, request.sequence, text(*request.ask));
  Waiting shown;
  if (const auto* get = std::get_if<Get>(&request.operation)) shown = {get->ticket_epoch, get->ticket};
  if (const auto* s = std::get_if<Statement>(&request.operation)) shown = {s->ticket_epoch, s->ticket};
  engine_->apply(id, request.sequence, request.operation, time_of(world_.now));
  input([id, n = request.sequence, ask = names_.translated(request.ask), shown](Model& m) {
    m.apply(id, n, ask, shown);
  });
}

void Server::opened(const ConnectionPtr& connection, const Dial& dial) {
  const auto now = time_of(world_.now);
  wire::Welcome welcome;
  const auto* secret = dial.resume ? engine_->secret_of(dial.resume->first) : nullptr;
  const auto* stone = dial.resume && secret == nullptr ? engine_->tombstone_of(dial.resume->first) : nullptr;
  // A process that could not write any more may have given away ids that are given away again.
  if (stone != nullptr && stone->secret.bytes == dial.resume->second.bytes) {
    welcome.remembered = true;
    welcome.confirmed = stone->confirmed;
    welcome.applied = stone->applied;
  }
  if (secret != nullptr && secret->bytes == dial.resume->second.bytes) {
    const SessionId id = dial.resume->first;
    if (auto old = attached_.find(id); old != attached_.end()) {
      const ConnectionPtr before = old->second;
      attached_.erase(old);
      engine_->detach(id, now);
      input([id](Model& m) { m.detach(id); });
      forget_replies(id);
      close(before);
    }
    welcome.session = id;
    welcome.resumed = true;
  } else {
    space::Secret fresh;
    for (auto& b : fresh.bytes) b = static_cast<std::byte>(world_.below(256));
    welcome.session = engine_->open_session(fresh, now);
    welcome.secret = fresh.bytes;
    input([id = welcome.session](Model& m) { m.open(id); });
    gate_.opened(welcome.session);
  }
  engine_->attach(welcome.session, now);
  input([id = welcome.session](Model& m) { m.attach(id); });
  world_.trace("client {} is session {}{}", connection->client, welcome.session, welcome.resumed ? " again" : "");
  connection->session = welcome.session;
  attached_[welcome.session] = connection;
  if (welcome.resumed) deliver_(connection, std::move(welcome));
  else held_welcomes_[welcome.session] = std::move(welcome);
  watch_silence(connection);
  schedule();
}

void Server::closed(const ConnectionPtr& connection, bool peer_dead) {
  connection->server_has = false;
  const auto found = attached_.find(connection->session);
  if (!engine_ || found == attached_.end() || found->second != connection) return;
  const SessionId id = connection->session;
  attached_.erase(found);
  connection->session = 0;
  world_.trace("session {} {}", id, peer_dead ? "has died" : "is away");
  if (peer_dead) {
    engine_->end_session(id, time_of(world_.now));
    input([id](Model& m) { m.end(id); });
  } else {
    engine_->detach(id, time_of(world_.now));
    input([id](Model& m) { m.detach(id); });
    forget_replies(id);
  }
  schedule();
}

void Server::watch_silence(const ConnectionPtr& connection) {
  world_.at(connection->heard + heartbeat, [this, connection] {
    if (!connection->server_has) return;
    if (world_.now - connection->heard < heartbeat) return watch_silence(connection);
    closed(connection, false);
    deliver_(connection, Closed{});
  });
}

}  // namespace parvis::simulation
