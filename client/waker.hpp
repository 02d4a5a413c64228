// How one thread ends another thread's poll(): an eventfd, one per thread, made at its first wait. After fork the
// child's threads get eventfds of their own, so that a child never disturbs its parent.
#pragma once

#include <cstdint>

namespace parvis::client {

// How often this process is a forked child of the one that loaded the library: compared with a remembered value, it
// tells whether something was made before a fork. Async-signal-safe.
std::uint64_t fork_generation();

class Waker {
 public:
  Waker();
  ~Waker();
  Waker(const Waker&) = delete;
  Waker& operator=(const Waker&) = delete;

  [[nodiscard]] int fd() const { return fd_; }
  void wake() const;   // any thread
  void drain() const;  // the owner, after its poll said readable

  static Waker& of_this_thread();

 private:
  int fd_;
};

}  // namespace parvis::client
