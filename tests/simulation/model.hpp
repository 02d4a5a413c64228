// What the engine means, said a second time and simply: ordered sets of serials, a sorted vector of waiters per space,
// no index, no batches. It predicts every answer. A value: the simulation keeps one as of now and one as of the newest
// durable batch, and a crash makes the first a copy of the second. Throws Violation when an input cannot be.
//
// A tuple is (kind, number, serial); the serial is unique in a history and names it here. A transaction is named by the
// session and the sequence that began it.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tuplespace/model/operation.hpp"

namespace parvis::simulation {

using Serial = std::uint32_t;
using TransactionName = std::uint64_t;
using Micros = std::int64_t;
inline constexpr Micros never = INT64_MAX;

struct Violation : std::runtime_error { using std::runtime_error::runtime_error; };

struct Fresh {  // a tuple to be put
  std::int16_t kind = 0, number = 0;
  Serial serial = 0;
  std::int32_t priority = 0;
  std::uint16_t space = 0;
};
struct Pattern {
  std::int16_t kind = -1, number = -1;  // -1: any
  [[nodiscard]] bool matches(std::int16_t k, std::int16_t n) const {
    return (kind < 0 || kind == k) && (number < 0 || number == n);
  }
};
struct Ask {  // any operation
  enum What : std::uint8_t { out, get, count, begin, commit, abort, renew } what = out;
  std::uint16_t space = 0;
  bool owned = false, take = false, wait = false, begins = false, partial = false;
  std::uint32_t max = 1;
  Micros lease = -1, timeout = -1, delay = 0;
  TransactionName transaction = 0;
  std::vector<Fresh> puts;
  std::vector<Pattern> patterns;
  std::vector<Serial> consumed, released;
};
struct Told {  // an answer
  SessionId session = 0;
  Sequence sequence = 0;
  enum What : std::uint8_t { done, counted, found, failed, waiting } what = done;
  std::uint64_t number = 0;                                 // of counted; code of failed; ticket
  std::vector<std::pair<Serial, std::uint32_t>> items{};    // and their attempts
  auto operator<=>(const Told&) const = default;
};
std::string text(const Told& told);
std::string text(const Ask& ask);

struct Model {
  struct Tuple {
    Fresh fresh;
    std::uint64_t order = 0;
    std::uint32_t attempts = 0;
    SessionId owner = 0, held_by = 0;     // delivered to a session ...
    TransactionName transaction = 0;      // ... or taken inside one
    Micros lease_until = never, visible_at = 0;
    bool delayed = false;
    [[nodiscard]] bool held() const { return held_by != 0 || transaction != 0; }
  };
  struct Applied {
    Told::What what = Told::done;
    bool lasting = false, strict = false, begun = false;
    std::uint64_t number = 0;             // of failed: its code
    TransactionName transaction = 0;
    std::vector<Serial> serials{};
  };
  struct Session {
    bool attached = true;
    Micros grace_until = never;
    Sequence confirmed = 0;
    std::map<Sequence, Applied> applied;
    std::map<Sequence, std::uint16_t> waiting;   // in which space
    std::set<TransactionName> transactions;
    std::set<Serial> owned;
  };
  struct Transaction {
    SessionId session = 0;
    Micros lease = -1, until = never;
    bool lasting = false;
    std::set<Serial> taken;
    std::set<Sequence> waiting;
  };
  struct Waiter {
    std::uint64_t id = 0, epoch = 0, ticket = 0;
    SessionId session = 0;
    Sequence sequence = 0;
    Ask ask;
    std::vector<Serial> handed{};
  };
  struct Space {
    bool lasting = true, strict = true;                // outlives a restart; answers are durable
    std::set<std::pair<std::uint64_t, Serial>> ready;  // in the order in which they are handed out
    std::vector<Waiter> waiters;                       // the longest waiting first
  };
  struct Tombstone {
    Sequence confirmed = 0;
    std::vector<Sequence> applied;
  };
  struct Deadline {
    Micros at;
    std::uint64_t number;
    enum Kind : std::uint8_t { lease, delay, transaction, waiter, grace } kind;
    std::uint64_t id, more = 0;
    auto operator<=>(const Deadline&) const = default;
  };

  Micros now = 0, grace = 0;
  bool puts_refused = false;
  std::uint64_t epoch = 0, next_order = 1, next_ticket = 1, next_waiter = 1, next_deadline = 1;
  std::vector<Space> spaces;
  std::unordered_map<Serial, Tuple> tuples;
  std::vector<bool> ever;                              // serials that were put, whatever became of them
  std::map<SessionId, Session> sessions;
  std::map<SessionId, Tombstone> tombstones;
  std::map<TransactionName, Transaction> transactions;
  std::set<Deadline> deadlines;
  std::vector<Told> told;                              // of the current turn

  static TransactionName name(SessionId session, Sequence sequence) { return session << 24 | sequence; }

  void open(SessionId id) { sessions[id]; }
  void attach(SessionId id);
  void detach(SessionId id);
  void end(SessionId id, bool expired = false);
  void apply(SessionId id, Sequence sequence, const Ask& ask, const Waiting& shown);
  void cancel(SessionId id, Sequence sequence);
  void refuse(SessionId id, Sequence sequence);
  void confirm(SessionId id, const Confirm& confirm);
  void advance(Micros to);
  void crash(std::uint64_t new_epoch);                 // and the restart, at `now`

  [[nodiscard]] bool knows(SessionId id, Sequence sequence) const;  // it took effect, here

 private:
  void run_out(SessionId id, Session& s, Sequence n, const Ask& ask);
  void run_get(SessionId id, Session& s, Sequence n, const Ask& ask, const Waiting& shown);
  void run_commit(SessionId id, Session& s, Sequence n, const Ask& ask);
  void run_transaction(SessionId id, Session& s, Sequence n, const Ask& ask);
  void say_again(SessionId id, Sequence n, const Applied& applied);
  void say(SessionId id, Sequence n, Told::What what, std::uint64_t number = 0);
  void fail(SessionId id, Sequence n, ErrorCode code);
  void put(SessionId id, const Fresh& fresh, Micros lease, Micros delay, bool owned, std::vector<Serial>& arriving);
  void give(SessionId id, Sequence n, const Ask& ask, const std::vector<Serial>& serials);
  void place(std::vector<Serial>& arriving);
  void take_back(Serial serial, bool tried, std::vector<Serial>& arriving);
  void erase(Serial serial);
  void abort(TransactionName name, bool tried, std::vector<Serial>& arriving);
  void end_transaction(TransactionName name);
  bool unlist(SessionId id, Sequence n);
  void forget(Session& s, std::map<Sequence, Applied>::iterator applied);
  void fire(const Deadline& due);
  void set_deadline(Micros at, Deadline::Kind kind, std::uint64_t id, std::uint64_t more = 0) {
    if (at != never) deadlines.insert({at, next_deadline++, kind, id, more});
  }
  [[nodiscard]] Micros after(Micros us) const { return us < 0 ? never : now + us; }
  [[nodiscard]] bool strict(const Transaction& t) const;
  [[nodiscard]] bool open_transaction(const Session& s, TransactionName t) const { return s.transactions.contains(t); }
};

}  // namespace parvis::simulation
