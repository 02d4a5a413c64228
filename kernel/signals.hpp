// Which signals the kernel hears, and SIGTERM as a message to the control thread: the kernel is to stop soon.
//
// The handler looks who runs it: a child that user code forked has the handler too, and must neither stop its parent
// nor survive a SIGTERM of its own.
#pragma once

#include <boost/asio/io_context.hpp>

#include <csignal>
#include <functional>

namespace parvis::kernel {

// What a shell or a batch system has a program in the background inherit, ignored or blocked, works again: SIGINT,
// which Python leaves alone where it is ignored, and SIGTERM. To be called before there are threads.
void accept_signals();

// Once per process. `on_terminate` runs on the io_context's thread.
void stop_on_sigterm(boost::asio::io_context& io, std::function<void()> on_terminate);

// Blocks every signal in the calling thread for a scope: threads started meanwhile never run a handler.
class AllSignalsBlocked {
 public:
  AllSignalsBlocked();
  ~AllSignalsBlocked();
  AllSignalsBlocked(const AllSignalsBlocked&) = delete;
  AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;

 private:
  sigset_t before_{};
};

}  // namespace parvis::kernel
