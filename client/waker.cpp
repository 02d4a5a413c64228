#include "client/waker.hpp"

#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <memory>
#include <system_error>

namespace parvis::client {

namespace {

std::atomic<std::uint64_t> generation{0};

struct WatchForks {
  WatchForks() {
    pthread_atfork(nullptr, nullptr, [] { generation.fetch_add(1, std::memory_order_relaxed); });
  }
} const watch_forks;

}  // namespace

std::uint64_t fork_generation() { return generation.load(std::memory_order_relaxed); }

Waker::Waker() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
}

Waker::~Waker() { ::close(fd_); }

void Waker::wake() const {
  const std::uint64_t one = 1;
  // The only failure of interest is a full counter, and then the owner wakes anyway.
  [[maybe_unused]] const auto written = ::write(fd_, &one, sizeof one);
}

void Waker::drain() const {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got = ::read(fd_, &count, sizeof count);
}

Waker& Waker::of_this_thread() {
  struct Slot {
    std::unique_ptr<Waker> waker;
    std::uint64_t generation = 0;
  };
  thread_local Slot slot;
  const auto now = fork_generation();
  if (!slot.waker || slot.generation != now) {
    slot.waker = std::make_unique<Waker>();
    slot.generation = now;
  }
  return *slot.waker;
}

}  // namespace parvis::client
