#include "tuplespace/server/home.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "tuplespace/model/error.hpp"

namespace parvis::server {
namespace {

[[noreturn]] void cannot(std::string_view what, const std::filesystem::path& path) {
  throw Error(ErrorCode::storage_error, fmt::format("cannot {} {}: {}", what, path.string(), std::strerror(errno)));
}

// A new file of mode 0600 with this content, safe on the disk; never an existing one, nor through a link.
void write_new(const std::filesystem::path& path, std::string_view text) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) cannot("create", path);
  const bool written = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && fsync(fd) == 0;
  const int error = errno;
  close(fd);
  if (written) return;
  unlink(path.c_str());
  errno = error;
  cannot("write", path);
}

}  // namespace

void make_private(const std::filesystem::path& home) {
  struct stat status {};
  if (stat(home.c_str(), &status) != 0) cannot("look at", home);
  if ((status.st_mode & 077) == 0) return;
  if (chmod(home.c_str(), 0700) != 0) cannot("make private (chmod 700)", home);
}

wire::Token ensure_token(const std::filesystem::path& home) {
  if (const auto token = wire::read_token(home)) return *token;
  wire::Token token;
  wire::random_bytes(token);
  write_new(wire::token_path(home), wire::token_text(token) + "\n");
  return token;
}

void write_addresses(const std::filesystem::path& home, const std::vector<wire::Address>& addresses) {
  std::string text;
  for (const auto& address : addresses) text += address.text() + "\n";
  const auto path = wire::addresses_path(home);
  const auto fresh = std::filesystem::path(path.string() + ".new");
  if (unlink(fresh.c_str()) != 0 && errno != ENOENT) cannot("remove", fresh);
  write_new(fresh, text);
  if (rename(fresh.c_str(), path.c_str()) != 0) cannot("replace", path);
}

void remove_addresses(const std::filesystem::path& home) {
  const auto path = wire::addresses_path(home);
  if (unlink(path.c_str()) != 0 && errno != ENOENT) cannot("remove", path);
}

}  // namespace parvis::server
