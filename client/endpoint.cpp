#include "client/endpoint.hpp"

#include <cstdlib>
#include <filesystem>

#include "tuplespace/wire/home.hpp"

namespace parvis::client {

namespace fs = std::filesystem;

namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

// The token stands in the server's folder, beside its socket; a TCP address on this machine is the local server's.
std::optional<wire::Token> token_for(const Options& options, const wire::Address& address) {
  if (!options.token.empty()) return wire::parse_token(options.token);
  if (const auto text = environment("PARVIS_TOKEN"); !text.empty()) return wire::parse_token(text);
  if (address.kind == wire::Address::Kind::unix_) {
    const auto folder = fs::path(address.path).parent_path();
    for (const auto& home : {folder, folder.parent_path()}) {  // kernels' sockets stand one folder deeper
      if (auto token = wire::read_token(home)) return token;
    }
  }
  return wire::read_token(wire::home_folder());
}

}  // namespace

bool means_local_server(const Options& options) {
  return options.address.empty() && environment("PARVIS_ADDRESS").empty();
}

std::vector<Endpoint> endpoints(const Options& options) {
  std::vector<wire::Address> addresses;
  if (!means_local_server(options)) {
    addresses.push_back(
        wire::Address::parse(options.address.empty() ? environment("PARVIS_ADDRESS") : options.address));
  } else {
    addresses = wire::read_addresses(wire::home_folder());
    if (addresses.empty()) {
      wire::Address local;
      local.path = wire::socket_path(wire::home_folder()).string();
      addresses.push_back(local);
    }
  }
  std::vector<Endpoint> out;
  for (auto& address : addresses) {
    auto token = token_for(options, address);
    out.push_back({std::move(address), token});
  }
  return out;
}

}  // namespace parvis::client
