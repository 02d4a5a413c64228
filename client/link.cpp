#include "client/link.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace parvis::client {

namespace {

// Requests of blocking calls live on their caller's stack: the ledger refers to them and owns nothing.
std::shared_ptr<Request> lent(Request& request) { return {std::shared_ptr<void>(), &request}; }

Answer answer_of(Request& request) {
  if (const auto* error = std::get_if<Error>(&request.result)) throw *error;
  auto& answer = std::get<Answer>(request.result);
  if (const auto* failed = std::get_if<Failed>(&answer)) throw Error(failed->code, failed->text);
  return std::move(answer);
}

}  // namespace

Link::Link(const Options& options, const std::shared_ptr<Connection>& connection)
    : options_(options), keeper_waker_(std::make_unique<Waker>()) {
  learn(connection, Clock::now());
}

Link::~Link() {
  // close() has run: the keeper has ended, and holds the link alive while it has not.
  if (keeper_.joinable()) keeper_.detach();  // style-ok: only when this is the keeper itself, leaving keep()
}

void Link::forsake() {
  if (const int fd = descriptor_.load(); fd >= 0) ::close(fd);
}

void Link::check_usable() const {
  if (closing_) throw Error(ErrorCode::disconnected, "the connection to " + address_ + " has been closed");
}

Answer Link::call(const Operation& operation, const Wait& wait, Sequence* sequence) {
  Request request;
  request.lent = &operation;
  request.hold = true;
  Lock lock(mutex_);
  submit(lent(request), effect_of(operation), deadline_of(operation));
  if (sequence != nullptr) *sequence = request.sequence;
  await(lock, request, wait.on_signal, std::nullopt);
  if (wait.confirm) ledger_.release(request.sequence, Clock::now());
  return answer_of(request);
}

Blob Link::call_kernel(const Payload& payload, const Wait& wait, Patience patience,
                       const Session::OnOutput& on_output) {
  Request request;
  request.packed = std::make_shared<wire::Outgoing>(wire::pack(0, wire::Message(wire::Call{payload})));
  const auto until = patience ? std::optional<Time>(Clock::now() + *patience) : std::nullopt;
  Lock lock(mutex_);
  submit(lent(request), Effect::calls, std::nullopt);
  for (;;) {
    const bool in_time = await(lock, request, wait.on_signal, until);
    while (!request.outputs.empty()) {
      const auto data = std::move(request.outputs.front());
      request.outputs.pop_front();
      lock.unlock();
      try {
        if (on_output) on_output(data);
      } catch (...) {
        lock.lock();
        ledger_.refuse(request.sequence, Clock::now());
        throw;
      }
      lock.lock();
    }
    if (request.finished) break;
    if (in_time) continue;
    ledger_.refuse(request.sequence, Clock::now());
    throw Error(ErrorCode::timeout, "no answer from the kernel in the time given; it goes on, and keeps the result");
  }
  if (auto* reply = std::get_if<Blob>(&request.result)) return std::move(*reply);
  answer_of(request);
  throw Error(ErrorCode::protocol_error, address_ + " answered a call as only a server does");
}

void Link::start(const std::shared_ptr<Request>& request, const Operation& operation) {
  request->hold = true;
  request->owned = self_contained(operation);
  if (!request->owned) request->packed = std::make_shared<wire::Outgoing>(wire::pack(0, operation));
  Lock lock(mutex_);
  make_room(lock);
  submit(request, effect_of(operation), deadline_of(operation));
}

void Link::start_kernel_call(const std::shared_ptr<Request>& request, const Payload& payload) {
  request->packed = std::make_shared<wire::Outgoing>(wire::pack(0, wire::Message(wire::Call{payload})));
  Lock lock(mutex_);
  make_room(lock);
  submit(request, Effect::calls, std::nullopt);
}

std::optional<Answer> Link::wait(Request& request, const Wait& wait, Patience patience) {
  const auto until = patience ? std::optional<Time>(Clock::now() + *patience) : std::nullopt;
  Lock lock(mutex_);
  if (!await(lock, request, wait.on_signal, until)) return std::nullopt;
  auto answer = answer_of(request);
  const bool held = std::holds_alternative<Found>(answer);
  if (held && wait.confirm) release_late(request.sequence);
  request.over = wait.confirm || !held;
  return answer;
}

bool Link::ready(const Request& request) {
  Lock lock(mutex_);
  if (pipelines_ > 0) flush_gathered();
  if (!request.finished && may_read()) {
    const Waker& waker = Waker::of_this_thread();
    become_reader(waker);
    if (poll_connection(lock, waker, 0) == Readiness::readable) take_in(lock);
    if (reader_ == &waker) reader_ = nullptr;
    pass_on();
  }
  return request.finished;
}

void Link::drop(Request& request) {
  Lock lock(mutex_);
  if (!closing_) give_back(request.sequence);
}

