#include "tuplespace/server/dispatch.hpp"

#include <tuple>
#include <type_traits>
#include <variant>

namespace parvis::server {
namespace {

template <class M>
inline constexpr bool is_request = std::is_constructible_v<Operation, M>;

bool writes(const Operation& operation) {
  const auto is_any_of = [&]<class... Op>(std::tuple<Op...>*) {
    return (std::holds_alternative<Op>(operation) || ...);
  };
  using Reading = std::tuple<Count, Scan, Aggregate, Watch, Explain, ListWaiters>;
  if (is_any_of(static_cast<Reading*>(nullptr))) return false;
  if (const auto* get = std::get_if<Get>(&operation)) return get->take;
  if (const auto* spaces = std::get_if<Spaces>(&operation)) return spaces->what != Spaces::What::list;
  return true;
}

struct Dispatch {
  space::Engine& engine;
  const std::string& broken;
  SessionId session;
  Sequence sequence;
  space::Time now;

  void operator()(Cancel&& m) const { engine.cancel(session, m, now); }
  void operator()(Refuse&& m) const { engine.refuse(session, m, now); }
  void operator()(Confirm&& m) const { engine.confirm(session, m, now); }
  void operator()(wire::Bye&&) const { engine.end_session(session, now); }
  void operator()(wire::Call&&) const {
    throw Error(ErrorCode::protocol_error, "a call goes to a kernel, and this is a server");
  }

  template <class M>
  void operator()(M&& m) const {
    if constexpr (is_request<M>) {
      const Operation operation(std::forward<M>(m));
      if (!broken.empty() && writes(operation)) throw Error(ErrorCode::storage_error, broken);
      engine.apply(session, sequence, operation, now);
    } else {
      throw Error(ErrorCode::protocol_error, "a client does not send messages of this kind");
    }
  }
};

}  // namespace

void dispatch(space::Engine& engine, const std::string& broken, SessionId session, std::uint64_t id,
              wire::Message&& message, space::Time now) {
  std::visit(Dispatch{engine, broken, session, id, now}, std::move(message));
}

}  // namespace parvis::server
