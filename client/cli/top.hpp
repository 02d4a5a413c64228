// One picture of `parvis top`: the spaces and the oldest waiters, as lines or JSON. Pure; the command is in
// top_command.cpp.
#pragma once

#include <nlohmann/json.hpp>

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "client/cli/waiters.hpp"

namespace parvis::cli {

struct Picture {
  std::chrono::steady_clock::time_point time;
  std::vector<SpaceInfo> spaces;
  std::vector<WaiterInfo> waiters;
};

// Tuples a second that came (or went: negative) in each space between two pictures; empty when there was none before.
std::map<std::string, double> rates(const Picture& before, const Picture& now);

// At most `rows` lines of at most `columns` characters; 0: as many as it takes. The fullest spaces first.
std::vector<std::string> lines_of(const std::string& title, const Picture& picture,
                                  const std::map<std::string, double>& rates, std::size_t rows, std::size_t columns);
nlohmann::json to_json(const Picture& picture, const std::map<std::string, double>& rates);

}  // namespace parvis::cli
