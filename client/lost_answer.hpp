// What its caller gets when a change took effect and its own answer is lost with the session: success, without the
// number of the tuple; where the answer would say what was found, an Error{disconnected} that says so.
#pragma once

#include "client/request.hpp"

namespace parvis::client {

Request::Result bare_success(const Request& request);

}  // namespace parvis::client
