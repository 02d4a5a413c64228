#include "client/scan.hpp"

#include <algorithm>

namespace parvis::client {

std::optional<Item> Scanner::next(const OnSignal& on_signal) {
  while (page_.empty()) {
    if (done_) return std::nullopt;
    auto page = std::get<Page>(session_->call(ask_, {on_signal, true}));
    ask_.after = page.after;
    ask_.until = page.until;
    done_ = page.done;
    for (auto& item : page.items) page_.push_back(std::move(item));
  }
  Item item = std::move(page_.front());
  page_.pop_front();
  return item;
}

Follower::Follower(std::shared_ptr<Session> session, Watch watch, std::optional<std::uint64_t> since,
                   const OnSignal& on_signal)
    : session_(std::move(session)), ask_(std::move(watch)) {
  ask_.begin = true;
  const auto first = std::get<Events>(session_->call(ask_, {on_signal, true}));
  ask_.begin = false;
  ask_.from = since.value_or(first.next);
}

std::optional<Happening> Follower::next(std::optional<std::chrono::microseconds> patience, const OnSignal& on_signal) {
  const auto start = std::chrono::steady_clock::now();
  while (page_.empty()) {
    auto left = patience;
    if (left) {
      const auto gone = std::chrono::steady_clock::now() - start;
      left =
          std::max(*left - std::chrono::duration_cast<std::chrono::microseconds>(gone), std::chrono::microseconds(0));
    }
    auto answer = ask(left, on_signal);
    if (!answer) return std::nullopt;
    file(std::get<Events>(std::move(*answer)));
    if (page_.empty() && left && left->count() == 0) return std::nullopt;
  }
  Happening happening = std::move(page_.front());
  page_.pop_front();
  return happening;
}

// Nothing at the end of the time, and when it was closed.
std::optional<Answer> Follower::ask(std::optional<std::chrono::microseconds> patience, const OnSignal& on_signal) {
  ask_.wait = !patience || patience->count() > 0;
  ask_.timeout_us = patience ? patience->count() : -1;
  Pending pending;
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return std::nullopt;
    pending = session_->start(ask_);
    asked_ = pending.sequence();
  }
  try {
    auto answer = pending.wait({on_signal, true});
    const std::lock_guard lock(mutex_);
    asked_ = 0;
    return closed_ ? std::nullopt : std::move(answer);
  } catch (const Error& error) {
    const std::lock_guard lock(mutex_);
    asked_ = 0;
    if (closed_ || error.code() == ErrorCode::timeout) return std::nullopt;
    throw;
  }
}

void Follower::file(Events&& events) {
  if (events.gap) {
    const auto first = events.events.empty() ? events.next : events.events.front().number;
    Happening lost;
    lost.gap = true;
    lost.event.number = std::max<std::uint64_t>(first, 1) - 1;
    page_.push_back(std::move(lost));
  }
  for (auto& event : events.events) {
    // Those before may come again after a reconnect; each is told once.
    if (event.number >= ask_.from) page_.push_back({false, std::move(event)});
  }
  ask_.from = std::max(ask_.from, events.next);
}

void Follower::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  if (asked_ != 0) session_->cancel(asked_);
}

bool Follower::closed() const {
  const std::lock_guard lock(mutex_);
  return closed_;
}

}  // namespace parvis::client
