// The tuple space as a pure state machine: operations and time in, changes and replies out. No socket, clock, thread or
// file; one history of calls gives one result, which is what the simulation and the tests rest on.
//
// Use, once a turn of the loop: attach/apply/detach/advance …, then take_turn(): write `batch` to the store (when it
// is not empty) and send each reply when every batch up to reply.after is durable and every one up to reply.written is
// written (0: at once). A batch that no reply waits for in this way may become durable a little later, with others. Not
// thread-safe: the loop's own.
//
// Rules (docs/semantics.md tells them to users): the oldest matching tuple of the highest priority; a returned tuple
// keeps its place; a new tuple goes to every matching blocked rd, then to the longest waiting in; nothing that
// matches a waiter is ever left in the index.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "storage/store.hpp"
#include "tuplespace/model/limits.hpp"
#include "tuplespace/model/operation.hpp"

namespace parvis::space {

using Time = std::chrono::microseconds;  // monotonic, from any origin

struct Secret {
  std::array<std::byte, 16> bytes{};
};

struct Reply {
  SessionId session = 0;
  Sequence sequence = 0;
  std::variant<Answer, Waiting> answer;
  std::uint64_t after = 0;    // number of the batch that must be durable first
  bool lazy = false;          // may wait for the next write to this session (Waiting)
  bool again = false;         // of what took effect earlier: no later batch's failure makes it untrue
  std::uint64_t written = 0;  // number of the batch that must be written first: outlive this process, not a power cut
};

// Large records that are to be in the store before what brings them is done: written_ahead(id) follows.
struct Ahead {
  std::uint64_t id = 0;
  std::vector<Blob> records;
};

struct Turn {
  std::uint64_t number = 0;  // of `batch`; ascending from 1
  storage::Batch batch;      // empty: nothing to write, `number` was not used
  std::vector<Reply> replies;
  std::vector<SessionId> ended;  // sessions that ended in this turn: their connections, if any, are to be closed
  std::vector<Ahead> ahead;      // for Store::write_ahead()
};

class Engine : public storage::Visitor {
 public:
  // `wall_minus_now`: wall clock (microseconds since 1970) minus `now`; leases of tuples run on while the server is
  // down.
  Engine(const Limits& limits, Durability default_durability, Time wall_minus_now);
  ~Engine() override;

  // Recovery: every record, ascending, then recovered() once; only then anything else. Throws Error{storage_error} on a
  // record it cannot read, naming it.
  void record(storage::RecordId id, Blob bytes) override;
  void recovered(Time now);

  // The session outlives a crash once the batch of this turn is durable; until then nobody should be told of it, since
  // after a crash the server would not know it (and in the first moments of a new store its id may be given again).
  // `name`: what the client calls itself, for waiters() and explain().
  SessionId open_session(const Secret& secret, Time now, std::string name = {});
  [[nodiscard]] const Secret* secret_of(SessionId id) const;   // null: no such session (ended, or never was)
  void attach(SessionId id, Time now, std::string name = {});  // its client is connected (again)
  void detach(SessionId id, Time now);       // the connection broke: its waiters leave, its grace begins
  void end_session(SessionId id, Time now);  // goodbye, or its process is known dead: what it held returns now

  // What is remembered for 30 days of a session that ended with something unconfirmed: a client that comes back too
  // late learns for each pending operation whether it was applied. Nothing: never heard of it, or too long ago.
  struct Tombstone {
    Secret secret;
    Sequence confirmed = 0;         // up to here everything was answered and confirmed
    std::vector<Sequence> applied;  // beyond that: took effect; ascending
  };
  [[nodiscard]] const Tombstone* tombstone_of(SessionId id) const;

  void apply(SessionId id, Sequence sequence, const Operation& operation, Time now);
  void cancel(SessionId id, Cancel cancel, Time now);
  void refuse(SessionId id, Refuse refuse, Time now);
  void confirm(SessionId id, const Confirm& confirm, Time now);
  // What a turn's Ahead has come to; `failed`: nothing was written, and why.
  void written_ahead(std::uint64_t id, std::optional<Failed> failed, Time now);

  // Leases, delays, timeouts, graces that are due. Every other call with a `now` does the same first.
  void advance(Time now);
  [[nodiscard]] std::optional<Time> next_deadline() const;

  Turn take_turn();
  [[nodiscard]] bool will_write() const;  // the next turn has a batch

  // Puts are refused with Error{storage_full, text} while `text` is not empty; takes go on.
  void refuse_puts(std::string text);

  struct Stats {
    std::uint64_t epoch = 0;  // how often this space was started
    std::uint64_t tuples = 0, tuple_bytes = 0, index_bytes = 0, waiters = 0, sessions = 0, transactions = 0;
  };
  [[nodiscard]] Stats stats() const;

  // For tests: throws std::logic_error when memory contradicts itself. Looks at everything.
  void check() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace parvis::space
