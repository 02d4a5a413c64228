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

 private:
  Blob blob_;
  const Encoding* encoding_ = nullptr;
};

enum class Durability : std::uint8_t { durable = 0, relaxed = 1, volatile_ = 2 };

// Put tuples, all or none, in order. Answer: Done{id of the first}.
struct Out {
  std::string space;
  std::vector<Payload> tuples;
  std::int64_t lease_us = -1;   // the tuple disappears after this time
  bool owned = false;           // and, when set, together with the session that put it
  std::int32_t priority = 0;    // min_priority .. max_priority; higher is handed out first
  std::int64_t delay_us = 0;    // hidden until then
};

// in, rd, inp, rdp, take_many, read_many. Several templates: any of them. Answer: Found; a wait that ends without a
// match is Failed{timeout}, an operation that does not wait answers Found without items.
struct Get {
  std::string space;
  std::vector<Payload> templates;
  bool take = true;
  bool wait = true;
  std::int64_t timeout_us = -1;
  std::uint32_t max = 1;              // up to this many, waiting for the first
  TransactionId transaction = 0;      // take inside this transaction
  bool begin = false;                 // or inside a new one, whose id the answer carries: a claim in one round trip
  std::int64_t lease_us = -1;         // of the new transaction; -1: the session's life
  std::uint64_t ticket_epoch = 0;     // a place in the queue won before a reconnect (answer Waiting); 0: none
  std::uint64_t ticket = 0;
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
struct Renew {  // Answer: Done, or Failed{conflict} when it has ended
  TransactionId transaction = 0;
  std::int64_t lease_us = -1;
};
struct Spaces {  // Answer: Listing
  enum class What : std::uint8_t { list = 0, make = 1, drop = 2 };
  What what = What::list;
  std::string space;
  Durability durability = Durability::durable;
};

using Operation = std::variant<Out, Get, Count, Begin, Commit, Abort, Renew, Spaces>;

// Without an answer of their own:
struct Cancel { Sequence sequence = 0; };   // a blocked Get ends now: with what was handed over, or Failed{timeout}
struct Refuse { Sequence sequence = 0; };   // as Cancel, and what was handed over goes back to its old place
struct Confirm {                            // answers that have arrived: everything up to `upto`, and `also`
  Sequence upto = 0;
  std::vector<Sequence> also;
};

struct Done { std::uint64_t number = 0; };
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
  std::uint64_t tuples = 0, bytes = 0, waiters = 0;
};
struct Listing { std::vector<SpaceInfo> spaces; };
struct Failed {
  ErrorCode code{};
  std::string text;
  bool outcome_unknown = false;  // with `disconnected`, made by the client itself: never on the wire
};
struct Waiting { std::uint64_t epoch = 0, ticket = 0; };  // the Get is blocked and has this place in the queue

using Answer = std::variant<Done, Found, Listing, Failed>;

}  // namespace parvis
