// A program of ours started on its own: it survives us, our terminal and our signals.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace parvis::client {

class Detached {
 public:
  // stdin from /dev/null, stdout and stderr appended to `log`, a session of its own, no descriptors of ours. Throws
  // Error{disconnected} when it can't be started.
  Detached(const std::filesystem::path& program, const std::vector<std::string>& arguments,
           const std::filesystem::path& log);
  // What it ended with, when it has: "exit status 1", "signal 9". It is ours to reap while we live.
  std::optional<std::string> ended();
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
  std::optional<std::string> ended_;
};

// The last lines of a log, for error messages.
std::string end_of(const std::filesystem::path& log);

}  // namespace parvis::client
