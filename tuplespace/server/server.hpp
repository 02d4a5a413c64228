// The server as an object: listener, sessions, engine and store joined on one loop. The thread that calls run() is the
// loop; stop() may be called from any thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "storage/store.hpp"
#include "tuplespace/net/listener.hpp"
#include "tuplespace/server/log.hpp"
#include "tuplespace/server/serve.hpp"
#include "tuplespace/server/turns.hpp"

namespace parvis::server {

class Server final : public net::Handler, private Turns::Owner {
 public:
  // Recovers the space from the store, which must outlive this. Throws Error{storage_error}.
  Server(storage::Store& store, const wire::Token& token, const ServeOptions& options, Log& log);
  ~Server() override;

  wire::Address listen(const wire::Address& address, bool ephemeral_when_busy = false) {
    return listener_.listen(address, ephemeral_when_busy);
  }
  void run();  // until the end; throws what a bug threw
  void stop(std::string reason);
  [[nodiscard]] boost::asio::io_context& loop() { return io_; }
  [[nodiscard]] const std::string& broken() const { return turns_.broken(); }
  [[nodiscard]] space::Engine::Stats stats() const { return turns_.engine().stats(); }

 private:
  // net::Handler
  void opened(const std::shared_ptr<net::Connection>& connection, std::optional<SessionId> resume,
              wire::Welcome& welcome) override;
  void message(net::Connection& connection, wire::Message&& message, std::uint64_t id) override;
  void closed(net::Connection& connection, bool peer_dead) override;
  void peer_died(SessionId session, const std::string& peer) override;
  std::optional<std::array<std::byte, 16>> secret_of(SessionId session) override;
  void turn_ended() override { turns_.handled(); }
  // Turns::Owner
  void reply(space::Reply&& reply) override;
  void session_opened(SessionId session) override;
  void session_ended(SessionId session) override;
  void restarted(const std::string& why) override;
  void recovering(std::uint64_t records) override;
  [[nodiscard]] bool alone() const override { return listener_.connections() <= 1; }
  void behind(bool yes) override;

  void new_session(net::Connection& connection, wire::Welcome& welcome);
  void resume_session(SessionId session, const std::string& name, wire::Welcome& welcome);
  void tell_tombstone(SessionId session, wire::Welcome& welcome) const;
  [[nodiscard]] bool may_leave(std::chrono::steady_clock::time_point now);
  void begin_stop(const std::string& reason);
  void wait_for_idle();
  void when_settled();

  Log& log_;
  const ServeOptions options_;
  boost::asio::io_context io_{1};
  Turns turns_;
  net::Listener listener_;
  boost::asio::steady_timer idle_, stopping_;
  std::unordered_map<SessionId, std::shared_ptr<net::Connection>> attached_;
  std::string stop_reason_;  // not empty: stopping
  std::chrono::steady_clock::time_point stop_from_, stop_by_, busy_at_;
  std::optional<std::chrono::steady_clock::time_point> told_;  // the connections: that the server stops
  std::size_t queued_ = 0;                                     // of last words, when they last ...
  std::chrono::steady_clock::time_point moved_at_;             // ... became fewer
};

}  // namespace parvis::server
