#include "kernel/agent/agent.hpp"

#include <fcntl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <system_error>

#include "kernel/agent/supervisor.hpp"
#include "kernel/shared/names.hpp"
#include "tuplespace/model/error.hpp"
#include "tuplespace/wire/home.hpp"

namespace parvis::kernel {

namespace {

AgentOptions completed(AgentOptions options) {
  if (options.id.empty()) options.id = random_hex(16);
  options.home = options.home.empty() ? wire::home_folder() : std::filesystem::absolute(options.home);
  ::setenv("PARVIS_HOME", options.home.c_str(), 1);  // the client library and the kernels look there
  if (options.kernel_program.empty()) {
    std::error_code error;
    options.kernel_program = std::filesystem::read_symlink("/proc/self/exe", error).parent_path() / "parvis-kernel";
  }
  make_private_folder(options.home);
  make_private_folder(options.home / "kernels");
  return options;
}

// True in the child that goes on.
bool go_to_background(const AgentOptions& options) {
  const auto folder = options.home / "agents";
  make_private_folder(folder);
  const pid_t pid = ::fork();
  if (pid < 0) throw Error(ErrorCode::storage_error, "cannot fork");
  if (pid > 0) return false;
  ::setsid();
  const int log = ::open((folder / (options.id + ".log")).c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (log >= 0 && null >= 0) {
    ::dup2(null, 0);
    ::dup2(log, 1);
    ::dup2(log, 2);
  }
  return true;
}

}  // namespace

int run_agent(const AgentOptions& options) {
  try {
    AgentOptions complete = completed(options);
    if (complete.detach && !go_to_background(complete)) return 0;
    sigset_t ends;
    ::sigemptyset(&ends);
    ::sigaddset(&ends, SIGTERM);
    ::sigaddset(&ends, SIGINT);
    ::pthread_sigmask(SIG_BLOCK, &ends, nullptr);  // before the first thread: all of them inherit it
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGHUP, SIG_IGN);
    const int signals = ::signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
    Supervisor supervisor(std::move(complete), signals);
    const int status = supervisor.run();
    ::close(signals);
    return status;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "parvis agent: %s\n", error.what());
    return 1;
  }
}

}  // namespace parvis::kernel
