// One message of an authenticated client, to the engine. A plain function: nothing suspends between a check and its
// use. The loop's thread only.
#pragma once

#include <string>

#include "tuplespace/space/engine.hpp"
#include "tuplespace/wire/message.hpp"

namespace parvis::server {

// `broken`: why nothing can be written any more; else empty. Throws Error{protocol_error} when a client does not send
// such messages, Error{storage_error} for what would write when nothing can be written.
void dispatch(space::Engine& engine, const std::string& broken, SessionId session, std::uint64_t id,
              wire::Message&& message, space::Time now);

}  // namespace parvis::server
