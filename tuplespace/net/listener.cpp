#include "tuplespace/net/listener.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cerrno>
#include <cstring>
#include <exception>

#include "tuplespace/net/bind.hpp"
#include "tuplespace/net/stream.hpp"

namespace parvis::net {
namespace asio = boost::asio;
namespace {

constexpr std::chrono::milliseconds retry_accept{100};  // out of descriptors or memory: others may end meanwhile
constexpr int accepts_in_a_row = 64;
}  // namespace

// One listening socket and the coroutine that accepts from it.
class Acceptor : public std::enable_shared_from_this<Acceptor> {
 public:
  Acceptor(std::shared_ptr<Hub> hub, const Bound& bound)
      : hub_(std::move(hub)), socket_(hub_->io, bound.fd), retry_(hub_->io), address_(bound.address) {
    struct stat status {};
    if (!address_.path.empty() && stat(address_.path.c_str(), &status) == 0) inode_ = status.st_ino;
  }

  void start() {
    asio::co_spawn(
        hub_->io, [self = shared_from_this()] { return self->accept(); },
        [self = shared_from_this()](const std::exception_ptr& error) {
          if (!error) return;
          try {
            std::rethrow_exception(error);
          } catch (const std::exception& e) {
            self->hub_->note("not_listening", self->address_.text(), e.what());
          }
        });
  }

  void stop() {
    if (!socket_.is_open()) return;
    boost::system::error_code ignored;  // nothing is left to do about a socket that cannot be closed
    socket_.close(ignored);
    retry_.cancel();
    struct stat status {};
    const bool ours = !address_.path.empty() && stat(address_.path.c_str(), &status) == 0 && status.st_ino == inode_;
    if (ours && unlink(address_.path.c_str()) != 0)
      hub_->note("socket_not_removed", address_.path, std::strerror(errno));
  }

 private:
  asio::awaitable<void> accept() {
    while (socket_.is_open()) {
      auto result =
          co_await socket_.async_wait(asio::posix::stream_descriptor::wait_read, asio::as_tuple(asio::use_awaitable));
      const auto& [error] = result;
      if (error || !socket_.is_open()) co_return;
      const bool out_of_means = take_all();
      if (!out_of_means) continue;
      retry_.expires_after(retry_accept);
      co_await retry_.async_wait(asio::as_tuple(asio::use_awaitable));
    }
  }

  // True when the system has no descriptor or memory for a connection that waits.
  bool take_all() {
    for (int i = 0; i < accepts_in_a_row; ++i) {
      const int fd = accept4(socket_.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd >= 0) {
        hub_->accepted(fd, !address_.path.empty());
        continue;
      }
      if (errno == EAGAIN || errno == EWOULDBLOCK) return false;
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        hub_->note("cannot_accept", address_.text(), std::strerror(errno));
        return true;
      }
      // Anything else is the fate of that one connection (it was reset before we came).
    }
    return false;
  }

  std::shared_ptr<Hub> hub_;
  asio::posix::stream_descriptor socket_;
  asio::steady_timer retry_;
  wire::Address address_;
  ino_t inode_ = 0;
};

struct Listener::State {
  std::shared_ptr<Hub> hub;
  std::vector<std::shared_ptr<Acceptor>> acceptors;
};

Listener::Listener(boost::asio::io_context& io, ListenOptions options, Handler& handler)
    : state_(std::make_unique<State>()) {
  state_->hub = std::make_shared<Hub>(io, std::move(options), handler);
  state_->hub->start();
}

Listener::~Listener() {
  stop_accepting();
  state_->hub->stop();
}

wire::Address Listener::listen(const wire::Address& address, bool ephemeral_when_busy) {
  const Bound bound = bind_and_listen(address, ephemeral_when_busy);
  auto acceptor = std::make_shared<Acceptor>(state_->hub, bound);
  acceptor->start();
  state_->acceptors.push_back(std::move(acceptor));
  return bound.address;
}

void Listener::stop_accepting() {
  for (const auto& acceptor : state_->acceptors) acceptor->stop();
  state_->acceptors.clear();
}

void Listener::close_all(const std::string& reason) {
  const std::vector<std::shared_ptr<Stream>> all(state_->hub->streams.begin(), state_->hub->streams.end());
  for (const auto& stream : all) stream->close(reason);
}

void Listener::pause_reading(bool paused) {
  state_->hub->paused = paused;
  if (paused) return;
  for (const auto& stream : state_->hub->streams) stream->wake();
}

std::size_t Listener::connections() const { return state_->hub->streams.size(); }

std::size_t Listener::queued_bytes() const {
  std::size_t bytes = 0;
  for (const auto& stream : state_->hub->streams) bytes += stream->queued_bytes();
  return bytes;
}

}  // namespace parvis::net