// What was handed over for this number, or will be, goes back; whoever waits for it is forgotten. A change that still
// waits (a statement, an out without room) never happens; one that has happened stays.
void Link::give_back(Sequence sequence) {
  if (auto* request = ledger_.find(sequence); request != nullptr && request->has_callback()) --callbacks_due_;
  if (ledger_.refuse(sequence, Clock::now())) {
    if (connection_) put(Refuse{sequence});
  } else if (connection_ && ledger_.find(sequence) != nullptr) {
    put(Cancel{sequence});
  }
}

void Link::refuse(Sequence sequence) {
  Lock lock(mutex_);
  if (!closing_) give_back(sequence);
}

void Link::cancel(Sequence sequence) {
  Lock lock(mutex_);
  if (ledger_.find(sequence) == nullptr) return;
  if (connection_) return put(Cancel{sequence});
  // Nobody to ask: as a timeout while disconnected.
  const auto now = Clock::now();
  complete(ledger_.withdraw(sequence, now), Answer(Failed{ErrorCode::timeout, "cancelled"}));
  wake_keeper();
}

void Link::release_late(Sequence sequence) {
  if (!ledger_.release(sequence, Clock::now())) {
    throw Error(ErrorCode::disconnected,
                "the session ended before this answer was used; what it held is back in the space");
  }
  if (keeper_rests_) wake_keeper();
}

void Link::confirm_late(Sequence sequence) {
  Lock lock(mutex_);
  release_late(sequence);
}

void Link::confirm(Sequence sequence) {
  Lock lock(mutex_);
  ledger_.release(sequence, Clock::now());
  if (closing_) return;
  ensure_keeper();
  if (keeper_rests_) wake_keeper();
}

SessionId Link::id() {
  Lock lock(mutex_);
  return session_.session;
}

std::string Link::address() {
  Lock lock(mutex_);
  return address_;
}

std::string Link::server() {
  Lock lock(mutex_);
  return server_;
}

void Link::submit(std::shared_ptr<Request> request, Effect effect, std::optional<Time> deadline) {
  check_usable();
  const auto now = Clock::now();
  ++calls_;
  Request& added = *request;
  ledger_.add(std::move(request), effect, deadline, now);
  if (added.packed) added.packed->id = added.sequence;
  if (connection_) {
    try {
      transmit(added, added.operation(), now);
    } catch (...) {
      ledger_.refuse(added.sequence, now);  // nothing of it was sent
      throw;
    }
  } else {
    ensure_keeper();
    wake_keeper();
  }
  if (added.has_callback()) {
    ++callbacks_due_;
    ensure_keeper();
    if (reader_ == nullptr) wake_keeper();
  }
}

void Link::transmit(const Request& request, const Operation* operation, Time now) {
  buffer_.clear();
  if (ledger_.confirm_rides()) {
    if (const auto confirm = ledger_.take_confirm(now)) wire::pack_into(buffer_, 0, wire::Message(*confirm));
  }
  const auto confirmation = buffer_.size();
  std::shared_ptr<wire::Outgoing> large;
  try {
    const auto& packed = request.packed;
    if (packed && packed->segments.empty() && packed->body.size() <= max_fragment_bytes) {
      wire::append_frame(buffer_, packed->kind, packed->id, packed->body);
    } else if (packed) {
      large = packed;
    } else if (!wire::pack_into(buffer_, request.sequence, *operation)) {
      large = std::make_shared<wire::Outgoing>(wire::pack(request.sequence, *operation));
    }
  } catch (...) {
    buffer_.resize(confirmation);
    if (!send_buffer()) connection_->shutdown();
    throw;
  }
  const bool sent = (buffer_.empty() || send_buffer()) && (!large || connection_->send(large));
  if (!sent) connection_->shutdown();  // whoever reads takes in what has still arrived, and sees the end
  ledger_.sent(request.sequence, now);
  last_sent_ = now;
  if (pipelines_ == 0 && connection_->unsent() && reader_ != nullptr) reader_->wake();  // it has to poll for room, too
}

bool Link::send_buffer() { return pipelines_ > 0 ? connection_->gather(buffer_) : connection_->send(buffer_); }

void Link::pipeline(bool on) {
  Lock lock(mutex_);
  pipelines_ += on ? 1 : -1;
  if (pipelines_ == 0) flush_gathered();
}

void Link::flush_gathered() {
  if (!connection_ || !connection_->unsent()) return;
  if (!connection_->flush()) connection_->shutdown();
  if (connection_->unsent() && reader_ != nullptr) reader_->wake();
}

void Link::put(const wire::Message& message) {
  buffer_.clear();
  const bool small = wire::pack_into(buffer_, 0, message);
  const bool sent =
      small ? connection_->send(buffer_) : connection_->send(std::make_shared<wire::Outgoing>(wire::pack(0, message)));
  if (!sent) connection_->shutdown();
  last_sent_ = Clock::now();
  if (pipelines_ > 0) flush_gathered();
  if (connection_->unsent() && reader_ != nullptr) reader_->wake();
}

