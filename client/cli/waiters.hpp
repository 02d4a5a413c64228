// Who is blocked, as `parvis waiters` and `parvis top` show it. One thread.
#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

#include "client/session.hpp"

namespace parvis::cli {

struct WaiterInfo {
  std::int64_t session = 0;
  std::string client, space;  // the name of the client; where it waits
  bool take = true;
  std::vector<std::string> templates;
  double seconds = 0;
  std::vector<std::int64_t> held_by;  // sessions that hold what it waits for
  std::int64_t cycle = 0;             // 0: none
};

std::vector<WaiterInfo> waiters_of(client::Session& session, const ListWaiters& request);
nlohmann::json to_json(const WaiterInfo& waiter);
std::string line_of(const WaiterInfo& waiter);

}  // namespace parvis::cli
