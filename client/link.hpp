// A session at work: its connection, its ledger, the threads that wait, and the hidden thread ("keeper").
//
// Leader and followers: of the threads that wait, one reads the socket (reader_), takes in answers for all, and hands
// the role on when its own answer is there; the others sleep on their Wakers. The keeper reads when nobody waits: at
// once while callbacks are due, else after a moment of quiet; a caller takes the role from it without waiting.
//
// Everything below mutex_ is guarded by it, but inbox_, which belongs to whoever reads. Callbacks run without the
// mutex, on the reading thread, in the order of the answers.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "client/connection.hpp"
#include "client/pending.hpp"
#include "tuplespace/wire/luck.hpp"

namespace parvis::client {

using Patience = std::optional<std::chrono::microseconds>;

class Link : public std::enable_shared_from_this<Link> {
 public:
  Link(const Options& options, const std::shared_ptr<Connection>& connection);
  ~Link();

  Answer call(const Operation& operation, const Wait& wait, Sequence* sequence);
  Blob call_kernel(const Payload& payload, const Wait& wait, Patience patience, const Session::OnOutput& on_output);
  void start(const std::shared_ptr<Request>& request, const Operation& operation);
  void start_kernel_call(const std::shared_ptr<Request>& request, const Payload& payload);
  std::optional<Answer> wait(Request& request, const Wait& wait, Patience patience);
  bool ready(const Request& request);
  void drop(Request& request);  // its Pending has gone
  void cancel(Sequence sequence);
  void pipeline(bool on);
  void confirm(Sequence sequence);
  void confirm_late(Sequence sequence);  // throws when the session, and with it what was held, has gone
  void refuse(Sequence sequence);

  SessionId id();
  std::string address();
  std::string server();
  void close();
  // In a forked child: lets go of the parent's connection. The link itself is leaked: its mutex may be held for ever
  // and its thread does not exist.
  void forsake();

 private:
  using Lock = std::unique_lock<std::mutex>;
  static constexpr std::chrono::milliseconds tick{25};  // of the keeper while calls are made
  static constexpr std::chrono::milliseconds signal_slice{
      200};  // a signal that came just before poll() is seen after this
  static constexpr std::chrono::milliseconds offline_slice{50};
  static constexpr std::chrono::milliseconds close_time{2'000};
  static constexpr std::size_t queue_bytes = std::size_t{16} << 20;  // of unsent requests, before start() waits

  struct Received {
    std::uint64_t id;
    wire::Message message;
  };
  struct Presence;  // of a thread in await()

  // link.cpp: sending and waiting
  void check_usable() const;
  void submit(std::shared_ptr<Request> request, Effect effect, std::optional<Time> deadline);
  void transmit(const Request& request, const Operation* operation, Time now);
  bool send_buffer();
  void flush_gathered();
  void put(const wire::Message& message);
  void give_back(Sequence sequence);
  void release_late(Sequence sequence);
  bool await(Lock& lock, Request& request, const OnSignal& on_signal, std::optional<Time> until);
  bool pause(Lock& lock, Waker& waker, int timeout_ms);
  int pause_ms(bool sliced, std::optional<Time> until) const;
  void make_room(Lock& lock);
  [[nodiscard]] bool may_read() const { return connection_ && (reader_ == nullptr || keeper_reads_idly_); }
  void become_reader(const Waker& waker);
  void pass_on();

  // reading.cpp: taking in
  enum class Readiness : std::uint8_t { quiet, interrupted, readable };
  [[nodiscard]] std::optional<Time> looking_time();
  Readiness poll_connection(Lock& lock, const Waker& waker, int timeout_ms, std::optional<Time> look_until = {});
  void take_in(Lock& lock);
  void handle(Received& received, Time now);
  void finish(Sequence sequence, Request::Result result, Time now);
  void complete(const std::shared_ptr<Request>& request, Request::Result result);
  void output(Sequence sequence, const Blob& data);
  void run_callbacks(Lock& lock);
  void broken(const std::string& why);

  // keeper.cpp: the hidden thread, and the end
  void ensure_keeper();
  void wake_keeper();
  void keep();
  void look_after(Time now);
  void keep_reading(Lock& lock, std::chrono::milliseconds timeout);
  void rest(Lock& lock, std::chrono::milliseconds timeout);
  [[nodiscard]] std::chrono::milliseconds until_next_duty(Time now) const;
  void reconnect(Lock& lock);
  std::shared_ptr<Connection> dial_again(const wire::Resume& session);
  void adopt(const std::shared_ptr<Connection>& connection, Time now);
  void learn(const std::shared_ptr<Connection>& connection, Time now);
  void send_again(Sequence sequence, Time now);
  void sweep(Time now);
  void fail_everything(ErrorCode code, const std::string& text, Time now, Time made_before = Time::max());
  void say_goodbye(Lock& lock, Time deadline);

  const Options options_;
  std::atomic<int> descriptor_{-1};

  std::mutex mutex_;
  Ledger ledger_;
  std::shared_ptr<Connection> connection_;  // null while there is none
  wire::Resume session_;
  std::string address_, server_;
  std::chrono::milliseconds heartbeat_{}, lease_{};

  const Waker* reader_ = nullptr;   // whose thread reads
  bool keeper_reads_idly_ = false;  // the keeper is the reader, and merely polls
  std::vector<Request*> waiting_;   // of the threads in await(), oldest first
  std::size_t callbacks_due_ = 0;   // unanswered requests with a callback
  std::vector<Received> inbox_;
  std::vector<std::function<void()>> callbacks_;
  ByteVector buffer_;  // frames being put together, reused
  wire::Luck luck_;
  int pipelines_ = 0;  // that live: frames are gathered until somebody waits

  std::thread keeper_;
  std::unique_ptr<Waker> keeper_waker_;
  bool keeper_rests_ = false;  // for long: has to be woken when there is something to do soon
  std::uint64_t calls_ = 0, calls_seen_ = 0;
  std::optional<Time> ping_sent_;
  Time last_received_{}, last_sent_{};
  Time broke_{};
  std::string why_broken_;
  std::chrono::milliseconds backoff_{};
  bool closing_ = false;  // no new calls
  bool stop_ = false;     // the keeper ends
  bool goodbye_by_keeper_ = false;
  std::condition_variable changed_;  // for close(): a thread left await(), or a connection is there
};

}  // namespace parvis::client
