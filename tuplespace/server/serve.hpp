// `parvis serve`: options in, exit status out. Called by the command line.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tuplespace/model/limits.hpp"
#include "tuplespace/model/operation.hpp"
#include "tuplespace/server/log.hpp"
#include "tuplespace/wire/address.hpp"

namespace parvis::server {

struct ServeOptions {
  std::filesystem::path data;                     // empty: wire::home_folder()
  std::vector<wire::Address> listen;              // empty: unix:// in the folder and tcp://127.0.0.1:7711, when that
                                                  // is busy another port
  Durability durability = Durability::durable;    // of spaces that are made by their first use
  std::optional<std::chrono::seconds> idle_exit;  // end when nobody has been attached for so long
  Limits limits;
  LogLevel log = LogLevel::info;
};

// "name=value": a member of Limits; bytes with an optional K, M or G, times in milliseconds. "durable", "relaxed",
// "volatile". Both throw Error{protocol_error} that lists what there is.
void set_limit(Limits& limits, std::string_view assignment);
Durability parse_durability(std::string_view text);

// Serves until SIGTERM or SIGINT. Prints one line on stdout once it serves: "parvis 0.1.0 serves unix:///...
// tcp://...". Returns 0 after an orderly end, 1 when it could not start or its disk failed; the reason is one line on
// stderr.
int serve(const ServeOptions& options);

}  // namespace parvis::server
