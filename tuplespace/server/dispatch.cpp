// One message of an authenticated client, to the engine. Plain functions: nothing suspends between a check and its use.
#include <fmt/format.h>

#include "tuplespace/server/server.hpp"

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
  Turns& turns;
  SessionId session;
  Sequence sequence;

  void operator()(Cancel&& m) const { turns.engine().cancel(session, m, turns.now()); }
  void operator()(Refuse&& m) const { turns.engine().refuse(session, m, turns.now()); }
  void operator()(Confirm&& m) const { turns.engine().confirm(session, m, turns.now()); }
  void operator()(wire::Bye&&) const { turns.engine().end_session(session, turns.now()); }
  void operator()(wire::Call&&) const {
    throw Error(ErrorCode::protocol_error, "a call goes to a kernel, and this is a server");
  }

  template <class M>
  void operator()(M&& m) const {
    if constexpr (is_request<M>) {
      const Operation operation(std::forward<M>(m));
      if (!turns.broken().empty() && writes(operation)) throw Error(ErrorCode::storage_error, turns.broken());
      turns.engine().apply(session, sequence, operation, turns.now());
    } else {
      throw Error(ErrorCode::protocol_error, "a client does not send messages of this kind");
    }
  }
};

}  // namespace

void Server::message(net::Connection& connection, wire::Message&& message, std::uint64_t id) {
  // The session may have ended in this very turn; its connection is about to be told.
  if (connection.session == 0 || !turns_.engine().secret_of(connection.session)) return;
  std::visit(Dispatch{turns_, connection.session, id}, std::move(message));
}

}  // namespace parvis::server
