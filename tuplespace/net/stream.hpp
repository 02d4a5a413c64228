// Internal to net: one accepted connection. Reads frames, authenticates, hands messages to the owner, writes answers.
// The loop's thread only.
//
// Life: hello -> proof (-> welcoming) -> open -> closing -> closed. `welcoming` is authenticated, and the owner holds
// the Welcome; the client has nothing to say before it. `closing` still writes what is queued, then shuts its side and
// reads away what the peer still sends, so that the last words are not lost to a reset; at most 2 s.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "tuplespace/net/hub.hpp"
#include "tuplespace/net/peer.hpp"
#include "tuplespace/net/send_queue.hpp"

namespace parvis::net {

class Stream final : public Connection {
 public:
  using Socket = boost::asio::generic::stream_protocol::socket;
  Stream(std::shared_ptr<Hub> hub, Socket&& socket, bool local);  // `local`: a Unix socket
  void start();

  void send(std::uint64_t id, const wire::Message& message, bool lazy) override;
  void close(std::string reason) override;
  void hold_welcome() override { state_ = State::welcoming; }
  void release_welcome() override;
  [[nodiscard]] std::size_t queued_bytes() const override { return queue_.bytes(); }
  [[nodiscard]] std::string peer() const override;

  void fail(const Error& error);     // says why, then closes
  void give_up(const Error& error);  // says why if the socket takes it at once, and is gone
  [[nodiscard]] std::size_t partial_bytes() const { return partial_; }
  [[nodiscard]] std::size_t own_queued_bytes() const { return queued_; }
  void flush();   // writes what the socket takes now; the rest follows when it takes more
  void tick();    // silence, deadlines
  void wake();    // something the reader may wait for has changed
  void finish();  // closes at once and tells the owner

 private:
  using Clock = std::chrono::steady_clock;
  enum class State : std::uint8_t { hello, proof, welcoming, open, closing, closed };

  boost::asio::awaitable<void> read();
  boost::asio::awaitable<void> write();
  boost::asio::awaitable<void> watch_process();
  template <class F>
  void spawn(F&& coroutine);

  [[nodiscard]] std::shared_ptr<Stream> self() { return std::static_pointer_cast<Stream>(shared_from_this()); }
  [[nodiscard]] bool may_read() const;
  [[nodiscard]] bool ended() const { return state_ == State::closing || state_ == State::closed; }
  void identify();
  void watch(const Process& process);
  void end_of_process();
  void take_in(std::size_t bytes);
  void work_off();
  void handled();
  void on_message(wire::Incoming&& incoming);
  void on_hello(const wire::Message& message);
  void on_proof(const wire::Message& message);
  void welcome_client();
  void on_request(wire::Incoming&& incoming);
  void write_some();
  void mark_dirty();

  std::shared_ptr<Hub> hub_;
  Socket socket_;
  boost::asio::posix::stream_descriptor process_;  // pidfd of the peer, from the hello on
  boost::asio::steady_timer wake_, lazy_;
  Peer peer_;  // of a Unix socket from the hello on: who says nothing costs a descriptor, and no more
  State state_ = State::hello;
  bool opened_ = false;  // the owner knows this connection
  bool peer_dead_ = false;
  bool dirty_ = false, lazy_waits_ = false, writing_ = false, shut_ = false, asked_ = false;
  std::optional<wire::ServerHandshake> handshake_;  // from the hello on
  wire::Welcome welcome_;                           // while it is held
  wire::Assembler assembler_;
  std::deque<wire::Incoming> backlog_;  // of what was read, requests behind one that may have a large answer
  bool large_answer_ = false;
  SendQueue queue_;
  std::size_t partial_ = 0, queued_ = 0;  // as the hub has them in its account
  Clock::time_point heard_, wrote_, deadline_;
};

}  // namespace parvis::net
