#include "client/cli/top.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "client/cli/named_spaces.hpp"

namespace parvis::cli {

namespace {

// 1.5k, 20M: four characters are enough to compare.
std::string short_number(std::uint64_t number) {
  constexpr std::array units{'k', 'M', 'G', 'T', 'P'};
  if (number < 10'000) return std::to_string(number);
  auto value = static_cast<double>(number);
  std::size_t unit = 0;
  for (value /= 1000; value >= 1000 && unit + 1 < units.size(); value /= 1000) ++unit;
  return fmt::format("{:.{}f}{}", value, value < 100 ? 1 : 0, units.at(unit));
}

std::string cut(const std::string& line, std::size_t columns) {
  if (columns == 0 || line.size() <= columns) return line;
  std::size_t end = columns;
  while (end > 0 && (static_cast<unsigned char>(line[end]) & 0xC0U) == 0x80U) --end;  // not inside a character
  return line.substr(0, end);
}

std::string space_line(const SpaceInfo& info, const std::map<std::string, double>& rates) {
  const auto rate = rates.find(info.name);
  return fmt::format("{:<24} {:<9} {:>8} {:>8} {:>6} {:>8} {:>9}", info.name, text_of(info.durability),
                     short_number(info.tuples), short_number(info.bytes), short_number(info.held),
                     short_number(info.waiters),
                     rate == rates.end() ? std::string("-") : fmt::format("{:+.1f}", rate->second));
}

}  // namespace

std::map<std::string, double> rates(const Picture& before, const Picture& now) {
  const double seconds = std::chrono::duration<double>(now.time - before.time).count();
  std::map<std::string, double> result;
  if (seconds <= 0) return result;
  for (const auto& then : before.spaces)
    for (const auto& info : now.spaces)
      if (info.name == then.name)
        result[info.name] = (static_cast<double>(info.tuples) - static_cast<double>(then.tuples)) / seconds;
  return result;
}

std::vector<std::string> lines_of(const std::string& title, const Picture& picture,
                                  const std::map<std::string, double>& rates, std::size_t rows, std::size_t columns) {
  auto spaces = picture.spaces;
  std::stable_sort(spaces.begin(), spaces.end(), [](const SpaceInfo& a, const SpaceInfo& b) {
    return std::pair(a.waiters, a.tuples) > std::pair(b.waiters, b.tuples);
  });
  constexpr std::size_t headings = 4;  // the title, two headings, the empty line between
  const std::size_t room = rows > headings + 2 ? rows - headings : 2;
  const std::size_t waiters = rows == 0 ? picture.waiters.size() : std::min(picture.waiters.size(), room / 2);
  const std::size_t shown = rows == 0 ? spaces.size() : std::min(spaces.size(), room - waiters);

  std::vector<std::string> lines{title};
  lines.push_back(fmt::format("{:<24} {:<9} {:>8} {:>8} {:>6} {:>8} {:>9}", "SPACE", "", "TUPLES", "BYTES", "HELD",
                              "WAITING", "TUPLES/S"));
  for (std::size_t i = 0; i < shown; ++i) lines.push_back(space_line(spaces[i], rates));
  lines.emplace_back();
  lines.push_back(picture.waiters.empty() ? "Nobody waits." : "   WAITS  FOR WHAT, THE LONGEST WAITING FIRST");
  for (std::size_t i = 0; i < waiters; ++i) lines.push_back(line_of(picture.waiters[i]));
  for (auto& line : lines) line = cut(line, columns);
  return lines;
}

nlohmann::json to_json(const Picture& picture, const std::map<std::string, double>& rates) {
  auto spaces = nlohmann::json::array(), waiters = nlohmann::json::array();
  for (const auto& info : picture.spaces) {
    auto space = to_json(info);
    if (const auto rate = rates.find(info.name); rate != rates.end()) space["tuples_per_second"] = rate->second;
    spaces.push_back(std::move(space));
  }
  for (const auto& waiter : picture.waiters) waiters.push_back(to_json(waiter));
  return {{"spaces", std::move(spaces)}, {"waiters", std::move(waiters)}};
}

}  // namespace parvis::cli
