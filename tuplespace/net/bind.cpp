#include "tuplespace/net/bind.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "tuplespace/model/error.hpp"

namespace parvis::net {
namespace {

constexpr int backlog = 1024;

[[noreturn]] void cannot(const wire::Address& address, const std::string& why) {
  throw Error(ErrorCode::storage_error, fmt::format("cannot listen on {}: {}", address.text(), why));
}

class Socket {
 public:
  explicit Socket(int family) : fd_(socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    if (fd_ < 0) throw Error(ErrorCode::storage_error, fmt::format("cannot make a socket: {}", std::strerror(errno)));
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() {
    if (fd_ >= 0) close(fd_);
  }
  [[nodiscard]] int fd() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

sockaddr_un unix_address(const wire::Address& address) {
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  if (address.path.size() >= sizeof to.sun_path) {
    cannot(address, fmt::format("the path has {} bytes and a socket's may have {}; choose a shorter folder",
                                address.path.size(), sizeof to.sun_path - 1));
  }
  std::memcpy(to.sun_path, address.path.c_str(), address.path.size() + 1);
  return to;
}

// A socket nobody answers on is left over from a server that was killed; anything else is not ours to remove.
void clear_away(const wire::Address& address, const sockaddr_un& to) {
  struct stat status {};
  if (lstat(address.path.c_str(), &status) != 0) return;
  if (!S_ISSOCK(status.st_mode)) cannot(address, "there is a file of that name that is no socket");
  const Socket probe(AF_UNIX);
  const int connected = connect(probe.fd(), reinterpret_cast<const sockaddr*>(&to), sizeof to);
  if (connected == 0 || errno == EAGAIN) cannot(address, "another server answers there");
  if (errno != ECONNREFUSED) cannot(address, std::strerror(errno));
  if (unlink(address.path.c_str()) != 0)
    cannot(address, fmt::format("the old socket cannot be removed: {}", std::strerror(errno)));
}

Bound bind_unix(const wire::Address& address) {
  const sockaddr_un to = unix_address(address);
  clear_away(address, to);
  Socket socket(AF_UNIX);
  // Before bind: the file is then made with this mode, and nobody else can connect in between.
  if (fchmod(socket.fd(), 0600) != 0) cannot(address, std::strerror(errno));
  if (bind(socket.fd(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) cannot(address, std::strerror(errno));
  if (listen(socket.fd(), backlog) != 0) cannot(address, std::strerror(errno));
  return {socket.release(), address};
}

struct TcpAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
  void set_port(std::uint16_t port) {
    if (storage.ss_family == AF_INET) reinterpret_cast<sockaddr_in*>(&storage)->sin_port = htons(port);
    else reinterpret_cast<sockaddr_in6*>(&storage)->sin6_port = htons(port);
  }
  [[nodiscard]] std::uint16_t port() const {
    if (storage.ss_family == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in*>(&storage)->sin_port);
    return ntohs(reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_port);
  }
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

TcpAddress tcp_address(const wire::Address& address) {
  TcpAddress to;
  const std::string host = address.host == "localhost" ? "127.0.0.1" : address.host;
  if (auto* v4 = reinterpret_cast<sockaddr_in*>(&to.storage); inet_pton(AF_INET, host.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    to.size = sizeof(sockaddr_in);
  } else if (auto* v6 = reinterpret_cast<sockaddr_in6*>(&to.storage);
             inet_pton(AF_INET6, host.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    to.size = sizeof(sockaddr_in6);
  } else {
    cannot(address, fmt::format("'{}' is not an IP address", host));
  }
  to.set_port(address.port);
  return to;
}

Bound bind_tcp(const wire::Address& address, bool ephemeral_when_busy) {
  if (!address.loopback()) {
    throw Error(
        ErrorCode::unauthorized,
        fmt::format(
            "{} can be reached from other machines and has no encryption: tcp:// is for 127.0.0.1 and ::1 alone. "
            "Between machines use an ssh tunnel (ssh -L 7711:127.0.0.1:7711 host) until there is tls://",
            address.text()));
  }
  TcpAddress to = tcp_address(address);
  Socket socket(to.storage.ss_family);
  const int on = 1;
  // So that a restarted server has its port at once, though old connections linger in TIME_WAIT.
  if (setsockopt(socket.fd(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) cannot(address, std::strerror(errno));
  int bound = bind(socket.fd(), to.get(), to.size);
  if (bound != 0 && errno == EADDRINUSE && ephemeral_when_busy) {
    to.set_port(0);
    bound = bind(socket.fd(), to.get(), to.size);
  }
  if (bound != 0)
    cannot(address,
           errno == EADDRINUSE ? "the port is in use; choose another (0: any that is free)" : std::strerror(errno));
  if (listen(socket.fd(), backlog) != 0) cannot(address, std::strerror(errno));
  if (getsockname(socket.fd(), reinterpret_cast<sockaddr*>(&to.storage), &to.size) != 0)
    cannot(address, std::strerror(errno));
  Bound result{socket.release(), address};
  result.address.port = to.port();
  return result;
}

}  // namespace

Bound bind_and_listen(const wire::Address& address, bool ephemeral_when_busy) {
  switch (address.kind) {
    case wire::Address::Kind::unix_: return bind_unix(address);
    case wire::Address::Kind::tcp: return bind_tcp(address, ephemeral_when_busy);
    case wire::Address::Kind::tls: break;
  }
  throw Error(ErrorCode::unauthorized,
              fmt::format("{}: TLS is not built yet; use unix:// on one machine, or tcp://127.0.0.1 and an ssh tunnel "
                          "(ssh -L 7711:127.0.0.1:7711 host) between two",
                          address.text()));
}

}  // namespace parvis::net
