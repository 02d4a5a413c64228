// What a kernel is told when it is started (parvis-kernel --help), mostly by its agent.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>

namespace parvis::kernel {

struct Options {
  std::string id;                      // 16 hex digits; made when empty
  std::string cluster;                 // whose tasks it takes, beside those for any kernel
  int index = 0;                       // place in its cluster
  std::string agent;                   // id of the supervisor, empty: none
  std::filesystem::path home;          // the data folder: token, kernels/
  std::string address;                 // of the server; empty: the local one
  std::string listen;                  // "tcp://127.0.0.1:0"; empty: a Unix socket in home/kernels
  std::string python;                  // interpreter or venv folder; empty: $VIRTUAL_ENV, else Debian's
  std::size_t output_bytes = 8 << 20;  // kept of each stream of one request
  bool ipython = true;
  bool farm = true;  // takes tasks

  [[nodiscard]] std::filesystem::path folder() const { return home / "kernels"; }
  [[nodiscard]] std::filesystem::path file(const char* extension) const { return folder() / (id + extension); }
};

// Parses the command line; fills in id and home. Nothing: the program is to end with `status` (help was printed, or one
// line about what is wrong).
std::optional<Options> parse_options(int argc, char** argv, int& status);

}  // namespace parvis::kernel
