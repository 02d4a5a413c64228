#include "client/request.hpp"

#include <time.h>

#include <tuple>

namespace parvis::client {

Clock::time_point Clock::now() noexcept {
  timespec t{};
  ::clock_gettime(CLOCK_BOOTTIME, &t);
  return time_point(std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec));
}

Effect effect_of(const Operation& operation) {
  if (const auto* get = std::get_if<Get>(&operation)) {
    return get->take || get->begin ? Effect::takes : Effect::reads;
  }
  const auto is_any_of = [&]<class... Op>(std::tuple<Op...>*) {
    return (std::holds_alternative<Op>(operation) || ...);
  };
  using Reading = std::tuple<Count, Scan, Aggregate, Watch, Explain, ListWaiters>;
  if (is_any_of(static_cast<Reading*>(nullptr))) return Effect::reads;
  if (const auto* spaces = std::get_if<Spaces>(&operation)) {
    return spaces->what == Spaces::What::list ? Effect::reads : Effect::changes;
  }
  using Changing = std::tuple<Out, Commit, Collect, Statement>;
  if (is_any_of(static_cast<Changing*>(nullptr))) return Effect::changes;
  return Effect::claims;
}

std::optional<Time> deadline_of(const Operation& operation) {
  const auto after = [](bool wait, std::int64_t us) {
    return wait && us >= 0 ? std::optional<Time>(Clock::now() + std::chrono::microseconds(us)) : std::nullopt;
  };
  if (const auto* get = std::get_if<Get>(&operation)) return after(get->wait, get->timeout_us);
  if (const auto* statement = std::get_if<Statement>(&operation)) return after(statement->wait, statement->timeout_us);
  if (const auto* watch = std::get_if<Watch>(&operation)) return after(watch->wait, watch->timeout_us);
  return std::nullopt;
}

std::optional<Operation> self_contained(const Operation& operation) {
  const bool waits = std::holds_alternative<Get>(operation) || std::holds_alternative<Statement>(operation) ||
                     std::holds_alternative<Watch>(operation);
  if (!waits) return std::nullopt;
  return own_copy(operation);
}

}  // namespace parvis::client
