#include "tuplespace/server/server.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "tuplespace/net/loop.hpp"
#include "tuplespace/server/dispatch.hpp"

namespace parvis::server {
namespace {

constexpr std::chrono::milliseconds stop_look{5};     // how often a stopping server looks whether all is done
constexpr std::chrono::milliseconds stop_rest{60};    // confirmations wait up to 50 ms for company: let them be written
constexpr std::chrono::seconds stop_patience{5};      // for the disk
constexpr std::chrono::seconds words_patience{2};     // for peers that take their last words slowly
constexpr std::chrono::milliseconds words_rest{300};  // for peers that take nothing, or do not close
constexpr std::size_t most_told = 50'000;             // applied numbers of a tombstone that a Welcome can carry

}  // namespace

Server::Server(storage::Store& store, const wire::Token& token, const ServeOptions& options, Log& log)
    : log_(log),
      options_(options),
      turns_(io_, store, options.limits, options.durability, *this),
      listener_(io_,
                {token, "parvis " PARVIS_VERSION, options.limits,
                 [this](std::string_view what, const std::string& who, const std::string& why) {
                   log_.warn(what, {{"peer", who}, {"reason", why}});
                 }},
                *this),
      idle_(io_),
      stopping_(io_),
      busy_at_(std::chrono::steady_clock::now()) {}

Server::~Server() = default;

void Server::run() {
  wait_for_idle();
  net::run(io_);
}

void Server::stop(std::string reason) {
  boost::asio::post(io_, [this, why = std::move(reason)] { begin_stop(why); });
}

void Server::opened(const std::shared_ptr<net::Connection>& connection, std::optional<SessionId> resume,
                    wire::Welcome& welcome) {
  if (!stop_reason_.empty()) throw Error(ErrorCode::disconnected, "the server stops: " + stop_reason_);
  if (resume && turns_.engine().secret_of(*resume)) {
    resume_session(*resume, connection->name, welcome);
    log_.debug("session_resumed", {{"session", welcome.session}, {"peer", connection->peer()}});
  } else {
    new_session(*connection, welcome);
    if (resume) tell_tombstone(*resume, welcome);
    log_.debug("session_opened", {{"session", welcome.session}, {"peer", connection->peer()}});
  }
  welcome.epoch = turns_.engine().stats().epoch;
  connection->session = welcome.session;
  attached_[welcome.session] = connection;
}

// Nobody is told of a session that a crash could undo: its client would come back to a server that does not know it, or
// that has given its id to another.
void Server::new_session(net::Connection& connection, wire::Welcome& welcome) {
  space::Secret secret;
  wire::random_bytes(secret.bytes);
  welcome.session = turns_.engine().open_session(secret, turns_.now(), connection.name);
  welcome.secret = secret.bytes;
  turns_.engine().attach(welcome.session, turns_.now());
  turns_.opened(welcome.session);
  connection.hold_welcome();
}

void Server::session_opened(SessionId session) {
  if (const auto found = attached_.find(session); found != attached_.end()) found->second->release_welcome();
}

void Server::resume_session(SessionId session, const std::string& name, wire::Welcome& welcome) {
  if (const auto found = attached_.find(session); found != attached_.end()) {
    const auto old = std::move(found->second);
    attached_.erase(found);
    old->session = 0;
    turns_.engine().detach(session, turns_.now());
    turns_.forget_replies(session);
    old->close("another connection has resumed this session");
  }
  turns_.engine().attach(session, turns_.now(), name);
  welcome.session = session;
  welcome.resumed = true;
}

void Server::tell_tombstone(SessionId session, wire::Welcome& welcome) const {
  const auto* tombstone = turns_.engine().tombstone_of(session);
  if (!tombstone || tombstone->applied.size() > most_told) return;
  welcome.remembered = true;
  welcome.confirmed = tombstone->confirmed;
  welcome.applied = tombstone->applied;
}

std::optional<std::array<std::byte, 16>> Server::secret_of(SessionId session) {
  if (const auto* secret = turns_.engine().secret_of(session)) return secret->bytes;
  if (const auto* tombstone = turns_.engine().tombstone_of(session)) return tombstone->secret.bytes;
  return std::nullopt;
}

void Server::message(net::Connection& connection, wire::Message&& message, std::uint64_t id) {
  if (connection.session == 0) return;  // it has ended
  dispatch(turns_.engine(), turns_.broken(), connection.session, id, std::move(message), turns_.now());
}

void Server::closed(net::Connection& connection, bool peer_dead) {
  const auto found = attached_.find(connection.session);
  if (found == attached_.end() || found->second.get() != &connection) return;
  attached_.erase(found);
  if (!turns_.engine().secret_of(connection.session)) return;
  if (peer_dead) {
    peer_died(connection.session, connection.peer());
  } else {
    log_.debug("session_lost", {{"session", connection.session}, {"peer", connection.peer()}});
    turns_.engine().detach(connection.session, turns_.now());
    turns_.forget_replies(connection.session);
  }
}

void Server::peer_died(SessionId session, const std::string& peer) {
  if (!turns_.engine().secret_of(session) || attached_.contains(session)) return;
  log_.info("peer_died", {{"session", session}, {"peer", peer}});  // what it held is back
  turns_.engine().end_session(session, turns_.now());
}

void Server::reply(space::Reply&& reply) {
  const auto found = attached_.find(reply.session);
  if (found == attached_.end()) return;  // the client comes back and asks again
  auto* answer = std::get_if<Answer>(&reply.answer);
  const wire::Message message =
      answer != nullptr ? wire::to_message(std::move(*answer)) : wire::Message(std::get<Waiting>(reply.answer));
  try {
    found->second->send(reply.sequence, message, reply.lazy);
  } catch (const Error& error) {
    // An answer beyond what a message can carry; the engine's limits are meant to prevent it.
    log_.error("answer_not_sent",
               {{"session", reply.session}, {"operation", reply.sequence}, {"reason", std::string_view(error.what())}});
    found->second->send(reply.sequence, Failed{error.code(), error.what()}, reply.lazy);
  }
}

void Server::session_ended(SessionId session) {
  log_.debug("session_ended", {{"session", session}});
  const auto found = attached_.find(session);
  if (found == attached_.end()) return;
  const auto connection = std::move(found->second);
  attached_.erase(found);
  connection->session = 0;
  connection->close("the session has ended");
}

void Server::restarted(const std::string& why) {
  const auto stats = turns_.engine().stats();
  log_.error("commit_failed", {{"reason", why}});
  log_.info("recovered", {{"tuples", stats.tuples}, {"sessions", stats.sessions}, {"epoch", stats.epoch}});
  auto connections = std::exchange(attached_, {});
  for (const auto& [session, connection] : connections) {
    connection->session = 0;
    connection->close(
        "the server had to read its space anew; connect again");  // and resume: what was not answered is sent again
  }
}

void Server::recovering(std::uint64_t records) { log_.info("recovering", {{"records", records}}); }

void Server::behind(bool yes) {
  if (stop_reason_.empty()) listener_.pause_reading(yes);
}

void Server::wait_for_idle() {
  if (!options_.idle_exit || !stop_reason_.empty()) return;
  const auto now = std::chrono::steady_clock::now();
  if (listener_.connections() > 0 || turns_.engine().stats().sessions > 0) busy_at_ = now;
  if (now - busy_at_ >= *options_.idle_exit) return begin_stop("nobody was attached");
  idle_.expires_after(
      std::min<std::chrono::steady_clock::duration>(std::chrono::seconds(1), busy_at_ + *options_.idle_exit - now));
  idle_.async_wait([this](const boost::system::error_code& error) {
    if (!error) wait_for_idle();
  });
}

// Nothing new is read; what has been read is finished, written and answered; then everybody is told.
void Server::begin_stop(const std::string& reason) {
  if (!stop_reason_.empty()) return;
  stop_reason_ = reason;
  stop_from_ = std::chrono::steady_clock::now() + stop_rest;
  stop_by_ = stop_from_ + stop_patience;
  log_.info("stopping", {{"reason", reason}, {"connections", listener_.connections()}});
  idle_.cancel();
  listener_.stop_accepting();
  listener_.pause_reading(true);
  turns_.schedule();
  when_settled();
}

void Server::when_settled() {
  const auto now = std::chrono::steady_clock::now();
  const bool late = now >= stop_by_, settled = now >= stop_from_ && turns_.settled();
  if (!told_ && (settled || late)) {
    told_ = now;
    listener_.close_all("the server stops: " + stop_reason_);
  }
  if (told_ && may_leave(now)) return io_.stop();
  stopping_.expires_after(stop_look);
  stopping_.async_wait([this](const boost::system::error_code& error) {
    if (!error) when_settled();
  });
}

// What a peer has not taken it will ask for again: nobody is waited for who does not read.
bool Server::may_leave(std::chrono::steady_clock::time_point now) {
  if (listener_.connections() == 0 || now - *told_ >= words_patience) return true;
  if (const auto queued = listener_.queued_bytes(); queued != std::exchange(queued_, queued)) moved_at_ = now;
  return now - std::max(*told_, moved_at_) >= words_rest;
}

}  // namespace parvis::server
