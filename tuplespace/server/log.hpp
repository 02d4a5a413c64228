// The server's log: one line an event on stderr, time, level, event and fields:
//
//   2026-01-31T12:00:00.000Z info serving data=/home/me/.local/state/parvis pid=4711 addresses="unix:///... tcp://..."
//
// Never blocks: a line that cannot be written at once is dropped and counted, and the next line that gets through says
// how many were. The loop's thread only.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace parvis::server {

enum class LogLevel : std::uint8_t { debug, info, warn, error };
LogLevel parse_log_level(std::string_view text);  // throws Error{protocol_error} that lists what there is

class Log {
 public:
  struct Field {
    template <class T>
    Field(std::string_view field_name, const T& field_value) : name(field_name), value(fmt::to_string(field_value)) {}
    std::string_view name;
    std::string value;
  };
  using Fields = std::initializer_list<Field>;

  explicit Log(int descriptor, LogLevel least = LogLevel::info) : descriptor_(descriptor), least_(least) {}
  void debug(std::string_view event, Fields fields = {}) { line(LogLevel::debug, event, fields); }
  void info(std::string_view event, Fields fields = {}) { line(LogLevel::info, event, fields); }
  void warn(std::string_view event, Fields fields = {}) { line(LogLevel::warn, event, fields); }
  void error(std::string_view event, Fields fields = {}) { line(LogLevel::error, event, fields); }
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

 private:
  void line(LogLevel level, std::string_view event, Fields fields);

  int descriptor_;
  LogLevel least_;
  std::uint64_t dropped_ = 0;
};

// True when all of it was written, without waiting for a reader. At most 4096 bytes, the size a pipe takes whole.
bool write_without_waiting(int descriptor, std::string_view text);

}  // namespace parvis::server
