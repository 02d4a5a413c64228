#include "tuplespace/server/log.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <chrono>
#include <climits>
#include <string>

namespace parvis::server {

bool write_without_waiting(int descriptor, std::string_view text) {
  // Not O_NONBLOCK: the terminal or pipe may be shared, and the flag would be everybody's.
  pollfd ready{descriptor, POLLOUT, 0};
  if (poll(&ready, 1, 0) != 1 || (ready.revents & POLLOUT) == 0) return false;
  return write(descriptor, text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

void Log::line(std::string_view level, std::string_view text) {
  const auto now = std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
  const auto ms = now.time_since_epoch().count() % 1000;
  std::string out =
      fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z {} ", fmt::gmtime(std::chrono::system_clock::to_time_t(now)), ms, level);
  // A stranger's bytes may stand in the text: one event stays one line.
  for (const char c : text) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  if (dropped_ > 0) out += fmt::format(" (lines dropped before: {})", dropped_);
  if (out.size() > PIPE_BUF - 1) out.resize(PIPE_BUF - 1);
  out += '\n';
  if (write_without_waiting(descriptor_, out)) dropped_ = 0;
  else ++dropped_;
}

}  // namespace parvis::server
