#include "client/cli/waiters.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "client/cli/command.hpp"

namespace parvis::cli {

namespace {

template <class T>
std::vector<T> list_of(const Value& value) {
  std::vector<T> list;
  for (const auto& item : std::get<List>(value.variant()).items) list.push_back(std::get<T>(item.variant()));
  return list;
}

WaiterInfo waiter_of(const Tuple& row) {
  const auto at = [&](std::size_t position) -> const auto& { return row.items.at(position).variant(); };
  return {.session = std::get<std::int64_t>(at(0)),
          .client = std::get<std::string>(at(1)),
          .space = std::get<std::string>(at(2)),
          .take = std::get<bool>(at(3)),
          .templates = list_of<std::string>(row.items.at(4)),
          .seconds = std::get<double>(at(5)),
          .held_by = list_of<std::int64_t>(row.items.at(6)),
          .cycle = std::get<std::int64_t>(at(7))};
}

}  // namespace

std::vector<WaiterInfo> waiters_of(client::Session& session, const ListWaiters& request) {
  const Answer answer = session.call(request, interruptible());
  std::vector<WaiterInfo> waiters;
  for (const auto& row : std::get<Found>(answer).items) waiters.push_back(waiter_of(decode_tuple(row.tuple.blob())));
  return waiters;
}

nlohmann::json to_json(const WaiterInfo& waiter) {
  return {{"session", waiter.session}, {"client", waiter.client},       {"space", waiter.space},
          {"take", waiter.take},       {"templates", waiter.templates}, {"seconds", waiter.seconds},
          {"held_by", waiter.held_by}, {"cycle", waiter.cycle}};
}

std::string line_of(const WaiterInfo& waiter) {
  std::string line = fmt::format("{:>8.1f} s  {}  {:<16} {:<32} {}", waiter.seconds, waiter.take ? "in" : "rd",
                                 waiter.space, fmt::join(waiter.templates, " or "), waiter.client);
  if (!waiter.held_by.empty()) line += fmt::format("  held by session {}", fmt::join(waiter.held_by, ", "));
  if (waiter.cycle != 0) line += fmt::format("  in cycle {}", waiter.cycle);
  return line;
}

}  // namespace parvis::cli
