#include "kernel/children.hpp"

#include <unistd.h>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <system_error>

namespace parvis::kernel {

void signal_children(int signal) {
  std::error_code error;
  // Children belong to the thread that started them.
  for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task", error)) {
    std::ifstream children(thread.path() / "children");
    for (pid_t child = 0; children >> child;) {
      if (::getpgid(child) == ::getpgrp()) ::kill(child, signal);
    }
  }
}

}  // namespace parvis::kernel
