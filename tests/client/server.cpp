#include "tests/client/server.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>

namespace parvis::test {

namespace {

using Deadline = std::chrono::steady_clock::time_point;

Deadline in_time() { return std::chrono::steady_clock::now() + patience; }

}  // namespace

Home::Home() {
  char name[] = "/tmp/parvis-test-XXXXXX";
  REQUIRE(::mkdtemp(name) != nullptr);
  path_ = name;
  ::setenv("PARVIS_HOME", name, 1);
  ::unsetenv("PARVIS_ADDRESS");
  ::unsetenv("PARVIS_TOKEN");
}

Home::~Home() {
  ::unsetenv("PARVIS_HOME");
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string program(const std::string& name) { return std::string(PARVIS_BIN) + "/" + name; }

Process::Process(const std::vector<std::string>& words, const std::vector<std::string>& environment) {
  int out[2], err[2];
  REQUIRE(::pipe2(out, O_CLOEXEC) == 0);
  REQUIRE(::pipe2(err, O_CLOEXEC) == 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out[1], 1);
  posix_spawn_file_actions_adddup2(&actions, err[1], 2);
  std::vector<std::string> owned = words, settings = environment;
  std::vector<char*> argv, envp;
  for (auto& word : owned) argv.push_back(word.data());
  argv.push_back(nullptr);
  for (auto& setting : settings) envp.push_back(setting.data());
  for (char** at = environ; *at != nullptr; ++at) envp.push_back(*at);
  envp.push_back(nullptr);
  INFO("starting " << words.at(0));
  REQUIRE(::posix_spawnp(&pid_, argv[0], &actions, nullptr, argv.data(), envp.data()) == 0);
  posix_spawn_file_actions_destroy(&actions);
  ::close(out[1]);
  ::close(err[1]);
  out_ = out[0];
  err_ = err[0];
}

Process::~Process() {
  if (!ended_) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, &status_, 0);
  }
  if (out_ >= 0) ::close(out_);
  ::close(err_);
}

void Process::signal(int number) const { ::kill(pid_, number); }

bool Process::running() {
  if (!ended_) ended_ = ::waitpid(pid_, &status_, WNOHANG) == pid_;
  return !ended_;
}

int Process::wait() {
  if (!eventually([&] { return !running(); })) FAIL("the process did not end: " << read_errors());
  return WIFSIGNALED(status_) ? -WTERMSIG(status_) : WEXITSTATUS(status_);
}

std::string Process::read_some(int fd, std::string& buffer, bool to_line_end) {
  const auto deadline = in_time();
  for (;;) {
    const auto end = buffer.find('\n');
    if (to_line_end && end != std::string::npos) {
      auto line = buffer.substr(0, end);
      buffer.erase(0, end + 1);
      return line;
    }
    pollfd one{fd, POLLIN, 0};
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    REQUIRE(left.count() > 0);
    if (::poll(&one, 1, static_cast<int>(left.count())) <= 0) continue;
    char bytes[4096];
    const auto n = ::read(fd, bytes, sizeof bytes);
    if (n <= 0) return std::exchange(buffer, {});
    buffer.append(bytes, static_cast<std::size_t>(n));
  }
}

std::string Process::read_line() { return read_some(out_, out_buffer_, true); }
std::string Process::read_all() { return read_some(out_, out_buffer_, false); }
std::string Process::read_errors() { return read_some(err_, err_buffer_, false); }

void Process::close_output() {
  ::close(out_);
  out_ = -1;
}

TestServer::TestServer(const Home& home, std::vector<std::string> options) : home_(home), options_(std::move(options)) {
  start();
}

void TestServer::start() {
  std::vector<std::string> words{program("parvis"),     "serve",    "--data",
                                 home_.path().string(), "--listen", home_.socket()};
  words.insert(words.end(), options_.begin(), options_.end());
  process_ = std::make_unique<Process>(words);
  const auto line = process_->read_line();
  if (line.find(" serves ") == std::string::npos) {
    process_->signal(SIGTERM);
    FAIL("the server did not start: " << line << process_->read_errors());
  };
}

void TestServer::kill() {
  process_->signal(SIGKILL);
  process_->wait();
}

void TestServer::stop() {
  process_->signal(SIGTERM);
  CHECK(process_->wait() == 0);
}

client::Options TestServer::options() const {
  client::Options options;
  options.address = address();
  options.name = "test";
  return options;
}

Space TestServer::space() const { return connect(address()); }

}  // namespace parvis::test
