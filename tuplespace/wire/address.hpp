// Where a server or kernel listens: "unix:///path/to/socket", "tcp://127.0.0.1:7711", "tcp://[::1]:7711",
// "tls://host:port".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace parvis::wire {

inline constexpr std::uint16_t default_port = 7711;

struct Address {
  enum class Kind : std::uint8_t { unix_, tcp, tls };
  Kind kind = Kind::unix_;
  std::string path;  // unix_
  std::string host;  // tcp, tls
  std::uint16_t port = default_port;

  // Throws Error{protocol_error} that shows the three accepted forms.
  static Address parse(std::string_view text);
  [[nodiscard]] std::string text() const;
  [[nodiscard]] bool loopback() const;  // tcp, tls: 127.0.0.0/8, ::1, localhost
};

}  // namespace parvis::wire
