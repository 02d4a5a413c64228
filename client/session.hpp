// A client's connection to a server, or to a kernel: what the public C++ Space, the Python package, the command line
// and the kernels stand on. Free of Asio and of Python.
//
// Threads: any thread may call. A blocking call sends and receives by itself while no other thread is reading
// (leader/follower), so a round trip pays no thread hop; one hidden thread does heartbeats and answers nobody waits
// for. A connection that breaks is made again (the same session, resumed by its secret) and unanswered operations are
// sent again under their numbers. After fork the child opens a session of its own at its first use.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "tuplespace/model/error.hpp"
#include "tuplespace/model/operation.hpp"

namespace parvis::client {

struct Options {
  std::string
      address;  // "unix:///path", "tcp://host:port"; empty: $PARVIS_ADDRESS, else the local server of $PARVIS_HOME
  std::string token;          // hex; empty: read from the token file of the local server where the address is local
  std::string name;           // shown by the server in its listings, e.g. "python 4711"
  bool start_server = false;  // start the local server when there is none (address empty only)
  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::milliseconds reconnect_for{30'000};  // how long a broken connection is tried again before Disconnected
};

// Called (on the waiting thread) when a signal interrupted a wait. True: give up; the call then throws Interrupted
// after whatever was handed over has been refused, so that nothing is lost.
using OnSignal = std::function<bool()>;
struct Interrupted {};

struct Wait {
  OnSignal on_signal;
  bool confirm = true;  // false: the caller confirms by itself, once it has used the answer (the command line)
};

class Link;
struct Request;
class Session;

// An operation under way. Movable; dropping it before it is done abandons it: a blocked get is refused.
class Pending {
 public:
  Pending() = default;
  Pending(Pending&&) noexcept;
  Pending& operator=(Pending&&) noexcept;
  ~Pending();
  [[nodiscard]] Sequence sequence() const;
  [[nodiscard]] bool ready() const;
  // Blocks until the answer is there. `patience`: give up waiting after it (the operation goes on) and return nothing.
  // Throws the operation's Error.
  std::optional<Answer> wait(const Wait& wait = {}, std::optional<std::chrono::microseconds> patience = {});
  void cancel();   // a blocked get ends now: with what was handed over or Timeout
  void confirm();  // for Wait{.confirm = false}. Throws Error{disconnected} when it is too late: the tuples are back

 private:
  friend class Session;
  [[nodiscard]] Link& use() const;
  std::shared_ptr<Link> link_;
  std::shared_ptr<Request> request_;
  std::uint64_t generation_ = 0;  // of the process that started it
};

// While one lives, operations that are started gather, and go out together: when somebody waits, when there are 64 KiB
// of them, or when the last one has gone. Many small ones then cost few system calls, here and at the server.
using Pipeline = std::shared_ptr<const void>;

class Session : public std::enable_shared_from_this<Session> {
 public:
  // Throws Error{disconnected} (nobody there; the text says what was tried and what to do) or Error{unauthorized}.
  static std::shared_ptr<Session> connect(const Options& options);
  ~Session();

  // Blocking; throws what the answer failed with. The answer's blobs alias received buffers.
  // `sequence`: receives its number, for confirm() and refuse() with Wait{.confirm = false}.
  Answer call(const Operation& operation, const Wait& wait = {}, Sequence* sequence = nullptr);
  Pending start(const Operation& operation);
  // `done` runs on the session's hidden thread (or the thread that happens to read): it must be short and must not call
  // blocking functions of the session. The Answer is Failed when the operation failed.
  // `confirm` as in Wait. Returns its number.
  Sequence start(const Operation& operation, std::function<void(Answer)> done, bool confirm = true);

  [[nodiscard]] Pipeline pipeline();

  void confirm(Sequence sequence);  // for Wait{.confirm = false}
  // The answer could not be used (an object that cannot be loaded): what was handed over goes back to its old place.
  // For an answer that was not confirmed, or an operation started with a callback and not yet answered (its `done` is
  // not called).
  void refuse(Sequence sequence);
  void cancel(Sequence sequence);  // as Pending::cancel, for an operation started with a callback

  // Kernel connections: one tuple out, one tuple back (docs/protocol.md, "Calls"). Output streams to `on_output`
  // meanwhile.
  using OnOutput = std::function<void(Blob tuple)>;
  Blob call_kernel(const Payload& request, const Wait& wait = {},
                   std::optional<std::chrono::microseconds> patience = {}, const OnOutput& on_output = {});
  void start_kernel_call(const Payload& request, std::function<void(std::variant<Blob, Error>)> done,
                         OnOutput on_output = {});

  [[nodiscard]] SessionId id() const;
  [[nodiscard]] std::string address() const;  // where it is connected, as connect() would take it
  [[nodiscard]] std::string server_version() const;
  void close();  // confirms what was received (at most 2 s), says goodbye; later calls throw Error{disconnected}

 private:
  struct State;
  explicit Session(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace parvis::client
