// `parvis serve` as a process of its own, in a folder of its own.
#pragma once

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/server/support.hpp"
#include "tuplespace/wire/home.hpp"

extern char** environ;

namespace parvis::test {

// A program with its output on a pipe; killed when it goes out of scope.
class Process {
 public:
  Process(const std::vector<std::string>& arguments, const std::filesystem::path& home,
          const std::vector<std::string>& environment = {}) {
    int ends[2];
    REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
    std::vector<char*> argv, env;
    for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    const std::string variable = "PARVIS_HOME=" + home.string();
    env.push_back(const_cast<char*>(variable.c_str()));
    for (const auto& one : environment) env.push_back(const_cast<char*>(one.c_str()));
    for (char** e = environ; *e != nullptr; ++e) env.push_back(*e);
    env.push_back(nullptr);
    REQUIRE(posix_spawn(&pid_, argv[0], &actions, nullptr, argv.data(), env.data()) == 0);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    output_ = ends[0];
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process() {
    end(SIGKILL);
    close(output_);
  }

  // Reads until a line contains `word`; the whole output when it ends before.
  std::string read_until(const std::string& word) {
    char byte = 0;
    while (text_.find(word) == std::string::npos || text_.back() != '\n') {
      if (read(output_, &byte, 1) <= 0) break;
      text_ += byte;
    }
    return text_;
  }
  std::string read_all() { return read_until(std::string(1, '\0')); }
  int end(int signal) {
    if (pid_ > 0) kill(pid_, signal);
    return wait();
  }
  int wait() {
    if (pid_ <= 0) return status_;
    while (waitpid(pid_, &status_, 0) < 0 && errno == EINTR) {
    }
    pid_ = 0;
    return status_;
  }

 private:
  pid_t pid_ = 0;
  int output_ = -1, status_ = 0;
  std::string text_;
};

inline const std::string program = PARVIS_BIN "/parvis";

struct Served {
  explicit Served(const std::filesystem::path& home, std::vector<std::string> more = {},
                  const std::vector<std::string>& environment = {})
      : process(arguments(std::move(more)), home, environment) {
    const auto text = process.read_until(" serves ");
    INFO(text);
    REQUIRE(text.find(" serves unix://") != std::string::npos);
  }
  static std::vector<std::string> arguments(std::vector<std::string> more) {
    more.insert(more.begin(), {program, "serve"});
    return more;
  }
  Process process;
};

inline RawClient connect(const std::filesystem::path& home) { return RawClient::unix_socket(wire::socket_path(home)); }

}  // namespace parvis::test
