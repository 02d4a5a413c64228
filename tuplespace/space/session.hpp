// What the engine knows of a client (which may be away), and of a transaction. Plain data; the rules are in
// sessions.cpp and transactions.cpp.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "tuplespace/space/engine.hpp"
#include "tuplespace/space/record.hpp"

namespace parvis::space {

struct Waiter;

struct Session {
  SessionId id = 0;
  Secret secret;
  std::string name;  // what its client calls itself; after a restart empty until it is back
  bool attached = true;
  Time grace_until = Time::max();  // while detached

  // Exactly once: numbers up to `confirmed` are over and done; of those beyond, `applied` names every one that took
  // effect and what it is answered when it comes again. Its tuples stay until the answer is confirmed.
  Sequence confirmed = 0;
  std::map<Sequence, Applied> applied;
  std::size_t unconfirmed = 0;  // answers and tuples in `applied`

  std::map<Sequence, Waiter*> waiting;
  std::map<Sequence, std::uint64_t> parked;  // ids (parked.hpp)
  // Before it everything is over, as far as blocked operations go.
  [[nodiscard]] Sequence first_blocked() const {
    Sequence first = ~Sequence{0};
    if (!waiting.empty()) first = waiting.begin()->first;
    if (!parked.empty()) first = std::min(first, parked.begin()->first);
    return first;
  }
  std::set<TransactionId> transactions;
  std::set<TupleId> owned;  // put by it, to vanish with it

  std::uint64_t changed = 0;            // the newest batch that changed what it may be told
  bool written = false, dirty = false;  // its record: in the store, to be written with this batch
};

struct Transaction {
  TransactionId id = 0;
  SessionId session = 0;
  std::int64_t lease_us = -1;
  Time until = Time::max();
  std::set<TupleId> taken;
  std::set<Sequence> waiting;  // blocked takes inside it
  bool lasting = false;        // has or will have a record: begun as such, or holds a tuple that lasts
  bool written = false, dirty = false;
};

}  // namespace parvis::space