// A thread that waits is registered for as long as it does, whatever ends the wait.
struct Link::Presence {
  Presence(Link& link, Lock& lock, Request& request, const Waker& waker)
      : link_(link), lock_(lock), request_(request), waker_(waker) {
    link_.waiting_.push_back(&request_);
  }
  ~Presence() {
    if (!lock_.owns_lock()) lock_.lock();
    link_.waiting_.erase(std::find(link_.waiting_.rbegin(), link_.waiting_.rend(), &request_).base() - 1);
    request_.waker = nullptr;
    if (link_.reader_ == &waker_) link_.reader_ = nullptr;
    link_.pass_on();
  }
  Presence(const Presence&) = delete;
  Presence& operator=(const Presence&) = delete;

 private:
  Link& link_;
  Lock& lock_;
  Request& request_;
  const Waker& waker_;
};

// True: the answer, or output, is there. False: `until` has passed. Throws Interrupted after the request was given
// back.
bool Link::await(Lock& lock, Request& request, const OnSignal& on_signal, std::optional<Time> until) {
  if (pipelines_ > 0) flush_gathered();  // also when nobody has to wait: the server works while answers are read
  if (request.finished || !request.outputs.empty()) return true;
  Waker& waker = Waker::of_this_thread();
  request.waker = &waker;
  try {
    const Presence presence(*this, lock, request, waker);
    const std::optional<Time> look_until = looking_time();
    while (!request.finished && request.outputs.empty()) {
      if (until && Clock::now() >= *until) return false;
      if (reader_ == &waker && !connection_) reader_ = nullptr;
      const int timeout_ms = pause_ms(static_cast<bool>(on_signal), until);
      bool ask = false;
      if (reader_ == &waker || may_read()) {
        become_reader(waker);
        const auto readiness = poll_connection(lock, waker, timeout_ms, look_until);
        if (readiness == Readiness::readable) take_in(lock);
        ask = readiness != Readiness::readable;
      } else {
        ask = pause(lock, waker, timeout_ms);
      }
      if (!ask || request.finished) continue;
      if (!stop_) ensure_keeper();
      if (!connection_) {
        sweep(Clock::now());
        run_callbacks(lock);
      }
      if (!on_signal) continue;
      lock.unlock();
      const bool give_up = on_signal();
      lock.lock();
      if (give_up) throw Interrupted{};
    }
    return true;
  } catch (...) {
    give_back(request.sequence);
    throw;
  }
}

// Sleeps until this thread's Waker is rung. True when a signal or the time ended it.
bool Link::pause(Lock& lock, Waker& waker, int timeout_ms) {
  lock.unlock();
  pollfd one{waker.fd(), POLLIN, 0};
  const int n = ::poll(&one, 1, timeout_ms);
  if (n > 0) waker.drain();
  lock.lock();
  return n <= 0;
}

int Link::pause_ms(bool sliced, std::optional<Time> until) const {
  auto ms = std::chrono::milliseconds::max();
  if (sliced) ms = signal_slice;
  if (!connection_) ms = std::min(ms, offline_slice);
  if (!keeper_.joinable()) ms = std::min(ms, 4 * tick);  // then there will be one
  if (until) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*until - Clock::now());
    ms = std::clamp(left, std::chrono::milliseconds(0), ms);
  }
  return ms > std::chrono::milliseconds(60'000) ? 60'000 : static_cast<int>(ms.count());
}

void Link::become_reader(const Waker& waker) {
  if (reader_ == &waker) return;
  if (keeper_reads_idly_) {
    keeper_reads_idly_ = false;
    wake_keeper();
  }
  reader_ = &waker;
}

// Nobody reads now: somebody who waits shall.
void Link::pass_on() {
  if (reader_ == nullptr && connection_) {
    if (!waiting_.empty()) {
      waiting_.front()->waker->wake();
    } else if (callbacks_due_ > 0) {
      wake_keeper();
    }
  }
  if (!keeper_.joinable() && !closing_) ensure_keeper();
  if (keeper_rests_ && ledger_.anything_to_confirm()) wake_keeper();
  if (closing_) changed_.notify_all();
}

// Requests that nobody waits for are not to fill the memory when the server does not read.
void Link::make_room(Lock& lock) {
  if (std::this_thread::get_id() == keeper_.get_id()) return;
  while (!closing_ && connection_ && connection_->queued() > queue_bytes) {
    Waker& waker = Waker::of_this_thread();
    if (may_read()) {
      become_reader(waker);
      if (poll_connection(lock, waker, static_cast<int>(tick.count())) == Readiness::readable) take_in(lock);
      if (reader_ == &waker) reader_ = nullptr;
      pass_on();
    } else {
      pause(lock, waker, static_cast<int>(tick.count()));
    }
  }
}

}  // namespace parvis::client
