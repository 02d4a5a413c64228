#include "tuplespace/net/stream.hpp"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <cerrno>
#include <exception>
#include <utility>

namespace parvis::net {
namespace asio = boost::asio;
namespace {

constexpr std::chrono::milliseconds lazy_delay{50};
constexpr std::chrono::milliseconds closing_time{2000};
constexpr std::size_t gathered_parts = 64;

// Many tuples may be the answer to a few bytes: one such request a turn, and the next when its answer is on its way.
bool may_be_large(const wire::Message& request) {
  if (const auto* get = std::get_if<Get>(&request)) return get->max > 1;
  return std::holds_alternative<Scan>(request) || std::holds_alternative<Aggregate>(request) ||
         std::holds_alternative<Watch>(request) || std::holds_alternative<Explain>(request) ||
         std::holds_alternative<ListWaiters>(request) || std::holds_alternative<Spaces>(request);
}

}  // namespace

Stream::Stream(std::shared_ptr<Hub> hub, Socket&& socket, bool local)
    : hub_(std::move(hub)),
      socket_(std::move(socket)),
      process_(hub_->io),
      wake_(hub_->io),
      lazy_(hub_->io),
      assembler_(hub_->options.limits),
      heard_(Clock::now()),
      wrote_(heard_),
      deadline_(heard_ + hub_->options.limits.hello_timeout) {
  socket_.non_blocking(true);
  if (local) return;
  const int on = 1;
  setsockopt(socket_.native_handle(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  identify();  // a reset would take its address away
}

template <class F>
void Stream::spawn(F&& coroutine) {
  asio::co_spawn(hub_->io, std::forward<F>(coroutine), [self = self()](const std::exception_ptr& error) {
    if (!error) return;
    try {
      std::rethrow_exception(error);
    } catch (const std::exception& e) {
      self->identify();
      self->hub_->note("internal_error", self->peer(), e.what());
    }
    self->finish();
  });
}

void Stream::start() {
  spawn([self = self()] { return self->read(); });
}

void Stream::identify() {
  if (peer_.text.empty()) peer_ = peer_of(socket_.native_handle());
}

std::string Stream::peer() const { return name.empty() ? peer_.text : fmt::format("{} ({})", peer_.text, name); }

// --- reading ---

bool Stream::may_read() const {
  if (ended()) return true;  // what still comes is read away
  return !hub_->paused && queue_.bytes() <= hub_->options.limits.send_queue_bytes;
}

asio::awaitable<void> Stream::read() {
  for (;;) {
    while (!may_read()) {
      wake_.expires_at(Clock::time_point::max());
      co_await wake_.async_wait(asio::as_tuple(asio::use_awaitable));
      heard_ = Clock::now();  // it could not be heard meanwhile
    }
    if (state_ == State::closed) co_return;
    if (!backlog_.empty()) {
      co_await asio::post(hub_->io, asio::use_awaitable);  // behind the turn that answers what came before
      if (may_read()) work_off();
      continue;
    }
    const std::span<std::byte> space = assembler_.space();
    const asio::mutable_buffer buffer(space.data(), space.size());
    auto result = co_await socket_.async_read_some(buffer, asio::as_tuple(asio::use_awaitable));
    const auto& [error, bytes] = result;
    if (state_ == State::closed) co_return;
    if (error) break;
    if (state_ == State::closing) continue;
    take_in(bytes);
  }
  finish();
}

asio::awaitable<void> Stream::watch_process() {
  do {
    auto result =
        co_await process_.async_wait(asio::posix::stream_descriptor::wait_read, asio::as_tuple(asio::use_awaitable));
    const auto& [error] = result;
    if (error || state_ == State::closed) co_return;
  } while (!has_ended(process_.native_handle()));
  end_of_process();
}

void Stream::end_of_process() {
  peer_dead_ = true;
  // What it sent before it died is still read; then the end is seen, though a child may have inherited the socket.
  boost::system::error_code ignored;  // not connected any more: the reader has seen it
  socket_.shutdown(asio::socket_base::shutdown_receive, ignored);
  wake();
}

void Stream::take_in(std::size_t bytes) {
  heard_ = Clock::now();
  asked_ = false;
  large_answer_ = false;
  try {
    assembler_.received(bytes, [this](wire::Incoming&& incoming) {
      if (large_answer_) backlog_.push_back(std::move(incoming));
      else if (!ended()) on_message(std::move(incoming));
    });
  } catch (const Error& error) {
    fail(error);
  }
  handled();
}

void Stream::work_off() {
  large_answer_ = false;
  try {
    while (!backlog_.empty() && !large_answer_ && !ended()) {
      wire::Incoming next = std::move(backlog_.front());
      backlog_.pop_front();
      on_message(std::move(next));
    }
  } catch (const Error& error) {
    fail(error);
  }
  handled();
}

void Stream::handled() {
  if (ended()) backlog_.clear();
  if (state_ != State::closed) hub_->account(hub_->partial_bytes, partial_, assembler_.partial_bytes());
  hub_->turn_ended();
}

void Stream::on_message(wire::Incoming&& incoming) {
  if (state_ == State::open) return on_request(std::move(incoming));
  if (state_ == State::welcoming) throw Error(ErrorCode::protocol_error, "a message before the welcome");
  const wire::Message message = wire::unpack(incoming);
  if (state_ == State::hello) on_hello(message);
  else on_proof(message);
}

void Stream::on_hello(const wire::Message& message) {
  const auto* hello = std::get_if<wire::Hello>(&message);
  if (!hello) throw Error(ErrorCode::protocol_error, "the first message of a connection is hello");
  name = hello->name;
  identify();
  watch(process_of(peer_));
  handshake_.emplace(hub_->options.token, peer_.same_user, hub_->options.server_name);
  send(0, handshake_->hello(*hello), false);
  state_ = State::proof;
}

void Stream::watch(const Process& process) {
  if (process.gone) return end_of_process();
  if (process.pidfd < 0) return;
  boost::system::error_code error;
  process_.assign(process.pidfd, error);
  if (error) {
    ::close(process.pidfd);
    throw Error(ErrorCode::limit_exceeded, "the server cannot watch your process: " + error.message());
  }
  spawn([self = self()] { return self->watch_process(); });
}

void Stream::on_proof(const wire::Message& message) {
  const auto* proof = std::get_if<wire::Proof>(&message);
  if (!proof) throw Error(ErrorCode::protocol_error, "the second message of a connection is proof");
  Handler* handler = hub_->handler;
  if (!handler) return;
  const auto resume = handshake_->proof(*proof, [handler](SessionId id) { return handler->secret_of(id); });
  const Limits& limits = hub_->options.limits;
  wire::Welcome& welcome = welcome_;
  welcome.proof = handshake_->server_proof();
  welcome.heartbeat_ms = static_cast<std::uint64_t>(limits.heartbeat.count());
  welcome.grace_ms = static_cast<std::uint64_t>(limits.grace.count());
  welcome.tuple_bytes = limits.tuple_bytes;
  handler->opened(shared_from_this(), resume, welcome);
  opened_ = true;
  if (ended()) return;
  assembler_.authenticated();
  if (state_ == State::proof) welcome_client();
}

void Stream::release_welcome() {
  if (state_ == State::welcoming) welcome_client();
}

void Stream::welcome_client() {
  state_ = State::open;
  send(0, std::exchange(welcome_, {}), false);
}

void Stream::on_request(wire::Incoming&& incoming) {
  const bool answered = wire::is_operation(incoming.kind);
  try {
    if (answered && incoming.id == 0) throw Error(ErrorCode::protocol_error, "an operation has the id 0");
    wire::Message message = wire::unpack(incoming, hub_->options.limits.tuple_bytes);
    if (std::holds_alternative<wire::Ping>(message)) return send(incoming.id, wire::Pong{}, false);
    if (std::holds_alternative<wire::Pong>(message)) return;
    large_answer_ = may_be_large(message);
    if (hub_->handler) hub_->handler->message(*this, std::move(message), incoming.id);
  } catch (const Error& error) {
    // The frames are whole, only this request is not: it alone fails.
    if (!answered || incoming.id == 0) throw;
    send(incoming.id, Failed{error.code(), error.what()}, false);
  }
}

// --- writing ---

void Stream::send(std::uint64_t id, const wire::Message& message, bool lazy) {
  if (ended()) return;
  queue_.add(id, message);
  hub_->account(hub_->queued_bytes, queued_, queue_.own_bytes());
  if (!lazy) return mark_dirty();
  if (lazy_waits_ || dirty_) return;
  lazy_waits_ = true;
  lazy_.expires_after(lazy_delay);
  lazy_.async_wait([self = self()](const boost::system::error_code& error) {
    self->lazy_waits_ = false;
    if (!error) self->flush();
  });
}

void Stream::mark_dirty() {
  if (dirty_) return;
  dirty_ = true;
  hub_->dirty(self());
}

void Stream::flush() {
  dirty_ = false;
  if (state_ == State::closed || writing_) return;
  write_some();
  if (state_ == State::closed || queue_.empty()) return;
  writing_ = true;
  spawn([self = self()] { return self->write(); });
}

asio::awaitable<void> Stream::write() {
  while (state_ != State::closed && !queue_.empty()) {
    auto result = co_await socket_.async_wait(asio::socket_base::wait_write, asio::as_tuple(asio::use_awaitable));
    const auto& [error] = result;
    if (error) break;
    write_some();
  }
  writing_ = false;
}

// As much as the socket takes without waiting.
void Stream::write_some() {
  while (!queue_.empty()) {
    const auto& parts = queue_.gather();
    std::array<iovec, gathered_parts> vectors;
    const std::size_t n = std::min(parts.size(), vectors.size());
    for (std::size_t i = 0; i < n; ++i) vectors[i] = {const_cast<std::byte*>(parts[i].data()), parts[i].size()};
    msghdr header{};
    header.msg_iov = vectors.data();
    header.msg_iovlen = n;
    const ssize_t sent = sendmsg(socket_.native_handle(), &header, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) break;
      return finish();
    }
    queue_.wrote(static_cast<std::size_t>(sent));
    wrote_ = Clock::now();
  }
  hub_->account(hub_->queued_bytes, queued_, queue_.own_bytes());
  if (queue_.bytes() <= hub_->options.limits.send_queue_bytes / 2) wake();
  if (state_ == State::closing && queue_.empty() && !shut_) {
    shut_ = true;
    boost::system::error_code ignored;  // the peer may have gone first
    socket_.shutdown(asio::socket_base::shutdown_send, ignored);
  }
}

// --- the end ---

void Stream::wake() { wake_.cancel(); }

void Stream::tick() {
  const auto now = Clock::now();
  const Limits& limits = hub_->options.limits;
  if (state_ == State::closing) {
    if (now >= deadline_) finish();
  } else if (!opened_) {
    if (now >= deadline_)
      fail(Error(ErrorCode::timeout,
                 fmt::format("no authentication within hello_timeout = {} ms", limits.hello_timeout.count())));
  } else if (state_ == State::welcoming) {
    heard_ = now;  // it waits for us
  } else if (!may_read()) {
    if (queue_.bytes() > 0 && now - wrote_ > limits.heartbeat + limits.grace) {
      hub_->note("gave_up", peer(), "it takes nothing of what it asked for");
      finish();
    }
  } else if (now - heard_ >= limits.heartbeat) {
    hub_->note("gave_up", peer(), fmt::format("silent for {} ms", limits.heartbeat.count()));
    finish();
  } else if (now - heard_ >= limits.heartbeat / 3 && !asked_) {
    asked_ = true;
    send(0, wire::Ping{}, false);
  }
}

void Stream::fail(const Error& error) {
  if (ended()) return;
  identify();
  hub_->note("refused", peer(), error.what());
  const std::string prefix =
      state_ == State::hello && error.code() != ErrorCode::timeout && error.code() != ErrorCode::limit_exceeded
          ? "this is a Parvis server: "
          : "";
  send(0, Failed{error.code(), prefix + error.what()}, false);
  close("");
}

void Stream::give_up(const Error& error) {
  fail(error);
  flush();
  finish();
}

void Stream::close(std::string reason) {
  if (ended()) return;
  if (!reason.empty()) send(0, wire::Ended{std::move(reason)}, false);
  state_ = State::closing;
  deadline_ = Clock::now() + closing_time;
  wake();
  mark_dirty();  // for the shutdown that follows the last byte
}

void Stream::finish() {
  if (state_ == State::closed) return;
  const auto keep = self();
  state_ = State::closed;
  boost::system::error_code ignored;  // closing cannot fail in a way anybody could act on
  socket_.close(ignored);
  wake_.cancel();
  lazy_.cancel();
  hub_->account(hub_->partial_bytes, partial_, 0);
  hub_->account(hub_->queued_bytes, queued_, 0);
  hub_->removed(keep);
  const int pidfd = process_.is_open() ? process_.release() : -1;
  const bool may_come_back = opened_ && hub_->handler && session != 0 && !peer_dead_;  // 0: it has said goodbye
  if (pidfd >= 0 && !may_come_back) ::close(pidfd);
  if (!opened_ || !hub_->handler) return;
  hub_->handler->closed(*this, peer_dead_);
  if (pidfd >= 0 && may_come_back) watch_until_death(hub_, pidfd, session, peer());
  asio::post(hub_->io, [hub = hub_] { hub->turn_ended(); });  // finish may be called in the middle of a turn
}

}  // namespace parvis::net
