#include "kernel/control.hpp"

#include <boost/asio/post.hpp>

#include "kernel/shared/names.hpp"
#include "tuplespace/model/error.hpp"

namespace parvis::kernel {

namespace asio = boost::asio;

namespace {
constexpr std::chrono::milliseconds long_work{20};  // tasks waiting behind it are given back
constexpr std::chrono::milliseconds stream_retry{5};
constexpr std::chrono::seconds second_interrupt{1};
constexpr std::chrono::milliseconds patience_before_hard_stop{2500};
constexpr std::size_t behind_bytes = 8 << 20;  // queued to a follower that does not keep up
}  // namespace

Control::Control(asio::io_context& io, WorkQueue& queue, Journal& journal, Facts facts, Outlets outlets)
    : io_(io),
      queue_(queue),
      journal_(journal),
      facts_(std::move(facts)),
      outlets_(std::move(outlets)),
      streamed_([this] { asio::post(io_, [this] { send_streamed(false); }); }),
      tick_(io),
      again_(io),
      stream_retry_(io),
      hard_stop_(io) {}

void Control::ready() {
  asio::post(io_, [this] { ready_ = true; });
}

void Control::started(const Request& request) {
  if (!request.timeout) return;
  asio::post(io_, [this, id = request.id, seconds = *request.timeout] { arm_timeout(id, seconds); });
}

void Control::answered(std::size_t slot, CallAnswer answer) {
  asio::post(io_, [this, slot, answer = std::move(answer)]() mutable { take_answer(slot, std::move(answer)); });
}

void Control::stream(const std::string& id, int stream, std::string_view bytes) { streamed_.put(id, stream, bytes); }

void Control::watch_claims() {
  if (ticking_.exchange(true)) return;
  asio::post(io_, [this] { tick(); });
}

void Control::stop(bool now) {
  asio::post(io_, [this, now] { begin_stop(now); });
}

void Control::opened(const std::shared_ptr<net::Connection>& connection, std::optional<SessionId>,
                     wire::Welcome& welcome) {
  // A kernel keeps no sessions: a request is known by its own id, so that a client that comes back asks for its result.
  connection->session = welcome.session = next_session_++;
  wire::random_bytes(welcome.secret);
  welcome.resumed = false;
}

std::optional<std::array<std::byte, 16>> Control::secret_of(SessionId) { return {}; }

void Control::closed(net::Connection&, bool) {}  // its requests go on; waiters hold connections weakly

void Control::turn_ended() {}

void Control::message(net::Connection& connection, wire::Message&& message, std::uint64_t id) {
  if (std::holds_alternative<wire::Ping>(message)) return connection.send(id, wire::Pong{});
  if (std::holds_alternative<wire::Bye>(message)) return connection.close("goodbye");
  auto* const call = std::get_if<wire::Call>(&message);
  if (call == nullptr) {
    if (std::holds_alternative<Cancel>(message) || std::holds_alternative<Refuse>(message) ||
        std::holds_alternative<Confirm>(message))
      return;
    connection.send(id, Failed{ErrorCode::protocol_error,
                               "this is a kernel: it answers calls, the operations of a space are its server's"});
    return;
  }
  try {
    handle(connection, read_call(call->tuple.blob()), id);
  } catch (const Error& error) {
    send_error(connection, id, "", "parvis." + std::string(name_of(error.code())), error.what());
  }
}

void Control::send(net::Connection& connection, std::uint64_t id, const std::shared_ptr<const Encoding>& reply) {
  connection.send(id, wire::Reply{Payload(reply.get())});
}

void Control::send(net::Connection& connection, std::uint64_t id, const char* status, Map result) {
  send(connection, id, make_answer("", status, std::move(result)).reply);
}

void Control::send_error(net::Connection& connection, std::uint64_t id, const std::string& request,
                         const std::string& type, const std::string& message) {
  send(connection, id, "error",
       Map{{{"id", Value(request)},
            {"type", Value(type)},
            {"message", Value(message)},
            {"traceback", Value(type + ": " + message)},
            {"exception", Value()}}});
}

void Control::take_answer(std::size_t slot, CallAnswer answer) {
  send_streamed(true);
  timeouts_.erase(answer.id);
  answers_.add(answer.id, answer.reply);
  if (auto waiting = waiters_.extract(answer.id)) {
    for (const Waiter& waiter : waiting.mapped()) {
      if (const auto connection = waiter.connection.lock()) send(*connection, waiter.call, answer.reply);
    }
  }
  journal_.remove(slot);
  if (answer.stored) outlets_.keep(std::move(answer));
}

void Control::aborted(const std::vector<Request>& requests) {
  for (const Request& request : requests) {
    take_answer(request.slot, make_answer(request.id, "aborted", Map{{{"id", Value(request.id)}}}));
  }
}

// Takes nothing while a follower is behind: the buffer then fills and the code that prints waits. Before an answer what
// is there goes out in any case.
void Control::send_streamed(bool before_answer) {
  if (stream_waits_ && !before_answer) return;
  bool behind = false;
  for (const StreamBuffer::Chunk& chunk : streamed_.take()) {
    const auto waiting = waiters_.find(chunk.id);
    if (waiting == waiters_.end()) continue;
    for (const Waiter& waiter : waiting->second) {
      const auto connection = waiter.connection.lock();
      if (!connection || !waiter.stream) continue;
      Encoding tuple;
      Writer writer(tuple);
      writer.tuple_body(2);
      writer.string(chunk.stream == 0 ? "stdout" : "stderr");
      writer.bytes(Blob::borrowed(as_bytes(chunk.bytes)));
      connection->send(waiter.call, wire::Output{Payload(&tuple)});
      behind = behind || connection->queued_bytes() > behind_bytes;
    }
  }
  if (behind) wait_for_followers();
}

void Control::wait_for_followers() {
  stream_waits_ = true;
  stream_retry_.expires_after(stream_retry);
  stream_retry_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    for (const auto& [id, waiters] : waiters_) {
      for (const Waiter& waiter : waiters) {
        const auto connection = waiter.connection.lock();
        if (connection && waiter.stream && connection->queued_bytes() > behind_bytes) return wait_for_followers();
      }
    }
    stream_waits_ = false;
    send_streamed(false);
  });
}

