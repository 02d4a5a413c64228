// One socket to a server or kernel: made, authenticated, then frames in both directions. Never blocks once it is made.
//
// Threads: the sending half is used under the session's mutex; receive() by the one thread that reads at the time,
// without it. shutdown() by anyone.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "client/endpoint.hpp"
#include "client/request.hpp"
#include "tuplespace/wire/frame.hpp"
#include "tuplespace/wire/hello.hpp"

namespace parvis::client {

class Connection {
 public:
  struct Dial {
    std::string name;
    std::optional<wire::Resume> resume;
    Time deadline;
    std::function<bool()> abandoned;  // asked every 100 ms: give up?
  };
  // Throws Error{disconnected} (nobody there), {unauthorized} or {protocol_error} (somebody else there).
  static std::shared_ptr<Connection> open(const Endpoint& endpoint, const Dial& dial);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] const wire::Welcome& welcome() const { return welcome_; }
  [[nodiscard]] Time made() const { return made_; }  // when the frame was sent whose answer was the welcome
  [[nodiscard]] const std::string& server() const { return server_; }
  [[nodiscard]] const std::string& address() const { return address_; }

  // Sends what the socket takes now and queues the rest. False: the connection is broken.
  bool send(ByteSpan frames);
  bool gather(ByteSpan frames);  // as send(), but what is little waits for the next flush()
  bool send(const std::shared_ptr<wire::Outgoing>& message);
  bool flush();
  [[nodiscard]] bool unsent() const { return small_at_ < small_.size() || !large_.empty() || !frame_.empty(); }
  [[nodiscard]] std::size_t queued() const { return small_.size() - small_at_; }

  // Takes in what has arrived; true while the connection stands. Throws Error{protocol_error | limit_exceeded}.
  bool receive(const std::function<void(wire::Incoming&&)>& on_message);

  void shutdown();

 private:
  Connection(int fd, std::string address);
  void handshake(const Endpoint& endpoint, const Dial& dial);
  wire::Message exchange(const wire::Message& message, const Dial& dial);
  bool send_frame();
  void next_frame();

  int fd_;
  std::string address_, server_;
  wire::Welcome welcome_;
  Time made_{};
  wire::Assembler assembler_;

  // Frames that fit one buffer go first; large messages take turns, a frame at a time, so that none holds up the
  // others.
  static constexpr std::size_t gather_bytes = std::size_t{64} << 10;
  ByteVector small_;
  std::size_t small_at_ = 0;
  std::deque<wire::Cutter> large_;
  std::optional<wire::Cutter> cutting_;  // the one whose frame is being sent: its header lives in it
  std::vector<ByteSpan> frame_;          // what is left of that frame
};

}  // namespace parvis::client
