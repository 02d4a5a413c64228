#include "tuplespace/server/supervisor.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>

namespace parvis::server {

void tell_supervisor(std::string_view state, Log& log) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  if (!path || *path == '\0') return;
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  const std::size_t size = std::strlen(path);
  if (size >= sizeof to.sun_path) return log.warn("supervisor_not_told", {{"reason", "NOTIFY_SOCKET is too long"}});
  std::memcpy(to.sun_path, path, size);
  if (path[0] == '@') to.sun_path[0] = '\0';  // an abstract name
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + size);
  const bool told = fd >= 0 && sendto(fd, state.data(), state.size(), MSG_NOSIGNAL,
                                      reinterpret_cast<const sockaddr*>(&to), length) >= 0;
  if (!told) log.warn("supervisor_not_told", {{"reason", std::strerror(errno)}});
  if (fd >= 0) close(fd);
}

}  // namespace parvis::server
