// Link, the receiving half: what arrives, and who is told.
#include <poll.h>
#include <sched.h>

#include <cerrno>
#include <thread>

#include "client/link.hpp"

namespace parvis::client {

// A server that has just answered does not sleep yet: its next answer is here before this thread could be woken. With
// one core alone it is better left to the server.
std::optional<Time> Link::looking_time() {
  static const bool looks = std::thread::hardware_concurrency() > 1;
  constexpr auto look_time = wire::Luck::look_time;
  const auto now = Clock::now();
  if (!looks || now - last_received_ > look_time || !luck_.worth_a_look()) return std::nullopt;
  return now + look_time;
}

// Waits, without the mutex, until there is something to read or to be done. Sends what is queued as room appears. Until
// `look_until` it does not sleep, but leaves the core to whoever else wants it.
Link::Readiness Link::poll_connection(Lock& lock, const Waker& waker, int timeout_ms, std::optional<Time> look_until) {
  const auto connection = connection_;
  const short events = connection->unsent() ? POLLIN | POLLOUT : POLLIN;
  lock.unlock();
  pollfd both[2] = {{connection->fd(), events, 0}, {waker.fd(), POLLIN, 0}};
  const bool looks = look_until && Clock::now() < *look_until;
  int n = 0;
  while (looks && n == 0 && Clock::now() < *look_until) {
    n = ::poll(both, 2, 0);
    if (n == 0) ::sched_yield();
  }
  const bool found = n > 0;
  if (n == 0) n = ::poll(both, 2, timeout_ms);
  const bool interrupted = n <= 0;  // by a signal, or it is time to look around
  if (n > 0 && both[1].revents != 0) waker.drain();
  lock.lock();
  if (looks) luck_.had(found);
  if (interrupted) return Readiness::interrupted;
  if ((both[0].revents & POLLOUT) != 0 && connection == connection_ && !connection->flush()) connection->shutdown();
  return (both[0].revents & ~POLLOUT) != 0 ? Readiness::readable : Readiness::quiet;
}

// By the reader alone.
void Link::take_in(Lock& lock) {
  const auto connection = connection_;
  if (!connection) return;
  lock.unlock();
  bool stands = false;
  std::string why = "the server closed the connection";
  inbox_.clear();
  try {
    stands = connection->receive([this](wire::Incoming&& incoming) {
      try {
        inbox_.push_back({incoming.id, wire::unpack(incoming)});
      } catch (const Error& error) {  // one message that can't be read fails one operation
        inbox_.push_back({incoming.id, Failed{error.code(), error.what()}});
      }
    });
  } catch (const Error& error) {
    why = error.what();
  }
  lock.lock();
  if (connection != connection_) return inbox_.clear();
  const auto now = Clock::now();
  if (now - ledger_.heard() > lease_) {
    // We were stopped for so long that the server has given us up: what it sent went back to the space since.
    inbox_.clear();
    return broken("this process was stopped for longer than its session lives");
  }
  last_received_ = now;
  for (auto& received : inbox_) {
    if (connection == connection_) handle(received, now);
  }
  inbox_.clear();
  if (!stands && connection == connection_) broken(why_broken_.empty() ? why : why_broken_);
  run_callbacks(lock);
}

void Link::handle(Received& received, Time now) {
  auto& message = received.message;
  const auto answer = [&](auto& content) { finish(received.id, Answer(std::move(content)), now); };
  if (auto* found = std::get_if<Found>(&message)) return answer(*found);
  if (auto* done = std::get_if<Done>(&message)) return answer(*done);
  if (auto* failed = std::get_if<Failed>(&message)) return answer(*failed);
  if (auto* listing = std::get_if<Listing>(&message)) return answer(*listing);
  if (auto* page = std::get_if<Page>(&message)) return answer(*page);
  if (auto* ran = std::get_if<Ran>(&message)) return answer(*ran);
  if (auto* events = std::get_if<Events>(&message)) return answer(*events);
  if (const auto* waiting = std::get_if<Waiting>(&message)) return ledger_.waiting(received.id, *waiting, now);
  if (auto* reply = std::get_if<wire::Reply>(&message)) return finish(received.id, reply->tuple.blob(), now);
  if (auto* data = std::get_if<wire::Output>(&message)) return output(received.id, data->tuple.blob());
  if (std::holds_alternative<wire::Ping>(message)) return put(wire::Pong{});
  if (std::holds_alternative<wire::Pong>(message)) {
    if (ping_sent_) ledger_.heard(*ping_sent_);
    ping_sent_.reset();
    return;
  }
  if (const auto* ended = std::get_if<wire::Ended>(&message)) {
    why_broken_ = ended->text;  // the end of the stream follows
    return;
  }
  broken("the server sent a message that only a client sends");
}

void Link::finish(Sequence sequence, Request::Result result, Time now) {
  const auto request = ledger_.answered(sequence, now);
  if (!request) return;
  const auto* answer = std::get_if<Answer>(&result);
  const auto* failed = answer != nullptr ? std::get_if<Failed>(answer) : nullptr;
  if (request->hold && failed != nullptr && failed->code == ErrorCode::storage_error) {
    // Whether the disk has it nobody knows: what a take may have been handed is to go back, not to be confirmed.
    if (ledger_.refuse(sequence, now) && connection_) put(Refuse{sequence});
  } else if (request->hold && answer != nullptr && !std::holds_alternative<Found>(*answer)) {
    ledger_.release(sequence, now);
  }
  complete(request, std::move(result));
}

void Link::complete(const std::shared_ptr<Request>& request, Request::Result result) {
  if (!request || request->finished) return;
  request->finished = true;
  if (request->has_callback()) {
    --callbacks_due_;
    callbacks_.emplace_back([this, request, result = std::move(result)]() mutable {
      if (request->on_reply) {
        if (auto* reply = std::get_if<Blob>(&result)) return request->on_reply(std::move(*reply));
        if (auto* error = std::get_if<Error>(&result)) return request->on_reply(*error);
        const auto* failed = std::get_if<Failed>(std::get_if<Answer>(&result));
        return request->on_reply(failed != nullptr ? Error(failed->code, failed->text)
                                                   : Error(ErrorCode::protocol_error, "not the answer of a kernel"));
      }
      if (const auto* error = std::get_if<Error>(&result)) {
        request->on_answer(Failed{error->code(), error->what(), error->outcome_unknown()});
      } else if (auto* answer = std::get_if<Answer>(&result)) {
        request->on_answer(std::move(*answer));
      }
      if (!request->self_confirmed) confirm(request->sequence);
    });
    return;
  }
  request->result = std::move(result);
  if (request->waker != nullptr && request->waker != &Waker::of_this_thread()) request->waker->wake();
}

void Link::output(Sequence sequence, const Blob& data) {
  Request* request = ledger_.find(sequence);
  if (request == nullptr) return;
  if (request->on_output) {
    callbacks_.emplace_back([tell = request->on_output, data] { tell(data); });
  } else if (!request->has_callback()) {
    request->outputs.push_back(data);
    if (request->waker != nullptr && request->waker != &Waker::of_this_thread()) request->waker->wake();
  }
}

void Link::run_callbacks(Lock& lock) {
  while (!callbacks_.empty()) {
    std::vector<std::function<void()>> due;
    due.swap(callbacks_);
    lock.unlock();
    for (const auto& callback : due) callback();
    due.clear();  // a callback may own the last reference to something of ours
    lock.lock();
  }
}

void Link::broken(const std::string& why) {
  if (!connection_) return;
  connection_->shutdown();
  descriptor_ = -1;
  connection_.reset();
  ping_sent_.reset();
  broke_ = Clock::now();
  why_broken_ = why;
  backoff_ = {};
  for (auto* request : waiting_) request->waker->wake();
  if (closing_) {
    changed_.notify_all();
  } else {
    ensure_keeper();
  }
  wake_keeper();
}

}  // namespace parvis::client
