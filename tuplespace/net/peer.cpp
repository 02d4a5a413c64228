#include "tuplespace/net/peer.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "tuplespace/model/error.hpp"

namespace parvis::net {
namespace {

Peer unix_peer(int socket) {
  Peer peer;
  ucred who{};
  socklen_t size = sizeof who;
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) {
    peer.text = "unix";
    return peer;
  }
  peer.same_user = who.uid == geteuid();
  peer.pid = who.pid;
  peer.text = fmt::format("unix pid {}", who.pid);
  return peer;
}

}  // namespace

Peer peer_of(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (getpeername(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) return {};
  if (address.ss_family == AF_UNIX) return unix_peer(socket);
  Peer peer;
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.ss_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(&address);
    inet_ntop(AF_INET, &v4->sin_addr, text.data(), text.size());
    peer.text = fmt::format("{}:{}", text.data(), ntohs(v4->sin_port));
  } else if (address.ss_family == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&address);
    inet_ntop(AF_INET6, &v6->sin6_addr, text.data(), text.size());
    peer.text = fmt::format("[{}]:{}", text.data(), ntohs(v6->sin6_port));
  }
  return peer;
}

Process process_of(const Peer& peer) {
  if (peer.pid <= 0) return {};  // none, or in a pid namespace we cannot see
  const long fd = syscall(SYS_pidfd_open, peer.pid, 0);
  if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM))
    throw Error(ErrorCode::limit_exceeded, "the server has no descriptor left to watch your process with (ulimit -n)");
  return {static_cast<int>(fd), fd < 0 && errno == ESRCH};
}

bool has_ended(int pidfd) {
  pollfd asked{pidfd, POLLIN, 0};
  return poll(&asked, 1, 0) > 0;
}

}  // namespace parvis::net