void Control::arm_timeout(const std::string& id, double seconds) {
  const auto timer = timeouts_[id] = std::make_shared<Timer>(io_);
  timer->timer.expires_after(std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds)));
  timer->timer.async_wait([this, id](const boost::system::error_code& error) {
    if (!error && !queue_.interrupt(id, true).empty()) interrupt_again(id);
  });
}

void Control::interrupt_again(const std::string& id) {
  again_.expires_after(second_interrupt);
  again_.async_wait([this, id](const boost::system::error_code& error) {
    if (!error) queue_.interrupt(id);
  });
}

void Control::tick() {
  for (Settlement& settlement : queue_.tick(long_work)) outlets_.settle(std::move(settlement));
  ticking_ = queue_.holds_tasks();
  // A claim that came between the two would find the flag set and nobody ticking.
  if (!ticking_ && (!queue_.holds_tasks() || ticking_.exchange(true))) return;
  tick_.expires_after(long_work);
  tick_.async_wait([this](const boost::system::error_code& error) {
    if (!error) tick();
  });
}

void Control::begin_stop(bool now) {
  stopping_ = true;
  aborted(queue_.stop());
  for (Settlement& settlement : queue_.tick(long_work)) outlets_.settle(std::move(settlement));
  if (!now) return;
  if (const std::string id = queue_.interrupt({}); !id.empty()) interrupt_again(id);
  hard_stop_.expires_after(patience_before_hard_stop);
  hard_stop_.async_wait([this](const boost::system::error_code& error) {
    if (!error) outlets_.hard_stop();
  });
}

}  // namespace parvis::kernel
