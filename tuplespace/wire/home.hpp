// The folder of the local server, as clients find it: $PARVIS_HOME, else $XDG_STATE_HOME/parvis, else
// ~/.local/state/parvis. The server writes it (server/home.hpp), clients read it. Any thread.
//
//   token       the 256-bit token, 64 hexadecimal digits and a newline; mode 0600
//   addresses   where the server listens, one address a line, best first; there while it serves (and after a kill)
//   parvis.sock the Unix socket
#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "tuplespace/wire/address.hpp"
#include "tuplespace/wire/hello.hpp"

namespace parvis::wire {

std::filesystem::path home_folder();  // throws Error{storage_error} when there is no way to know it
std::filesystem::path token_path(const std::filesystem::path& home);
std::filesystem::path addresses_path(const std::filesystem::path& home);
std::filesystem::path socket_path(const std::filesystem::path& home);

// Nothing when there is no token yet. Throws Error{unauthorized} when others can read it or it holds no token.
std::optional<Token> read_token(const std::filesystem::path& home);
// Empty when no server has ever served here.
std::vector<Address> read_addresses(const std::filesystem::path& home);

}  // namespace parvis::wire
