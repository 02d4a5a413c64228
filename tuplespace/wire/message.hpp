// Every message of the protocol beside the operations of model/operation.hpp, and how each is turned into bytes. The
// structs describe themselves once, in Boost.Serialization's idiom (serialize(Archive&, version) in message.cpp), and
// the archives of archive.hpp write them: this file and docs/protocol.md are the reference.
#pragma once

#include <array>
#include <string>
#include <variant>
#include <vector>

#include "tuplespace/model/operation.hpp"
#include "tuplespace/wire/frame.hpp"

namespace parvis::wire {

inline constexpr std::uint32_t protocol_version = 1;
using Nonce = std::array<std::byte, 32>;
using Mac = std::array<std::byte, 32>;  // HMAC-SHA-256

// Handshake: Hello -> Challenge -> Proof -> Welcome. `proof` = HMAC(token, "parvis client" | client nonce | server
// nonce); the server answers with HMAC(token, "parvis server" | ...), so that neither side trusts a stranger and the
// token never travels. On a Unix socket a client of the same user may leave its proof empty (all zero): SO_PEERCRED
// speaks for it.
struct Hello {
  std::string magic = "parvis";
  std::uint32_t version_min = protocol_version, version_max = protocol_version;
  Nonce nonce{};
  std::string name;
};
struct Challenge {
  std::uint32_t version = protocol_version;
  Nonce nonce{};
  std::string server;  // "parvis 0.1.0" or "parvis-kernel 0.1.0"
  bool token_needed = true;
};
struct Proof {
  Mac proof{};
  SessionId resume = 0;  // 0: a new session
  Mac resume_proof{};    // HMAC(session secret, "parvis resume" | client nonce | server nonce)
};
struct Welcome {
  Mac proof{};
  SessionId session = 0;
  std::array<std::byte, 16> secret{};  // of a new session; zero when resumed
  bool resumed = false;
  std::uint64_t epoch = 0;
  std::uint64_t heartbeat_ms = 0, grace_ms = 0, tuple_bytes = 0;
  // Of a session that had ended before its client came back, for 30 days: everything up to `confirmed` was answered and
  // confirmed, `applied` took effect, any other number did not. Not remembered: nobody knows.
  bool remembered = false;
  Sequence confirmed = 0;
  std::vector<Sequence> applied;
};
struct Ping {};
struct Pong {};
struct Bye {};
struct Ended {
  std::string text;
};  // the server closes this connection, and why (session ended, shutting down)
struct Call {
  Payload tuple;
};  // to a kernel
struct Reply {
  Payload tuple;
};  // Kind::answer: from a kernel
struct Output {
  Payload tuple;
};  // Kind::output: from a kernel, before the answer of the same id

using Message =
    std::variant<Hello, Challenge, Proof, Welcome, Failed, Done, Found, Waiting, Listing, Pong, Reply, Output, Ended,
                 Page, Ran, Events, Out, Get, Count, Begin, Commit, Abort, Renew, Spaces, Scan, Aggregate, Collect,
                 Statement, Watch, Explain, ListWaiters, Cancel, Refuse, Confirm, Ping, Bye, Call>;

// Payloads built from an Encoding are copied or shared (large parts) into the result: it is self-contained.
Outgoing pack(std::uint64_t id, const Message& message);
Outgoing pack(std::uint64_t id, const Operation& operation);
Outgoing pack(std::uint64_t id, const Answer& answer);
// For the hot path: appends the whole frame to `out` when it needs no segment; false (and nothing appended) otherwise.
bool pack_into(ByteVector& out, std::uint64_t id, const Message& message);
bool pack_into(ByteVector& out, std::uint64_t id, const Operation& operation);

// Throws Error{protocol_error} or {limit_exceeded}. Payloads alias `incoming`. Everything inside is validated: tuples
// and templates, names, numbers of things, ranges (validate.hpp).
Message unpack(const Incoming& incoming, std::size_t tuple_bytes = Limits{}.tuple_bytes);

[[nodiscard]] bool is_operation(Kind kind);  // a request with a sequence number and an answer
Message to_message(Operation&& operation);
Message to_message(Answer&& answer);

}  // namespace parvis::wire
