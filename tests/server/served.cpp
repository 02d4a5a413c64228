#include "tests/server/served.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <fstream>

#include "tuplespace/wire/home.hpp"

extern char** environ;

namespace parvis::test {

Process::Process(const std::vector<std::string>& arguments, const std::filesystem::path& home,
                 const std::vector<std::string>& environment) {
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
  for (const auto& more : environment) env.push_back(const_cast<char*>(more.c_str()));
  for (char** e = environ; *e != nullptr; ++e) env.push_back(*e);
  env.push_back(nullptr);
  REQUIRE(posix_spawn(&pid_, argv[0], &actions, nullptr, argv.data(), env.data()) == 0);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  output_ = ends[0];
}

Process::~Process() {
  end(SIGKILL);
  close(output_);
}

std::string Process::read_until(const std::string& word) {
  char byte = 0;
  while (text_.find(word) == std::string::npos || text_.back() != '\n') {
    if (read(output_, &byte, 1) <= 0) break;
    text_ += byte;
  }
  return text_;
}

int Process::end(int signal) {
  if (pid_ > 0) kill(pid_, signal);
  return wait();
}

int Process::wait() {
  if (pid_ <= 0) return status_;
  while (waitpid(pid_, &status_, 0) < 0 && errno == EINTR) {
  }
  pid_ = 0;
  return status_;
}

std::size_t Process::memory_bytes() const {
  std::ifstream status("/proc/" + std::to_string(pid_) + "/status");
  std::string word;
  while (status >> word) {
    std::size_t kilobytes = 0;
    if (word == "VmRSS:" && status >> kilobytes) return kilobytes * 1024;
  }
  FAIL("the server's memory cannot be read");
  return 0;
}

Served::Served(const std::filesystem::path& home, std::vector<std::string> more,
               const std::vector<std::string>& environment)
    : process(arguments(std::move(more)), home, environment) {
  const auto text = process.read_until(" serves ");
  INFO(text);
  REQUIRE(text.find(" serves unix://") != std::string::npos);
}

std::vector<std::string> Served::arguments(std::vector<std::string> more) {
  more.insert(more.begin(), {program, "serve"});
  return more;
}

RawClient connect(const std::filesystem::path& home) { return RawClient::unix_socket(wire::socket_path(home)); }

RawClient connect_tcp(const std::filesystem::path& home) {
  for (const auto& address : wire::read_addresses(home))
    if (address.kind == wire::Address::Kind::tcp) return RawClient::tcp(address.port);
  FAIL("the server listens on no TCP port");
  return RawClient::tcp(0);
}

}  // namespace parvis::test
