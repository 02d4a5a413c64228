// A dying process closes its sockets before its pidfd tells, sometimes long before; one that lives may come back within
// the grace of its session. So a process is watched on when its connection has ended. The loop's thread only.
#pragma once

#include <memory>
#include <string>

#include "tuplespace/net/hub.hpp"

namespace parvis::net {

// Takes the descriptor over. When the process ends within Limits::grace, Handler::peer_died() is called.
void watch_until_death(std::shared_ptr<Hub> hub, int pidfd, SessionId session, std::string peer);

}  // namespace parvis::net
