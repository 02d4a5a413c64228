#include "client/local_server.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <utility>

#include "client/dial.hpp"
#include "client/spawn.hpp"
#include "tuplespace/wire/home.hpp"

namespace parvis::client {

namespace fs = std::filesystem;

namespace {

bool is_program(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored) && ::access(path.c_str(), X_OK) == 0;
}

// Where this code was loaded from: the program itself, or the Python extension.
fs::path own_folder() {
  Dl_info info{};
  std::error_code ignored;
  if (::dladdr(reinterpret_cast<const void*>(&parvis_program), &info) == 0 || info.dli_fname == nullptr) return {};
  const fs::path file =
      fs::path(info.dli_fname).is_absolute() ? fs::path(info.dli_fname) : fs::read_symlink("/proc/self/exe", ignored);
  return fs::weakly_canonical(file, ignored).parent_path();
}

// Held by the one starter. Others that come meanwhile wait for it, and find the server there.
class StartLock {
 public:
  StartLock(const fs::path& file, Time deadline) : fd_(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
    if (fd_ < 0)
      throw Error(ErrorCode::disconnected, fmt::format("cannot write {}: {}", file.string(), std::strerror(errno)));
    while (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
      if (Clock::now() >= deadline) {
        ::close(fd_);
        throw Error(ErrorCode::disconnected,
                    "another program has been starting the local server for too long (" + file.string() + ")");
      }
      ::usleep(20'000);
    }
  }
  ~StartLock() { ::close(fd_); }
  StartLock(const StartLock&) = delete;
  StartLock& operator=(const StartLock&) = delete;

 private:
  int fd_;
};

bool answers(Time deadline) {
  for (const auto& address : wire::read_addresses(wire::home_folder())) {
    try {
      ::close(dial(address, std::min(deadline, Clock::now() + std::chrono::seconds(1)), {}));
      return true;
    } catch (const Error& error) {
      if (error.code() != ErrorCode::disconnected) throw;
    }
  }
  return false;
}

}  // namespace

fs::path parvis_program() {
  std::vector<fs::path> places;
  if (const char* given = std::getenv("PARVIS_BIN"); given != nullptr && *given != '\0') {
    places = {fs::path(given), fs::path(given) / "parvis"};
  }
  const auto own = own_folder();
  for (const auto* relative :
       {"parvis", "bin/parvis", "../bin/parvis", "../../bin/parvis", "../../../bin/parvis", "../../../../bin/parvis"}) {
    places.push_back(own / relative);
  }
  const char* path = std::getenv("PATH");
  for (std::string_view rest = path == nullptr ? "" : path; !rest.empty();) {
    const auto end = rest.find(':');
    places.push_back(fs::path(rest.substr(0, end)) / "parvis");
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }
  for (const auto& place : places) {
    if (is_program(place)) return fs::weakly_canonical(place);
  }
  throw Error(ErrorCode::disconnected,
              "the program `parvis` was found neither beside " + own.string() + " nor on PATH: set PARVIS_BIN to it");
}

void start_local_server(Time deadline) {
  const auto home = wire::home_folder();
  std::error_code failed;
  fs::create_directories(home.parent_path(), failed);
  if (!failed && fs::create_directory(home, failed)) fs::permissions(home, fs::perms::owner_all, failed);
  if (failed)
    throw Error(ErrorCode::disconnected, fmt::format("cannot make the folder {}: {}", home.string(), failed.message()));
  const StartLock lock(home / "start.lock", deadline);
  if (answers(deadline)) return;
  const auto log = home / "server.log";
  Detached server(parvis_program(), {"serve", "--idle-exit", "60"}, log);
  while (!answers(deadline)) {
    if (const auto how = server.ended()) {
      if (answers(deadline)) return;  // somebody else's was there first
      throw Error(ErrorCode::disconnected,
                  fmt::format("the local server could not be started ({}):{}", *how, end_of(log)));
    }
    if (Clock::now() >= deadline) {
      throw Error(ErrorCode::disconnected,
                  fmt::format("the local server was started (pid {}) and does not answer; its log is {}:{}",
                              server.pid(), log.string(), end_of(log)));
    }
    ::usleep(5'000);
  }
}

}  // namespace parvis::client
