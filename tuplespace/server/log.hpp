// The server's log: one line an event on stderr, "2026-01-31T12:00:00.000Z info serving addresses=…". Never blocks: a
// line that cannot be written at once is dropped and counted, and the next line that gets through says how many were.
// The loop's thread only.
#pragma once

#include <cstdint>
#include <string_view>

namespace parvis::server {

class Log {
 public:
  explicit Log(int descriptor) : descriptor_(descriptor) {}
  void info(std::string_view text) { line("info", text); }
  void warn(std::string_view text) { line("warn", text); }
  void error(std::string_view text) { line("error", text); }
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

 private:
  void line(std::string_view level, std::string_view text);

  int descriptor_;
  std::uint64_t dropped_ = 0;
};

// True when all of it was written, without waiting for a reader. At most 4096 bytes, the size a pipe takes whole.
bool write_without_waiting(int descriptor, std::string_view text);

}  // namespace parvis::server
