// What the server keeps in its folder beside the data: the token and where it listens. Clients find both there
// (wire/home.hpp). The folder is locked by storage::DataFolder while this is used.
#pragma once

#include <filesystem>
#include <vector>

#include "tuplespace/wire/home.hpp"

namespace parvis::server {

// Takes from others every right in the folder. Throws Error{storage_error}.
void make_private(const std::filesystem::path& home);
// Reads the token, or makes it (0600, O_EXCL). Throws Error{storage_error | unauthorized}.
wire::Token ensure_token(const std::filesystem::path& home);
// Replaces the file as a whole. Throws Error{storage_error}.
void write_addresses(const std::filesystem::path& home, const std::vector<wire::Address>& addresses);
void remove_addresses(const std::filesystem::path& home);

}  // namespace parvis::server
