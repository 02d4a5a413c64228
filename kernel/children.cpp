#include "kernel/children.hpp"

#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <vector>

namespace parvis::kernel {

namespace {

std::vector<pid_t> children_of(const std::string& process) {
  std::vector<pid_t> children;
  std::error_code error;
  // Children belong to the thread that started them.
  for (const auto& thread : std::filesystem::directory_iterator("/proc/" + process + "/task", error)) {
    std::ifstream list(thread.path() / "children");
    for (pid_t child = 0; list >> child;) children.push_back(child);
  }
  return children;
}

}  // namespace

void signal_descendants(int signal) {
  std::vector<pid_t> left = children_of("self");
  while (!left.empty()) {
    const pid_t process = left.back();
    left.pop_back();
    if (::getpgid(process) != ::getpgrp()) continue;
    // A shell waits for what it started, so that is told too; and first looked for, while the shell can be asked.
    const std::vector<pid_t> more = children_of(std::to_string(process));
    left.insert(left.end(), more.begin(), more.end());
    ::kill(process, signal);
  }
}

}  // namespace parvis::kernel
