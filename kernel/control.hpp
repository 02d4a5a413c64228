// The control thread: the kernel's own listener, and everything that must answer however busy Python is. Never takes
// the GIL. Calls come in here, wait in the WorkQueue, and their answers go out here.
//
// Threads: net::Handler's functions and everything private run on the io_context's thread; the public functions that
// say so may be called by any thread and only post.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "kernel/answers.hpp"
#include "kernel/call.hpp"
#include "kernel/queue.hpp"
#include "kernel/shared/journal.hpp"
#include "kernel/stream.hpp"
#include "tuplespace/net/listener.hpp"

namespace parvis::kernel {

struct Facts {  // what `status` tells and the registration carries
  std::string id, cluster, agent, host, python, executable;
  int index = 0, pid = 0;
  double started = 0;
};

class Control : public net::Handler {
 public:
  struct Outlets {
    std::function<void(CallAnswer)> keep;    // for parvis.results; must not block
    std::function<void(Settlement)> settle;  // must not block
    std::function<void()> hard_stop;         // the process is to end at once
  };
  Control(boost::asio::io_context& io, WorkQueue& queue, Journal& journal, Facts facts, Outlets outlets);

  // Any thread.
  void ready();  // Python is there
  void started(const Request& request);
  void answered(std::size_t slot, CallAnswer answer);
  void stream(const std::string& id, int stream, std::string_view bytes);
  void watch_claims();  // tasks are held: see that none waits behind long work
  void stop(bool now);

  // net::Handler
  void opened(const std::shared_ptr<net::Connection>& connection, std::optional<SessionId> resume,
              wire::Welcome& welcome) override;
  void message(net::Connection& connection, wire::Message&& message, std::uint64_t id) override;
  void closed(net::Connection& connection, bool peer_dead) override;
  std::optional<std::array<std::byte, 16>> secret_of(SessionId session) override;
  void turn_ended() override;

 private:
  struct Waiter {
    std::weak_ptr<net::Connection> connection;
    std::uint64_t call = 0;
    bool stream = false;
  };
  struct Timer {
    boost::asio::steady_timer timer;
    explicit Timer(boost::asio::io_context& io) : timer(io) {}
  };

  void handle(net::Connection& connection, Call&& call, std::uint64_t id);
  void enqueue(net::Connection& connection, Call&& call, std::uint64_t id);
  void result(net::Connection& connection, const Call& call, std::uint64_t id);
  void interrupt(net::Connection& connection, const Call& call, std::uint64_t id);
  void reply_abort(net::Connection& connection, const Call& call, std::uint64_t id);
  Map status();
  Map queue_listing();
  void send(net::Connection& connection, std::uint64_t id, const std::shared_ptr<const Encoding>& reply);
  void send(net::Connection& connection, std::uint64_t id, const char* status, Map result);
  void send_error(net::Connection& connection, std::uint64_t id, const std::string& request, const std::string& type,
                  const std::string& message);
  void take_answer(std::size_t slot, CallAnswer answer);
  void aborted(const std::vector<Request>& requests);
  void send_streamed(bool before_answer);
  void wait_for_followers();
  void interrupt_again(const std::string& id);
  void arm_timeout(const std::string& id, double seconds);
  void tick();
  void begin_stop(bool now);

  boost::asio::io_context& io_;
  WorkQueue& queue_;
  Journal& journal_;
  const Facts facts_;
  const Outlets outlets_;
  Answers answers_;
  std::unordered_map<std::string, std::vector<Waiter>> waiters_;  // by id of requests that are queued or run
  std::unordered_map<std::string, std::shared_ptr<Timer>> timeouts_;
  StreamBuffer streamed_;
  boost::asio::steady_timer tick_, again_, stream_retry_, hard_stop_;
  std::atomic<bool> ticking_{false};
  bool ready_ = false, stopping_ = false, stream_waits_ = false;
  SessionId next_session_ = 1;
};

}  // namespace parvis::kernel
