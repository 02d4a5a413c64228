// What may leave when, and what a batch that fails takes with it. The simulation drives the rest of Gate.
#include "tuplespace/server/gate.hpp"

#include <catch2/catch.hpp>

#include "tests/server/support.hpp"

using namespace parvis;

namespace {

space::Reply reply(Sequence sequence, bool again) {
  return {.session = 1, .sequence = sequence, .answer = Answer(Done{}), .after = 1, .again = again};
}

}  // namespace

// A server killed on a disk that is full: the take that it had written stands when it is back, and so does its answer,
// which its client asks for again. That answer waits for the first batch of the new process; when there is no room for
// that, "refused" would be untrue, and the client's confirmation of it the end of the tuple.
TEST_CASE("P3: what took effect before is not refused because a later batch fails") {
  server::Gate gate;
  space::Turn turn;
  turn.number = 1;
  turn.batch.push_back({1, Blob::copy(as_bytes("record"))});
  turn.replies = {reply(1, true), reply(2, false)};
  gate.take(std::move(turn));
  REQUIRE(gate.next());
  REQUIRE(!gate.release());
  const auto failed = gate.fail(ErrorCode::storage_full, "full");
  REQUIRE(failed.size() == 1);
  CHECK(failed[0].sequence == 2);
}
