// A kernel as its agent's child process. Owned by the agent's one thread.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

namespace parvis::kernel {

struct Ending {
  int exit = 0;
  int signal = 0;
  [[nodiscard]] std::string text() const;  // "was killed by SIGSEGV", "exited with status 3"
};

class Child {
 public:
  struct Start {
    std::filesystem::path program;
    std::vector<std::string> arguments;    // without argv[0]
    std::vector<std::string> environment;  // "NAME=value", beside this process's own; its own win
    std::filesystem::path log;             // standard output and error, appended
  };
  // A session and process group of its own. Throws Error{not_found | storage_error} when it cannot be started.
  explicit Child(const Start& start);
  ~Child();
  Child(Child&& other) noexcept;
  Child& operator=(Child&&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] int pidfd() const { return pidfd_; }  // readable when it has ended
  void signal(int signal) const;
  Ending reap();  // blocks until it has ended

 private:
  pid_t pid_ = -1;
  int pidfd_ = -1;
};

int usable_cores();

}  // namespace parvis::kernel
