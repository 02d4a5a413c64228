// What a supervisor such as systemd is told (sd_notify(3), without its library).
#pragma once

#include <string_view>

#include "tuplespace/server/log.hpp"

namespace parvis::server {

// One datagram to $NOTIFY_SOCKET; nothing when there is none. Never blocks; what fails is a line in the log.
void tell_supervisor(std::string_view state, Log& log);

}  // namespace parvis::server
