// Starts the local server when there is none, for programs that want one to be there.
#pragma once

#include <filesystem>

#include "client/request.hpp"

namespace parvis::client {

// The `parvis` program: $PARVIS_BIN (the program or its folder), else beside this library or program, else on PATH.
// Throws Error{disconnected} that says where it was looked for.
std::filesystem::path parvis_program();

// Starts `parvis serve --idle-exit 60`, detached, and waits until it serves. Of several starters at once one starts it
// and the others wait. Throws Error{disconnected} with the end of the server's log.
void start_local_server(Time deadline);

}  // namespace parvis::client
