#include "tuplespace/wire/address.hpp"

#include <fmt/format.h>
#include <sys/un.h>

#include <charconv>

#include "tuplespace/model/error.hpp"

namespace parvis::wire {
namespace {

[[noreturn]] void bad(std::string_view text, std::string_view why) {
  throw Error(
      ErrorCode::protocol_error,
      fmt::format("'{}' is not an address: {}. Addresses are unix:///path/to/socket or tcp://host:port", text, why));
}

std::uint16_t parse_port(std::string_view text, std::string_view port) {
  unsigned n = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), n);
  if (error != std::errc{} || end != port.data() + port.size() || n > 65535)
    bad(text, fmt::format("'{}' is not a port (0 to 65535)", port));
  return static_cast<std::uint16_t>(n);
}

Address parse_host(std::string_view text, std::string_view rest, Address::Kind kind) {
  Address address;
  address.kind = kind;
  if (rest.ends_with('/')) rest.remove_suffix(1);
  std::string_view port;
  if (rest.starts_with('[')) {
    const auto close = rest.find(']');
    if (close == std::string_view::npos) bad(text, "']' is missing");
    address.host = rest.substr(1, close - 1);
    port = rest.substr(close + 1);
  } else {
    const auto colon = rest.find(':');
    if (colon != rest.rfind(':')) bad(text, "an IPv6 host stands in brackets, as in tcp://[::1]:7711");
    address.host = rest.substr(0, colon);
    port = colon == std::string_view::npos ? std::string_view() : rest.substr(colon);
  }
  if (address.host.empty()) bad(text, "the host is missing");
  if (address.host.find_first_of("/?#@ \t") != std::string::npos)
    bad(text, "a host and a port are all that may follow");
  if (port.empty()) return address;
  if (port.front() != ':') bad(text, "a ':' and the port may follow the host");
  address.port = parse_port(text, port.substr(1));
  return address;
}

}  // namespace

Address Address::parse(std::string_view text) {
  constexpr std::string_view unix_scheme = "unix:", tcp_scheme = "tcp://", tls_scheme = "tls://";
  if (text.starts_with(tcp_scheme)) return parse_host(text, text.substr(tcp_scheme.size()), Kind::tcp);
  if (text.starts_with(tls_scheme)) return parse_host(text, text.substr(tls_scheme.size()), Kind::tls);
  if (!text.starts_with(unix_scheme)) {
    const auto scheme = text.find("://");
    if (scheme == std::string_view::npos) bad(text, "it does not begin with unix: or tcp://");
    bad(text, fmt::format("'{}' is not a way to connect", text.substr(0, scheme)));
  }
  Address address;
  std::string_view path = text.substr(unix_scheme.size());
  if (path.starts_with("//")) path.remove_prefix(2);
  if (path.empty()) bad(text, "the path is missing");
  if (path.front() != '/') bad(text, "the path of a socket begins with '/', as in unix:///run/parvis.sock");
  if (path.find('\0') != std::string_view::npos) bad(text, "the path contains a zero byte");
  if (path.size() >= sizeof(sockaddr_un::sun_path)) {
    bad(text, fmt::format("the path has {} bytes and a socket's may have {}", path.size(),
                          sizeof(sockaddr_un::sun_path) - 1));
  }
  address.path = path;
  return address;
}

std::string Address::text() const {
  if (kind == Kind::unix_) return "unix://" + path;
  const std::string_view scheme = kind == Kind::tcp ? "tcp" : "tls";
  if (host.find(':') != std::string::npos) return fmt::format("{}://[{}]:{}", scheme, host, port);
  return fmt::format("{}://{}:{}", scheme, host, port);
}

bool Address::loopback() const {
  if (kind == Kind::unix_) return false;
  if (host == "localhost" || host == "::1") return true;
  // 127.a.b.c and nothing else: "127.evil.example" is a name.
  return host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string::npos;
}

}  // namespace parvis::wire
