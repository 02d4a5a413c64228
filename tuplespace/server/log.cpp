#include "tuplespace/server/log.hpp"

#include <fmt/chrono.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <climits>

#include "tuplespace/model/error.hpp"

namespace parvis::server {
namespace {

constexpr std::array<std::string_view, 4> level_names{"debug", "info", "warn", "error"};

bool plain(std::string_view value) { return !value.empty() && value.find_first_of(" \"\\=") == std::string_view::npos; }

// A stranger's bytes may stand in a value: one event stays one line, and a value ends where it seems to.
void append(std::string& out, const Log::Field& field) {
  out += ' ';
  out += field.name;
  out += '=';
  const bool bare = plain(field.value);
  if (!bare) out += '"';
  for (const char c : field.value) {
    if (c == '"' || c == '\\') out += '\\';
    out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  }
  if (!bare) out += '"';
}

}  // namespace

LogLevel parse_log_level(std::string_view text) {
  for (std::size_t i = 0; i < level_names.size(); ++i)
    if (level_names[i] == text) return static_cast<LogLevel>(i);
  throw Error(ErrorCode::protocol_error, fmt::format("'{}' is not a log level: debug, info, warn or error", text));
}

bool write_without_waiting(int descriptor, std::string_view text) {
  // Not O_NONBLOCK: the terminal or pipe may be shared, and the flag would be everybody's.
  pollfd ready{descriptor, POLLOUT, 0};
  if (poll(&ready, 1, 0) != 1 || (ready.revents & POLLOUT) == 0) return false;
  return write(descriptor, text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

void Log::line(LogLevel level, std::string_view event, Fields fields) {
  if (level < least_) return;
  const auto now = std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
  const auto ms = now.time_since_epoch().count() % 1000;
  std::string out =
      fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z {} {}", fmt::gmtime(std::chrono::system_clock::to_time_t(now)), ms,
                  level_names[static_cast<std::size_t>(level)], event);
  for (const Field& field : fields) append(out, field);
  if (dropped_ > 0) append(out, {"lines_dropped", dropped_});
  if (out.size() > PIPE_BUF - 1) out.resize(PIPE_BUF - 1);
  out += '\n';
  if (write_without_waiting(descriptor_, out)) dropped_ = 0;
  else ++dropped_;
}

}  // namespace parvis::server
