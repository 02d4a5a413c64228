#include "kernel/signals.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <memory>

#include "tuplespace/model/error.hpp"

namespace parvis::kernel {

namespace {

// A signal handler can reach nothing but what is global.
std::atomic<int> event_fd{-1};
std::atomic<pid_t> process{0};

void on_sigterm(int) {
  const int saved = errno;
  if (::getpid() == process.load()) {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(event_fd.load(), &one, sizeof one);
  } else {
    std::signal(SIGTERM, SIG_DFL);
    ::raise(SIGTERM);
  }
  errno = saved;
}

}  // namespace

void accept_signals() {
  std::signal(SIGINT, SIG_DFL);
  sigset_t ours;
  ::sigemptyset(&ours);
  ::sigaddset(&ours, SIGINT);
  ::sigaddset(&ours, SIGTERM);
  ::pthread_sigmask(SIG_UNBLOCK, &ours, nullptr);
}

void stop_on_sigterm(boost::asio::io_context& io, std::function<void()> on_terminate) {
  const int fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0) throw Error(ErrorCode::storage_error, "the process is out of file descriptors");
  event_fd = fd;
  process = ::getpid();
  const auto descriptor = std::make_shared<boost::asio::posix::stream_descriptor>(io, fd);
  // It is read, not waited for: an event may be that of a descriptor which had its place in the reactor before.
  const auto signals = std::make_shared<std::uint64_t>();
  descriptor->async_read_some(
      boost::asio::buffer(signals.get(), sizeof *signals),
      [descriptor, signals, done = std::move(on_terminate)](const boost::system::error_code& error, std::size_t) {
        if (!error) done();
      });
  struct sigaction action {};
  action.sa_handler = on_sigterm;
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGTERM, &action, nullptr);
}

AllSignalsBlocked::AllSignalsBlocked() {
  sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before_);
}

AllSignalsBlocked::~AllSignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

}  // namespace parvis::kernel
