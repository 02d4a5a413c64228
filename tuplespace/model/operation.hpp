// What a client asks of the tuple space and what it is told. The engine executes these, the wire carries them
// (wire/message.hpp gives them their bytes), the client builds them. Times are microseconds; -1 means for ever.
//
// Numbers: an operation has a sequence number, unique in its session and ascending. It makes every operation take
// effect once: sent again with the same number after a reconnect, it is answered, not repeated (promise P2).
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "tuplespace/model/bytes.hpp"
#include "tuplespace/model/codec.hpp"
#include "tuplespace/model/error.hpp"

namespace parvis {

using SessionId = std::uint64_t;
using Sequence = std::uint64_t;
using TupleId = std::uint64_t;
using TransactionId = std::uint64_t;  // 0: none

// An encoding on its way: built here (and alive until sent), or received and aliasing its frame.
class Payload {
 public:
  Payload() = default;
  Payload(Blob blob) : blob_(std::move(blob)) {}
  Payload(const Encoding* encoding) : encoding_(encoding) {}
  [[nodiscard]] std::size_t size() const { return encoding_ ? encoding_->size() : blob_.size(); }
  [[nodiscard]] const Encoding* encoding() const { return encoding_; }
  [[nodiscard]] const Blob& blob() const { return blob_; }  // only when encoding() is null
  [[nodiscard]] Blob flat() const { return encoding_ ? encoding_->flatten() : blob_; }

