#include "client/views.hpp"

namespace parvis {

namespace {

Watch watch_of(const std::string& space, std::vector<Payload> templates, const WatchOptions& options) {
  Watch watch;
  watch.space = space;
  watch.templates = std::move(templates);
  if (options.kinds.empty()) return watch;
  watch.kinds = 0;
  for (const auto kind : options.kinds) {
    if (kind != WatchEvent::Kind::gap) watch.kinds |= static_cast<std::uint8_t>(1U << static_cast<unsigned>(kind));
  }
  return watch;
}

std::vector<std::uint64_t> numbers(const Value& list) {
  std::vector<std::uint64_t> out;
  for (const auto& item : detail::held<List>(list, "list").items) out.push_back(from_value<std::uint64_t>(item));
  return out;
}

}  // namespace

std::optional<Tuple> TupleScan::next() {
  const auto item = scanner_->next(on_signal_);
  if (!item) return std::nullopt;
  return decode_tuple(item->tuple.blob());
}

Watcher::Watcher(const detail::Core& core, std::vector<Payload> templates, const WatchOptions& options)
    : on_signal_(core.on_signal),
      follower_(std::make_shared<client::Follower>(core.session, watch_of(core.space, std::move(templates), options),
                                                   options.since, core.on_signal)) {}

std::optional<WatchEvent> Watcher::next_within(std::optional<Duration> patience) {
  const auto happening = follower_->next(patience, on_signal_);
  if (!happening) return std::nullopt;
  const auto& event = happening->event;
  if (happening->gap) return WatchEvent{WatchEvent::Kind::gap, event.number, {}};
  return WatchEvent{static_cast<WatchEvent::Kind>(event.kind), event.number, decode_tuple(event.item.tuple.blob())};
}

std::vector<Miss> misses(const detail::Core& core, const detail::Patterns& patterns) {
  std::vector<Miss> misses;
  for (const auto& pattern : patterns.payloads()) {
    const auto answer = core.call(Explain{core.space, pattern});
    for (const auto& item : std::get<Found>(answer).items) {
      const auto row = decode_tuple(item.tuple.blob()).items;
      Miss miss;
      miss.id = item.id;
      miss.tuple = from_value<Tuple>(row.at(0));
      if (const auto position = from_value<std::int64_t>(row.at(1)); position >= 0)
        miss.position = static_cast<std::uint32_t>(position);
      miss.why = from_value<std::string>(row.at(2));
      miss.holder = from_value<std::optional<std::string>>(row.at(3));
      miss.seconds = from_value<std::optional<double>>(row.at(4));
      misses.push_back(std::move(miss));
    }
  }
  return misses;
}

std::vector<BlockedOperation> blocked_operations(const detail::Core& core) {
  std::vector<BlockedOperation> blocked;
  for (const auto& row : detail::tuples_of(core.call(ListWaiters{}))) {
    const auto& items = row.items;
    BlockedOperation one;
    one.session = from_value<std::uint64_t>(items.at(0));
    one.client = from_value<std::string>(items.at(1));
    one.space = from_value<std::string>(items.at(2));
    one.take = from_value<bool>(items.at(3));
    one.templates = from_value<std::vector<std::string>>(items.at(4));
    one.seconds = from_value<double>(items.at(5));
    one.held_by = numbers(items.at(6));
    one.cycle = from_value<std::uint64_t>(items.at(7));
    blocked.push_back(std::move(one));
  }
  return blocked;
}

}  // namespace parvis
