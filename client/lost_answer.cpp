#include "client/lost_answer.hpp"

namespace parvis::client {

Request::Result bare_success(const Request& request) {
  const auto is = [&]<class Op>(wire::Kind kind, const Op*) {
    if (request.packed) return request.packed->kind == kind;
    return request.operation() != nullptr && std::holds_alternative<Op>(*request.operation());
  };
  if (is(wire::Kind::spaces, static_cast<const Spaces*>(nullptr))) return Answer(Listing{});
  if (is(wire::Kind::statement, static_cast<const Statement*>(nullptr)) ||
      is(wire::Kind::collect, static_cast<const Collect*>(nullptr)))
    return Error(ErrorCode::disconnected,
                 "this operation took effect, but its session ended while its server was away: what it found is lost");
  return Answer(Done{});
}

}  // namespace parvis::client
