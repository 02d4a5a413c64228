#include "client/dial.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

namespace parvis::client {

namespace {

class Socket {
 public:
  explicit Socket(int domain) : fd_(::socket(domain, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    if (fd_ < 0) throw Error(ErrorCode::disconnected, std::string("no socket could be made: ") + std::strerror(errno));
  }
  ~Socket() {
    if (fd_ >= 0) ::close(fd_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  [[nodiscard]] int fd() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

[[noreturn]] void nobody_there(const wire::Address& address, int error) {
  const auto where = address.text();
  if (error == ENOENT || error == ECONNREFUSED) {
    throw Error(ErrorCode::disconnected,
                "no server at " + where + ": start one with `parvis serve`, or set PARVIS_ADDRESS");
  }
  if (error == EACCES || error == EPERM) {
    throw Error(ErrorCode::unauthorized,
                "the server at " + where + " belongs to another user: " + std::strerror(error));
  }
  throw Error(ErrorCode::disconnected, "no connection to " + where + ": " + std::strerror(error));
}

// True: connected. False with EAGAIN: a Unix socket whose queue is full; try again.
bool connect_to(int fd, const sockaddr* to, socklen_t size, const wire::Address& address, Time deadline,
                const std::function<bool()>& abandoned) {
  if (::connect(fd, to, size) == 0) return true;
  if (errno == EAGAIN) return false;
  if (errno != EINPROGRESS && errno != EINTR) nobody_there(address, errno);
  wait_until_ready(fd, POLLOUT, deadline, abandoned, "no answer from " + address.text());
  int error = 0;
  socklen_t length = sizeof error;
  ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
  if (error != 0) nobody_there(address, error);
  return true;
}

int dial_unix(const wire::Address& address, Time deadline, const std::function<bool()>& abandoned) {
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  if (address.path.size() >= sizeof to.sun_path) {
    throw Error(ErrorCode::protocol_error, "the socket path " + address.path + " is longer than the " +
                                               std::to_string(sizeof to.sun_path - 1) +
                                               " bytes a Unix socket can have");
  }
  std::memcpy(to.sun_path, address.path.c_str(), address.path.size() + 1);
  Socket socket(AF_UNIX);
  while (!connect_to(socket.fd(), reinterpret_cast<const sockaddr*>(&to), sizeof to, address, deadline, abandoned)) {
    // The listener's queue is full and there is nothing to poll for: look again soon.
    ::poll(nullptr, 0, 5);
    if (Clock::now() >= deadline || (abandoned && abandoned())) nobody_there(address, EAGAIN);
  }
  return socket.release();
}

int dial_tcp(const wire::Address& address, Time deadline, const std::function<bool()>& abandoned) {
  if (!address.loopback()) {
    throw Error(ErrorCode::unauthorized,
                address.text() +
                    " is on another machine, and tcp:// is neither encrypted nor meant for it: forward a port "
                    "(ssh -L " +
                    std::to_string(address.port) + ":localhost:" + std::to_string(address.port) + " " + address.host +
                    ") and use tcp://localhost:" + std::to_string(address.port));
  }
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  if (const int failed = ::getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &list);
      failed != 0) {
    throw Error(ErrorCode::disconnected, "no address is known for " + address.host + ": " + ::gai_strerror(failed));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, &::freeaddrinfo);
  std::optional<Error> first;
  for (const addrinfo* at = list; at != nullptr; at = at->ai_next) {
    try {
      Socket socket(at->ai_family);
      connect_to(socket.fd(), at->ai_addr, at->ai_addrlen, address, deadline, abandoned);
      const int on = 1;
      ::setsockopt(socket.fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      return socket.release();
    } catch (const Error& error) {
      if (!first) first = error;
    }
  }
  throw first ? *first : Error(ErrorCode::disconnected, "no address is known for " + address.host);
}

}  // namespace

void wait_until_ready(int fd, short events, Time deadline, const std::function<bool()>& abandoned,
                      const std::string& what) {
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) throw Error(ErrorCode::disconnected, what + ": the time allowed for it is over");
    if (abandoned && abandoned()) throw Error(ErrorCode::disconnected, what + ": given up");
    pollfd one{fd, events, 0};
    if (::poll(&one, 1, static_cast<int>(std::min<long long>(left, 100))) > 0) return;
  }
}

int dial(const wire::Address& address, Time deadline, const std::function<bool()>& abandoned) {
  switch (address.kind) {
    case wire::Address::Kind::unix_: return dial_unix(address, deadline, abandoned);
    case wire::Address::Kind::tcp: return dial_tcp(address, deadline, abandoned);
    case wire::Address::Kind::tls: break;
  }
  throw Error(ErrorCode::protocol_error, address.text() +
                                             ": this version speaks unix:// and tcp:// only; for another machine "
                                             "forward a port with ssh -L and use tcp://localhost");
}

}  // namespace parvis::client
