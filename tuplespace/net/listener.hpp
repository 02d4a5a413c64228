// The edges, shared by server and kernel: listening sockets, and connections that have authenticated. Everything here
// runs on the one thread that runs the io_context; coroutines live in this folder and nowhere else.
#pragma once

#include <boost/asio/io_context.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tuplespace/model/limits.hpp"
#include "tuplespace/wire/address.hpp"
#include "tuplespace/wire/hello.hpp"

namespace parvis::net {

inline constexpr std::size_t most_watched = 1000;  // processes whose connection has ended; what others held is back
                                                   // after the grace

class Connection;

// What a listener's owner provides. All calls come from the io_context's thread.
class Handler {
 public:
  virtual ~Handler() = default;
  // Authenticated. Fill in session, secret, resumed, epoch; proof and limits are filled in already. Must not send yet:
  // the Welcome is the first answer; hold_welcome() makes it wait. An Error thrown here refuses the connection.
  virtual void opened(const std::shared_ptr<Connection>& connection, std::optional<SessionId> resume,
                      wire::Welcome& welcome) = 0;
  // An Error thrown here is the answer to an operation, and ends the connection after anything else.
  virtual void message(Connection& connection, wire::Message&& message, std::uint64_t id) = 0;
  // Called once. `peer_dead`: its process is known to have ended (Unix socket, pidfd).
  virtual void closed(Connection& connection, bool peer_dead) = 0;
  // Once at most, within Limits::grace after closed(), when that did not know yet.
  virtual void peer_died(SessionId /*session*/, const std::string& /*peer*/) {}
  virtual std::optional<std::array<std::byte, 16>> secret_of(SessionId session) = 0;
  // After every message of one read has been handled: a turn of the loop has ended.
  virtual void turn_ended() = 0;
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  virtual ~Connection() = default;
  virtual void send(std::uint64_t id, const wire::Message& message,
                    bool lazy = false) = 0;    // queued; written when the turn ends
  virtual void close(std::string reason) = 0;  // sends Ended{reason} when there is one, then closes
  // Of Handler::opened alone: the Welcome waits for release_welcome(), or is never sent when close() comes first.
  virtual void hold_welcome() = 0;
  virtual void release_welcome() = 0;  // once; nothing after close()
  // Bytes sent here that the peer has not taken yet: who streams without end (a kernel's output) asks before it sends
  // more.
  [[nodiscard]] virtual std::size_t queued_bytes() const { return 0; }
  [[nodiscard]] virtual std::string peer() const = 0;  // for logs: "unix pid 4711 (python)", "127.0.0.1:4711 (name)"
  std::string name;                                    // what the client calls itself in its Hello
  SessionId session = 0;                               // the owner's
};

struct ListenOptions {
  wire::Token token;
  std::string server_name;
  Limits limits;
  // For the log: what happened ("refused"), to whom (a peer, or an address of ours), why. May be empty.
  std::function<void(std::string_view what, const std::string& who, const std::string& why)> note;
};

// Listens on every address; returns the addresses as bound (an ephemeral port filled in). Unix sockets are created 0600
// and a dead one is replaced. Throws Error{storage_error | unauthorized} with one clear line: address in use, not
// loopback without TLS, path too long.
//
// A connection that breaks the protocol, stays silent for Limits::heartbeat, does not authenticate within
// Limits::hello_timeout or takes nothing of a full send queue for heartbeat + grace is closed, and no other one
// notices. Memory is bounded for all connections together, too: beyond 2 * message_bytes of messages that have arrived
// in part, or 128 * send_queue_bytes of answers not taken, the connection that holds the most of them is closed. The
// destructor closes what is left, without calling the handler.
class Listener {
 public:
  Listener(boost::asio::io_context& io, ListenOptions options, Handler& handler);
  ~Listener();
  wire::Address listen(const wire::Address& address, bool ephemeral_when_busy = false);
  void stop_accepting();                           // and remove the Unix sockets' files
  void close_all(const std::string& reason);       // what is queued is still written, for at most 2 s
  void pause_reading(bool paused);                 // no requests are read while paused (the disk is behind)
  [[nodiscard]] std::size_t connections() const;   // authenticated and others
  [[nodiscard]] std::size_t queued_bytes() const;  // not taken by their peers yet

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace parvis::net
