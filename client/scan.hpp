// Walking through all matches in pages, and following a space's events: both ask for the next page by themselves, so
// that they go on after a reconnect and a restart of the server. What the C++ Scan and Watch and the Python package
// stand on. One thread at a time, but close().
#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <optional>

#include "client/session.hpp"

namespace parvis::client {

// Each tuple at most once: those present at the first page and still present at theirs.
class Scanner {
 public:
  // `first` has the space, the templates (which it must own) and the size of a page.
  Scanner(std::shared_ptr<Session> session, Scan first) : session_(std::move(session)), ask_(std::move(first)) {}
  std::optional<Item> next(const OnSignal& on_signal);

 private:
  std::shared_ptr<Session> session_;
  Scan ask_;
  std::deque<Item> page_;
  bool done_ = false;
};

struct Happening {
  bool gap = false;  // events are lost: all up to event.number, after the one before
  Event event;       // of a gap the number alone
};

class Follower {
 public:
  // In effect when it returns. `watch` has the space, the templates (which it must own) and the kinds. `since`: the
  // first number wanted; else what happens from now on.
  Follower(std::shared_ptr<Session> session, Watch watch, std::optional<std::uint64_t> since,
           const OnSignal& on_signal);
  // The next event; nothing when `patience` is over, or it is closed.
  std::optional<Happening> next(std::optional<std::chrono::microseconds> patience, const OnSignal& on_signal);
  void close();  // any thread; ends a next() under way
  [[nodiscard]] bool closed() const;
  [[nodiscard]] std::uint64_t following() const { return ask_.from; }  // the number it asks from

 private:
  std::optional<Answer> ask(std::optional<std::chrono::microseconds> patience, const OnSignal& on_signal);
  void file(Events&& events);

  std::shared_ptr<Session> session_;
  Watch ask_;
  std::deque<Happening> page_;
  mutable std::mutex mutex_;  // of what follows: close() comes from other threads
  bool closed_ = false;
  Sequence asked_ = 0;
};

}  // namespace parvis::client