 private:
  Blob blob_;
  const Encoding* encoding_ = nullptr;
};

enum class Durability : std::uint8_t { durable = 0, relaxed = 1, volatile_ = 2 };

// Put tuples, all or none, in order. Answer: Done{id of the first}.
struct Out {
  std::string space;
  std::vector<Payload> tuples;
  std::int64_t lease_us = -1;  // the tuple disappears after this time
  bool owned = false;          // and, when set, together with the session that put it
  std::int32_t priority = 0;   // min_priority .. max_priority; higher is handed out first
  std::int64_t delay_us = 0;   // hidden until then
  Payload group;               // a tuple of one field, the key: tuples of one group are handed out one at a time
  std::int64_t room_us = 0;    // over a quota of the space: how long to wait for room (0: fail at once)
};

// in, rd, inp, rdp, take_many, read_many. Several templates: any of them. Answer: Found; a wait that ends without a
// match is Failed{timeout}, an operation that does not wait answers Found without items.
struct Get {
  std::string space;
  std::vector<Payload> templates;
  bool take = true;
  bool wait = true;
  std::int64_t timeout_us = -1;
  std::uint32_t max = 1;           // up to this many, waiting for the first
  TransactionId transaction = 0;   // take, or read, inside this transaction: Failed{conflict} once it has ended
  bool begin = false;              // or inside a new one, whose id the answer carries: a claim in one round trip
  std::int64_t lease_us = -1;      // of the new transaction; -1: the session's life
  std::uint64_t ticket_epoch = 0;  // a place in the queue won before a reconnect (answer Waiting); 0: none
  std::uint64_t ticket = 0;
  std::int64_t settle_us = 0;  // not waiting: how long to wait while all that matches is held by others
};

struct Count {  // Answer: Done{number of tuples that match any of the templates}
  std::string space;
  std::vector<Payload> templates;
};

struct Begin {  // Answer: Done{transaction id}
  std::int64_t lease_us = -1;
};
struct Put {  // an out inside a commit
  std::string space;
  Payload tuple;
  std::int64_t lease_us = -1;
  std::int32_t priority = 0;
  std::int64_t delay_us = 0;
  Payload group;
};
// All or nothing: the tuples taken are gone, the puts are there. Answer: Done, or Failed{conflict} when the transaction
// has ended before. With `partial`, only the taken tuples named in `consumed` are gone, those in `released` are back at
// their place, and the transaction stays open with the rest.
struct Commit {
  TransactionId transaction = 0;
  std::vector<Put> puts;
  bool partial = false;
  std::vector<TupleId> consumed;
  std::vector<TupleId> released;
};
struct Abort {  // everything taken is back at its place. Answer: Done
  TransactionId transaction = 0;
};
// A transaction's lease, or those of tuples, from now on; a tuple's lease of 0 ends it now. Answer: Done{1 or number of
// tuples}, Failed{conflict} when the transaction has ended, Failed{not_found} when one of the tuples is gone (then
// nothing has changed).
struct Renew {
  TransactionId transaction = 0;
  std::int64_t lease_us = -1;
  std::vector<TupleId> tuples;  // when transaction is 0
};
// Answer: Listing (of make: that one). Making what is there, with the same durability, sets its quotas.
struct Spaces {
  enum class What : std::uint8_t { list = 0, make = 1, drop = 2 };
  What what = What::list;
  std::string space;
  Durability durability = Durability::durable;
  std::int64_t quota_tuples = -1;  // of make; 0: no quota, -1: as it is
  std::int64_t quota_bytes = -1;
};

// A snapshot in pages: each tuple at most once, those present at the first page and still present at theirs. The server
// keeps nothing between pages: the client hands back `after` and `until` of the page before (0: the first). Answer:
// Page, possibly without items when the step budget of one page is used up.
struct Scan {
  std::string space;
  std::vector<Payload> templates;
  std::uint32_t max = 1000;
  std::uint64_t after = 0;
  std::uint64_t until = 0;
  bool whole = false;  // to put them elsewhere: with all options, delayed and claimed ones, without owned ones
};

// One row a group: the values of the fields `group_by` (positions), then one value a term. Answer: Found, whose items
// are the rows (id 0), ordered by their encoding; without group_by one row. Failed{protocol_error} for a sum over what
// is no number. Tuples without such a field are left out of that term.
struct Aggregate {
  enum class Function : std::uint8_t { count = 0, sum = 1, min = 2, max = 3 };
  struct Term {
    Function function = Function::count;
    std::uint32_t position = 0;  // of count: not looked at
  };
  std::string space;
  std::vector<Payload> templates;
  std::vector<std::uint32_t> group_by;
  std::vector<Term> terms;
};

// All matches to another space in one step, at most max_collect (Failed{limit_exceeded} beyond, and nothing moved).
// Moved tuples keep their order among themselves and priority. Answer: Done{how many}.
struct Collect {
  std::string from, to;
  std::vector<Payload> templates;
  bool copy = false;
};

// An atomic guarded statement (after FT-Linda: Bakken and Schlichting, 1995). The first branch, as written, whose guard
// holds runs; none does: it waits, or answers so. A branch with an empty guard is an else.
//
// The guard holds when distinct tuples are there for all `in` and `rd` conditions together, equal variables bound to
// equal values across all of them (oldest first, conditions in order), and no tuple matches an `absent` one (where
// variables bound by the others stand for their values). Then, in one step: what `in` found is taken for good (there
// is nothing to confirm or to return), or changed in place when an `update` refers to it, and the body's actions are
// done.
struct Condition {
  enum class What : std::uint8_t { in = 0, rd = 1, absent = 2 };
  What what = What::in;
  std::string space;
  Payload pattern;
};
struct Change {
  enum class How : std::uint8_t { set = 0, add = 1, subtract = 2, multiply = 3, min = 4, max = 5 };
  std::uint32_t position = 0;
  How how = How::set;
  Payload operand;  // a template of one field: an actual, a variable, or a nested form of both
};
struct Action {
  enum class What : std::uint8_t { out = 0, update = 1, move = 2, copy = 3 };
  What what = What::out;
  std::string space;            // of out: where to; of move and copy: where from
  std::string to;               // of move and copy
  std::uint32_t condition = 0;  // of update: which `in` condition's tuple, counted over the whole guard
  Payload form;                 // of out: a template of actuals, variables and nested forms; of move, copy: what
  std::vector<Change> changes;  // to the form of out, to the tuple of update
  std::int64_t lease_us = -1;   // of out
  std::int32_t priority = 0;    // of out
};
struct Branch {
  std::vector<Condition> guard;
  std::vector<Action> body;
};
struct Statement {  // Answer: Ran; Failed{timeout} when it waited in vain
  std::vector<Branch> branches;
  bool wait = true;
  std::int64_t timeout_us = -1;
  std::uint64_t ticket_epoch = 0;  // as in Get
  std::uint64_t ticket = 0;
};

// Events of a space, in pages that the client asks for. `begin`: answers at once with no event and `next`, the number
// of the first event to come; from then on the space keeps its events. Else those numbered `from` and above that match;
// with `wait`, waits for the first one. Answer: Events.
struct Watch {
  std::string space;
  std::vector<Payload> templates;
  std::uint8_t kinds = 0x1f;  // bit i: Event::Kind i
  bool begin = false;
  std::uint64_t from = 0;
  std::uint32_t max = 1000;
  bool wait = true;
  std::int64_t timeout_us = -1;
};

// Why nothing matches. Answer: Found, the items are rows, the nearest misses first: the tuple's id and
// (tuple, position of the first field that differs or -1, why as text, holder as text or nil, seconds left or nil).
struct Explain {
  std::string space;
  Payload pattern;
  std::uint32_t max = 10;
};
// Who is blocked. Answer: Found, rows of (session, client's name, space, take as bool, [templates as text], seconds,
// [sessions that hold what it waits for], number of its cycle of mutual waiting or 0), the longest waiting first.
struct ListWaiters {
  std::string space;  // empty: all
  std::uint32_t max = 1000;
};

// With bytes of its own: those of a request end with it, or are a small part of its frame.
[[nodiscard]] Statement own_copy(const Statement& statement);

using Operation = std::variant<Out, Get, Count, Begin, Commit, Abort, Renew, Spaces, Scan, Aggregate, Collect,
                               Statement, Watch, Explain, ListWaiters>;
[[nodiscard]] Operation own_copy(const Operation& looking);  // likewise, of one that has templates alone

// Without an answer of their own:
struct Cancel {
  Sequence sequence = 0;
};  // a blocked Get ends now: with what was handed over, or Failed{timeout}
struct Refuse {
  Sequence sequence = 0;
};                // as Cancel, and what was handed over goes back to its old place
struct Confirm {  // answers that have arrived: everything up to `upto`, and `also`
  Sequence upto = 0;
  std::vector<Sequence> also;
};

struct Done {
  std::uint64_t number = 0;
};
struct Item {
  TupleId id = 0;
  std::uint32_t attempts = 0;  // how often the tuple was taken before and came back
  Payload tuple;
};
struct Found {
  TransactionId transaction = 0;
  std::vector<Item> items;
};
struct SpaceInfo {
  std::string name;
  Durability durability = Durability::durable;
  std::uint64_t tuples = 0, bytes = 0, waiters = 0;  // tuples: that can be seen
  std::uint64_t held = 0;                            // taken, and not yet committed or confirmed
  std::uint64_t quota_tuples = 0, quota_bytes = 0;   // 0: none
};
struct Listing {
  std::vector<SpaceInfo> spaces;
};
struct Page {
  std::vector<Item> items;
  std::uint64_t after = 0, until = 0;  // for the next page
  bool done = false;
  std::vector<Put> puts;  // of a whole scan, instead of items: without `space`, times are those left
};
struct Ran {
  std::uint32_t branch = 0;   // which ran; the number of branches: none
  std::vector<Item> items;    // of its `in` and `rd` conditions in order, as they were found
  std::vector<Item> updated;  // of its `update` actions in order, as they are now
  std::vector<TupleId> put;   // of its `out` actions in order
};
struct Event {
  enum class Kind : std::uint8_t { put = 0, taken = 1, returned = 2, expired = 3, updated = 4 };
  std::uint64_t number = 0;  // ascending in its space; at least once, in this order
  Kind kind = Kind::put;
  Item item;
};
struct Events {
  std::vector<Event> events;
  std::uint64_t next = 0;  // to ask from; beyond events that did not match
  bool gap = false;        // events before the first of these are lost: kept no longer
};
struct Failed {
  ErrorCode code{};
  std::string text;
  bool outcome_unknown = false;  // with `disconnected`, made by the client itself: never on the wire
};
struct Waiting {
  std::uint64_t epoch = 0, ticket = 0;
};  // it is blocked and has this place in the queue

using Answer = std::variant<Done, Found, Listing, Failed, Page, Ran, Events>;

}  // namespace parvis
