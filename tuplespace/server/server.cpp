#include "tuplespace/server/server.hpp"

#include <boost/asio/post.hpp>
#include <fmt/format.h>

#include <utility>

namespace parvis::server {
namespace {

constexpr std::chrono::milliseconds stop_look{5};     // how often a stopping server looks whether all is done
constexpr std::chrono::milliseconds stop_rest{60};    // confirmations wait up to 50 ms for company: let them be written
constexpr std::chrono::seconds stop_patience{5};      // for the disk and for peers that do not take their last words
constexpr std::size_t most_told = 50'000;             // applied numbers of a tombstone that a Welcome can carry

}  // namespace

Server::Server(storage::Store& store, const wire::Token& token, const ServeOptions& options, Log& log)
    : log_(log),
      options_(options),
      turns_(io_, store, options.limits, options.durability, *this),
      listener_(io_,
                {token, "parvis " PARVIS_VERSION, options.limits, [this](const std::string& line) { log_.warn(line); }},
                *this),
      idle_(io_),
      stopping_(io_),
      busy_at_(std::chrono::steady_clock::now()) {}

Server::~Server() = default;

void Server::run() {
  wait_for_idle();
  io_.run();
}

void Server::stop(std::string reason) {
  boost::asio::post(io_, [this, why = std::move(reason)] { begin_stop(why); });
}

void Server::opened(const std::shared_ptr<net::Connection>& connection, std::optional<SessionId> resume,
                    wire::Welcome& welcome) {
  if (!stop_reason_.empty()) throw Error(ErrorCode::disconnected, stop_reason_);
  if (resume && turns_.engine().secret_of(*resume)) {
    resume_session(*resume, connection->name, welcome);
  } else {
    new_session(connection->name, welcome);
    if (resume) tell_tombstone(*resume, welcome);
  }
  welcome.epoch = turns_.engine().stats().epoch;
  connection->session = welcome.session;
  attached_[welcome.session] = connection;
}

void Server::new_session(const std::string& name, wire::Welcome& welcome) {
  space::Secret secret;
  wire::random_bytes(secret.bytes);
  welcome.session = turns_.engine().open_session(secret, turns_.now(), name);
  welcome.secret = secret.bytes;
  turns_.engine().attach(welcome.session, turns_.now());
}

void Server::resume_session(SessionId session, const std::string& name, wire::Welcome& welcome) {
  if (const auto found = attached_.find(session); found != attached_.end()) {
    const auto old = std::move(found->second);
    attached_.erase(found);
    old->session = 0;
    turns_.engine().detach(session, turns_.now());
    old->close("another connection has resumed this session");
  }
  turns_.engine().attach(session, turns_.now(), name);
  welcome.session = session;
  welcome.resumed = true;
}

void Server::tell_tombstone(SessionId session, wire::Welcome& welcome) const {
  auto& engine = const_cast<Turns&>(turns_).engine();
  const auto* tombstone = engine.tombstone_of(session);
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

void Server::closed(net::Connection& connection, bool peer_dead) {
  const auto found = attached_.find(connection.session);
  if (found == attached_.end() || found->second.get() != &connection) return;
  attached_.erase(found);
  if (!turns_.engine().secret_of(connection.session)) return;
  if (peer_dead) {
    log_.info(fmt::format("the process of {} has ended: what it held is back", connection.peer()));
    turns_.engine().end_session(connection.session, turns_.now());
  } else {
    turns_.engine().detach(connection.session, turns_.now());
  }
}

void Server::reply(space::Reply&& reply) {
  const auto found = attached_.find(reply.session);
  if (found == attached_.end()) return;  // kept by the engine until the client comes back
  wire::Message message;
  if (auto* answer = std::get_if<Answer>(&reply.answer)) message = wire::to_message(std::move(*answer));
  else message = std::get<Waiting>(reply.answer);
  try {
    found->second->send(reply.sequence, message, reply.lazy);
  } catch (const Error& error) {
    // An answer beyond what a message can carry; the engine's limits are meant to prevent it.
    log_.error(fmt::format("answer {} of session {} cannot be sent: {}", reply.sequence, reply.session, error.what()));
    found->second->send(reply.sequence, Failed{error.code(), error.what()}, reply.lazy);
  }
}

void Server::session_ended(SessionId session) {
  const auto found = attached_.find(session);
  if (found == attached_.end()) return;
  const auto connection = std::move(found->second);
  attached_.erase(found);
  connection->session = 0;
  connection->close("the session has ended");
}

void Server::restarted(const std::string& why) {
  log_.error(fmt::format("a commit failed, the space is read anew: {}", why));
  auto connections = std::exchange(attached_, {});
  for (const auto& [session, connection] : connections) {
    connection->session = 0;
    connection->close(
        "the server had to read its space anew; connect again");  // and resume: what was not answered is sent again
  }
}

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
  log_.info("stopping: " + reason);
  idle_.cancel();
  listener_.stop_accepting();
  listener_.pause_reading(true);
  turns_.schedule();
  when_settled();
}

void Server::when_settled() {
  const auto now = std::chrono::steady_clock::now();
  const bool late = now >= stop_by_, settled = now >= stop_from_ && turns_.settled();
  if (settled || late) listener_.close_all("the server stops: " + stop_reason_);
  if ((settled && listener_.connections() == 0) || late) return io_.stop();
  stopping_.expires_after(stop_look);
  stopping_.async_wait([this](const boost::system::error_code& error) {
    if (!error) when_settled();
  });
}

}  // namespace parvis::server
