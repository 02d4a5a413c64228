// Makes a connected, non-blocking socket to an address, or says in words a user can act on why not.
#pragma once

#include <functional>

#include "client/request.hpp"
#include "tuplespace/wire/address.hpp"

namespace parvis::client {

// Throws Error{disconnected | unauthorized | protocol_error}. `abandoned` is asked every 100 ms whether to give up.
int dial(const wire::Address& address, Time deadline, const std::function<bool()>& abandoned);

// Waits until `fd` is ready for `events`. Throws Error{disconnected} at the deadline or when abandoned.
void wait_until_ready(int fd, short events, Time deadline, const std::function<bool()>& abandoned,
                      const std::string& what);

}  // namespace parvis::client
