// Where servers are and what proves our right: addresses, the local server's folder, the token. Pure but for reading
// files and the environment.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "client/session.hpp"
#include "tuplespace/wire/address.hpp"
#include "tuplespace/wire/hello.hpp"

namespace parvis::client {

struct Endpoint {
  wire::Address address;
  std::optional<wire::Token> token;
};

// True when `options` mean the local server of wire::home_folder().
bool means_local_server(const Options& options);

// Where to try, in order; read anew for every attempt, as a restarted server may listen elsewhere. Throws
// Error{protocol_error} for an address that can't be read and Error{unauthorized} for a token that can't.
std::vector<Endpoint> endpoints(const Options& options);

}  // namespace parvis::client
