// Listening sockets: made, checked and cleared away. Called from the loop's thread.
#pragma once

#include "tuplespace/wire/address.hpp"

namespace parvis::net {

struct Bound {
  int fd = -1;            // listening, non-blocking, close-on-exec; the caller closes it
  wire::Address address;  // as bound: an ephemeral port filled in
};

// Throws Error{storage_error} (in use, path too long, no permission) or Error{unauthorized} (an address that needs
// TLS), each with one line that says what to do.
Bound bind_and_listen(const wire::Address& address, bool ephemeral_when_busy);

}  // namespace parvis::net
