// A real server in a folder of its own, for tests: started, killed, started again.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "client/endpoint.hpp"
#include "client/session.hpp"
#include "client/space.hpp"

namespace parvis::test {

inline constexpr std::chrono::seconds patience{30};  // of every wait: long enough for a machine that is busy

// A fresh folder, removed at the end; PARVIS_HOME while it lives.
class Home {
 public:
  Home();
  ~Home();
  Home(const Home&) = delete;
  Home& operator=(const Home&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::string socket() const { return "unix://" + (path_ / "parvis.sock").string(); }

 private:
  std::filesystem::path path_;
};

// A program under way: its standard streams are pipes.
class Process {
 public:
  explicit Process(const std::vector<std::string>& words, const std::vector<std::string>& environment = {});
  ~Process();  // killed when it still runs
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  void signal(int number) const;
  int wait();  // exit status, or -signal; fails the test after `patience`
  bool running();
  std::string read_line();  // of its standard output; "" at the end; fails the test after `patience`
  std::string read_all();   // the rest of standard output
  std::string read_errors();
  void close_output();  // nobody reads its output any more
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  std::string read_some(int fd, std::string& buffer, bool to_line_end);
  pid_t pid_ = -1;
  int out_ = -1, err_ = -1;
  std::string out_buffer_, err_buffer_;
  int status_ = 0;
  bool ended_ = false;
};

std::string program(const std::string& name);  // of this build

class TestServer {
 public:
  explicit TestServer(const Home& home, std::vector<std::string> options = {});
  void start();
  void kill();  // -9
  void stop();  // orderly
  [[nodiscard]] std::string address() const { return home_.socket(); }
  [[nodiscard]] client::Options options() const;
  [[nodiscard]] Space space() const;

 private:
  const Home& home_;
  std::vector<std::string> options_;
  std::unique_ptr<Process> process_;
};

// Until `condition` holds; fails the test after `patience`.
template <class Condition>
bool eventually(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    struct timespec pause {
      0, 5'000'000
    };
    ::clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, nullptr);
  }
  return true;
}

}  // namespace parvis::test
