// The simulated network: connections that delay, break at any moment and are noticed to be broken by each side at a
// time of its own. Within a connection frames arrive in order; frames of an old connection may arrive after the client
// has come back on another one.
#pragma once

#include <memory>
#include <optional>
#include <variant>

#include "tuplespace/space/engine.hpp"
#include "tuplespace/wire/message.hpp"
#include "world.hpp"

namespace parvis::simulation {

inline constexpr Micros heartbeat = 2'000'000, grace = 3'000'000;

struct Dial {
  std::optional<std::pair<SessionId, space::Secret>> resume;
};
struct Request {
  Sequence sequence = 0;
  Operation operation;
  std::shared_ptr<const Ask> ask;
};
using ToServer = std::variant<Dial, Request, Cancel, Refuse, Confirm, wire::Bye, wire::Ping>;
struct Reply {
  Sequence sequence = 0;
  std::variant<Answer, Waiting> answer;
};
struct Closed {};
using ToClient = std::variant<wire::Welcome, Reply, wire::Pong, Closed>;

struct Connection {
  std::size_t client = 0;
  SessionId session = 0;                        // the server's; 0: none, or no longer
  bool client_has = true, server_has = true;    // each side's view
  Micros up = 0, down = 0;                      // when the newest frame arrives
  Micros up_until = never, down_until = never;  // later frames are lost
  Micros heard = 0;                             // by the server
};
using ConnectionPtr = std::shared_ptr<Connection>;

}  // namespace parvis::simulation
