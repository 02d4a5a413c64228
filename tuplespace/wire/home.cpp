#include "tuplespace/wire/home.hpp"

#include <fmt/format.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "tuplespace/model/error.hpp"

namespace parvis::wire {
namespace {

std::filesystem::path folder_in(const char* variable) {
  const char* value = std::getenv(variable);
  return value ? value : "";
}

}  // namespace

std::filesystem::path home_folder() {
  // Relative paths would mean another folder for a client that stands elsewhere.
  if (auto path = folder_in("PARVIS_HOME"); !path.empty()) return std::filesystem::absolute(path);
  if (const auto path = folder_in("XDG_STATE_HOME"); path.is_absolute()) return path / "parvis";
  auto home = folder_in("HOME");
  if (home.empty()) {
    if (const passwd* user = getpwuid(getuid()); user && user->pw_dir) home = user->pw_dir;
  }
  if (home.empty()) throw Error(ErrorCode::storage_error, "no folder for Parvis: neither PARVIS_HOME nor HOME is set");
  return home / ".local" / "state" / "parvis";
}

std::filesystem::path token_path(const std::filesystem::path& home) { return home / "token"; }
std::filesystem::path addresses_path(const std::filesystem::path& home) { return home / "addresses"; }
std::filesystem::path socket_path(const std::filesystem::path& home) { return home / "parvis.sock"; }

std::optional<Token> read_token(const std::filesystem::path& home) {
  const auto path = token_path(home);
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    throw Error(ErrorCode::unauthorized,
                fmt::format("cannot read the token {}: {}", path.string(), std::strerror(errno)));
  }
  if ((status.st_mode & 077) != 0) {
    throw Error(
        ErrorCode::unauthorized,
        fmt::format(
            "others can read the token {}: run  chmod 600 {}  (or delete it and restart the server for a new one)",
            path.string(), path.string()));
  }
  std::ifstream file(path);
  std::string text;
  if (!std::getline(file, text)) {
    throw Error(ErrorCode::unauthorized, fmt::format("cannot read the token {}: {}", path.string(),
                                                     file.bad() ? std::strerror(errno) : "it is empty or not yours"));
  }
  return parse_token(text);
}

std::vector<Address> read_addresses(const std::filesystem::path& home) {
  std::vector<Address> addresses;
  std::ifstream file(addresses_path(home));
  for (std::string line; std::getline(file, line);) {
    if (!line.empty()) addresses.push_back(Address::parse(line));
  }
  return addresses;
}

}  // namespace parvis::wire
