#include "client/request.hpp"

#include <time.h>

#include <tuple>

namespace parvis::client {

namespace {

void own(Payload& payload) {
  payload = payload.encoding() ? Payload(payload.encoding()->flatten()) : Payload(Blob::copy(payload.blob().span()));
}
void own(std::vector<Payload>& payloads) {
  for (auto& payload : payloads) own(payload);
}
void own(Statement& statement) {
  for (auto& branch : statement.branches) {
    for (auto& condition : branch.guard) own(condition.pattern);
    for (auto& action : branch.body) {
      own(action.form);
      for (auto& change : action.changes) own(change.operand);
    }
  }
}

}  // namespace

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
  std::optional<Operation> copy = operation;
  if (auto* get = std::get_if<Get>(&*copy)) own(get->templates);
  if (auto* watch = std::get_if<Watch>(&*copy)) own(watch->templates);
  if (auto* statement = std::get_if<Statement>(&*copy)) own(*statement);
  return copy;
}

}  // namespace parvis::client
