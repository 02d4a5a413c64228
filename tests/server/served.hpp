// The server as a process of its own, as users run it.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/server/support.hpp"
#include "tuplespace/wire/home.hpp"

namespace parvis::test {

// What a bound of memory allows more under a sanitizer, which has memory of its own beside every block.
#if defined(__SANITIZE_THREAD__)
inline constexpr std::size_t block_factor = 8;
#elif defined(__SANITIZE_ADDRESS__)
inline constexpr std::size_t block_factor = 2;
#else
inline constexpr std::size_t block_factor = 1;
#endif

// A program with its output on a pipe; killed when it goes out of scope.
class Process {
 public:
  Process(const std::vector<std::string>& arguments, const std::filesystem::path& home,
          const std::vector<std::string>& environment = {});
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process();

  std::string read_until(const std::string& word);  // until a line contains it; the whole output when it ends before
  std::string read_all() { return read_until(std::string(1, '\0')); }
  int end(int signal);
  int wait();
  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] std::size_t memory_bytes() const;  // resident now

 private:
  pid_t pid_ = 0;
  int output_ = -1, status_ = 0;
  std::string text_;
};

inline const std::string program = PARVIS_BIN "/parvis";

// `parvis serve`, serving.
struct Served {
  explicit Served(const std::filesystem::path& home, std::vector<std::string> more = {},
                  const std::vector<std::string>& environment = {});
  static std::vector<std::string> arguments(std::vector<std::string> more);
  Process process;
};

RawClient connect(const std::filesystem::path& home);      // over its Unix socket
RawClient connect_tcp(const std::filesystem::path& home);  // and over TCP

}  // namespace parvis::test
