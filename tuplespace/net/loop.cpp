#include "tuplespace/net/loop.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <thread>

#include "tuplespace/wire/luck.hpp"

namespace parvis::net {

namespace {

using Clock = std::chrono::steady_clock;

// Whether a core has nothing else to do, as the system's count of runnable threads tells, this one among them: who
// computes is not to be slowed down. To yield the core would not do: its next turn may come milliseconds later.
class Cores {
 public:
  Cores() : fd_(::open("/proc/loadavg", O_RDONLY | O_CLOEXEC)) {}
  Cores(const Cores&) = delete;
  Cores& operator=(const Cores&) = delete;
  ~Cores() {
    if (fd_ >= 0) ::close(fd_);
  }
  bool one_is_free() {
    const auto now = Clock::now();
    if (now >= read_again_) {
      read_again_ = now + fresh_for;
      is_free_ = runnable() <= number_;
    }
    return is_free_;
  }

 private:
  static constexpr std::chrono::milliseconds fresh_for{2};

  [[nodiscard]] unsigned runnable() const {
    std::array<char, 128> text{};
    unsigned running = ~0U;
    if (number_ < 2 || fd_ < 0 || ::pread(fd_, text.data(), text.size() - 1, 0) <= 0) return running;
    return std::sscanf(text.data(), "%*s %*s %*s %u/", &running) == 1 ? running : ~0U;
  }

  const int fd_;
  const unsigned number_ = std::thread::hardware_concurrency();
  Clock::time_point read_again_{};
  bool is_free_ = false;
};

// True: something came.
bool look(boost::asio::io_context& io) {
  const auto end = Clock::now() + wire::Luck::look_time;
  do {
    if (io.poll() > 0) return true;
  } while (!io.stopped() && Clock::now() < end);
  return false;
}

}  // namespace

void run(boost::asio::io_context& io) {
  wire::Luck luck;
  Cores cores;
  while (!io.stopped()) {
    if (io.poll() > 0) continue;
    if (!io.stopped() && luck.worth_a_look() && cores.one_is_free()) {
      const bool found = look(io);
      luck.had(found);
      if (found) continue;
    }
    io.run_one();
  }
}

}  // namespace parvis::net
