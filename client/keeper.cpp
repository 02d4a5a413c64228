// Link, the hidden thread: heartbeats, late confirmations, answers nobody waits for, reconnecting; and the end of it
// all.
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

#include <algorithm>

#include "client/dial.hpp"
#include "client/link.hpp"
#include "client/lost_answer.hpp"

namespace parvis::client {

namespace {

// Signals are for the threads of the program.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_{};
};

int whole_ms(std::chrono::milliseconds time) {
  return static_cast<int>(std::clamp<std::int64_t>(time.count(), 0, 60'000));
}

}  // namespace

void Link::ensure_keeper() {
  if (keeper_.joinable() || stop_) return;
  const SignalsBlocked while_it_starts;  // a thread inherits the mask of its maker
  keeper_ = std::thread([self = shared_from_this()] { self->keep(); });
}

void Link::wake_keeper() {
  keeper_rests_ = false;
  keeper_waker_->wake();
}

void Link::keep() {
  Lock lock(mutex_);
  while (!stop_) {
    if (!connection_) {
      reconnect(lock);
      continue;
    }
    const auto now = Clock::now();
    look_after(now);
    if (!connection_) continue;
    const bool active = calls_ != calls_seen_;
    calls_seen_ = calls_;
    const auto timeout = active || ledger_.anything_to_confirm() ? tick : until_next_duty(now);
    if (may_read() && (callbacks_due_ > 0 || !active)) {
      keep_reading(lock, timeout);
    } else {
      rest(lock, timeout);
    }
  }
  if (goodbye_by_keeper_) say_goodbye(lock, Clock::now() + close_time);
}

void Link::look_after(Time now) {
  if (const auto due = ledger_.confirm_due(); due && *due - tick <= now) {
    if (const auto confirm = ledger_.take_confirm(now)) put(*confirm);
  }
  const auto interval = heartbeat_ / 3;
  if (!ping_sent_ && (now - last_received_ >= interval || now - last_sent_ >= interval)) {
    put(wire::Ping{});
    ping_sent_ = now;
  }
  if (ping_sent_ && last_received_ < *ping_sent_ && now - *ping_sent_ >= 2 * interval) {
    pollfd one{connection_->fd(), POLLIN, 0};
    if (::poll(&one, 1, 0) == 0) {  // else we were stopped ourselves, and the answer lies there
      broken(fmt::format("the server has been silent for {} ms",
                         std::chrono::duration_cast<std::chrono::milliseconds>(now - last_received_).count()));
    }
  }
}

std::chrono::milliseconds Link::until_next_duty(Time now) const {
  const auto interval = heartbeat_ / 3;
  auto next = ping_sent_ ? *ping_sent_ + 2 * interval : std::min(last_received_, last_sent_) + interval;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - now);
  return std::max(left, tick);
}

void Link::keep_reading(Lock& lock, std::chrono::milliseconds timeout) {
  const Waker& waker = *keeper_waker_;
  reader_ = &waker;
  keeper_reads_idly_ = true;
  keeper_rests_ = timeout > tick;
  const auto readiness = poll_connection(lock, waker, whole_ms(timeout));
  keeper_rests_ = false;
  if (reader_ != &waker) return;  // a caller has taken over
  keeper_reads_idly_ = false;
  if (readiness == Readiness::readable) take_in(lock);
  reader_ = nullptr;
  if (!waiting_.empty()) pass_on();
}

void Link::rest(Lock& lock, std::chrono::milliseconds timeout) {
  keeper_rests_ = timeout > tick;
  lock.unlock();
  pollfd one{keeper_waker_->fd(), POLLIN, 0};
  if (::poll(&one, 1, whole_ms(timeout)) > 0) keeper_waker_->drain();
  lock.lock();
  keeper_rests_ = false;
}

void Link::reconnect(Lock& lock) {
  sweep(Clock::now());
  run_callbacks(lock);
  const auto session = session_;
  lock.unlock();
  std::shared_ptr<Connection> connection;
  std::optional<Error> failure;
  try {
    connection = dial_again(session);
  } catch (const Error& error) {
    failure = error;
  }
  lock.lock();
  if (stop_) return;
  if (connection) {
    adopt(connection, Clock::now());
    return run_callbacks(lock);
  }
  why_broken_ = failure->what();
  if (failure->code() == ErrorCode::unauthorized) fail_everything(failure->code(), why_broken_, Clock::now());
  run_callbacks(lock);
  backoff_ = std::clamp(2 * backoff_, std::chrono::milliseconds(10),
                        std::chrono::milliseconds(ledger_.unanswered() > 0 ? 500 : 2'000));
  rest(lock, backoff_);
}

std::shared_ptr<Connection> Link::dial_again(const wire::Resume& session) {
  Connection::Dial dialling;
  dialling.name = options_.name;
  dialling.deadline = Clock::now() + options_.connect_timeout;
  dialling.abandoned = [this] {
    Lock lock(mutex_);
    sweep(Clock::now());
    run_callbacks(lock);
    return stop_;
  };
  std::optional<Error> first;
  for (const auto& endpoint : endpoints(options_)) {
    // A server with a new data folder may know the number of our session, and not its secret: then it is gone.
    for (const auto& resume : {std::optional(session), std::optional<wire::Resume>()}) {
      dialling.resume = resume;
      try {
        return Connection::open(endpoint, dialling);
      } catch (const Error& error) {
        if (!first) first = error;
        if (error.code() != ErrorCode::unauthorized) break;
      }
    }
  }
  throw *first;
}

void Link::learn(const std::shared_ptr<Connection>& connection, Time now) {
  const auto& welcome = connection->welcome();
  connection_ = connection;
  descriptor_ = connection->fd();
  address_ = connection->address();
  server_ = connection->server();
  heartbeat_ = std::chrono::milliseconds(welcome.heartbeat_ms != 0 ? welcome.heartbeat_ms : 10'000);
  lease_ = heartbeat_ + std::chrono::milliseconds(welcome.heartbeat_ms != 0 ? welcome.grace_ms : 30'000);
  if (!welcome.resumed) session_ = {welcome.session, welcome.secret};
  ledger_.heard(connection->made());
  last_received_ = last_sent_ = now;
  why_broken_.clear();
}

void Link::adopt(const std::shared_ptr<Connection>& connection, Time now) {
  learn(connection, now);
  std::vector<Sequence> resend;
  if (connection->welcome().resumed) {
    auto todo = ledger_.resumed(now);
    for (const auto& refuse : todo.refuse) put(refuse);
    if (todo.confirm) put(*todo.confirm);
    resend = std::move(todo.resend);
  } else {
    auto todo = ledger_.renewed(connection->welcome());
    const Error unknown(
        ErrorCode::disconnected,
        "the session ended while its server was away, and whether this operation took effect can't be learnt", true);
    for (const auto& request : todo.lost) complete(request, unknown);
    for (const auto& request : todo.applied) complete(request, bare_success(*request));
    resend = std::move(todo.resend);
  }
  for (const auto sequence : resend) send_again(sequence, now);
  pass_on();
  changed_.notify_all();
}

void Link::send_again(Sequence sequence, Time now) {
  if (!connection_) return;
  const Request* request = ledger_.find(sequence);
  if (request == nullptr) return;
  const auto operation = ledger_.again(sequence, now);
  transmit(*request, operation ? &*operation : nullptr, now);
}

// While disconnected: time runs out for those who set one, and patience for all.
void Link::sweep(Time now) {
  if (connection_) return;
  for (const auto& [request, outcome_unknown] : ledger_.expired(now)) {
    const auto text = "nothing in time (and no connection to the server: " + why_broken_ + ")";
    if (outcome_unknown) {
      complete(request, Error(ErrorCode::disconnected, text + "; whether it took effect can't be learnt", true));
    } else {
      complete(request, Answer(Failed{ErrorCode::timeout, text}));
    }
  }
  if (broke_ + options_.reconnect_for > now) return;
  fail_everything(ErrorCode::disconnected,
                  fmt::format("the server at {} stayed away for {:.3g} s: {}", address_,
                              std::chrono::duration<double>(options_.reconnect_for).count(), why_broken_),
                  now, now - options_.reconnect_for);
}

void Link::fail_everything(ErrorCode code, const std::string& text, Time now, Time made_before) {
  for (const auto& [request, outcome_unknown] : ledger_.fail_all(now, made_before)) {
    complete(request, Error(code, text, outcome_unknown));
  }
}

void Link::close() {
  Lock lock(mutex_);
  if (closing_) return;
  closing_ = true;
  const auto now = Clock::now();
  const auto deadline = now + close_time;
  fail_everything(ErrorCode::disconnected, "the connection to " + address_ + " has been closed", now);
  run_callbacks(lock);
  if (std::this_thread::get_id() == keeper_.get_id()) {
    stop_ = goodbye_by_keeper_ = true;
    return;
  }
  // What was received is confirmed, if need be on a new connection.
  const auto left = [&] { return std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()); };
  if (!connection_ && keeper_.joinable() && ledger_.anything_to_confirm()) {
    changed_.wait_for(lock, left(), [&] { return connection_ != nullptr; });
  }
  stop_ = true;
  wake_keeper();
  if (keeper_.joinable()) {
    lock.unlock();
    keeper_.join();
    lock.lock();
  }
  changed_.wait(lock, [&] { return waiting_.empty(); });
  say_goodbye(lock, deadline);
}

// Alone by now. The server has read everything when it ends the stream; a closed socket with unread bytes could make it
// lose what we sent.
void Link::say_goodbye(Lock& lock, Time deadline) {
  if (!connection_) return;
  if (const auto confirm = ledger_.take_confirm(Clock::now())) put(*confirm);
  put(wire::Bye{});
  const auto connection = connection_;
  lock.unlock();
  try {
    while (connection->unsent()) {
      wait_until_ready(connection->fd(), POLLOUT, deadline, {}, "closing");
      if (!connection->flush()) break;
    }
    ::shutdown(connection->fd(), SHUT_WR);
    do {
      wait_until_ready(connection->fd(), POLLIN, deadline, {}, "closing");
    } while (connection->receive([](wire::Incoming&&) {}));
  } catch (const Error&) {
    // The time is over, or the server talks nonsense: it learns of our end by the closed socket.
  }
  lock.lock();
  connection_.reset();
  descriptor_ = -1;
}

}  // namespace parvis::client
