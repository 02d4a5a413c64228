#include "child.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>

#include <catch2/catch.hpp>

extern char** environ;

namespace parvis::storage::test {

Child::Child(const std::string& folder, const std::string& mode) {
  std::array<int, 2> in{};
  std::array<int, 2> out{};
  REQUIRE(::pipe2(in.data(), O_CLOEXEC) == 0);
  REQUIRE(::pipe2(out.data(), O_CLOEXEC) == 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
  std::string program = PARVIS_BIN "/storage_writer";
  std::string folder_argument = folder;
  std::string mode_argument = mode;
  std::array<char*, 4> arguments{program.data(), folder_argument.data(), mode_argument.data(), nullptr};
  REQUIRE(::posix_spawn(&pid_, program.c_str(), &actions, nullptr, arguments.data(), environ) == 0);
  posix_spawn_file_actions_destroy(&actions);
  ::close(in[0]);
  ::close(out[1]);
  in_ = in[1];
  out_ = out[0];
}

Child::~Child() {
  kill();
  ::close(in_);
  ::close(out_);
}

std::string Child::line() {
  for (;;) {
    const std::size_t end = buffered_.find('\n');
    if (end != std::string::npos) {
      std::string line = buffered_.substr(0, end);
      buffered_.erase(0, end + 1);
      return line;
    }
    std::array<char, 4096> part{};
    const ssize_t size = ::read(out_, part.data(), part.size());
    if (size <= 0) return {};
    buffered_.append(part.data(), static_cast<std::size_t>(size));
  }
}

void Child::kill() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

std::vector<std::string> Child::rest() {
  std::vector<std::string> lines;
  for (std::string one = line(); !one.empty(); one = line()) lines.push_back(one);
  return lines;
}

}  // namespace parvis::storage::test
