// Looking at a space as a whole: walking through all matches, watching what happens, and why nothing matches.
//
//   for (const Tuple& tuple : space.scan("task", rest)) …        // pages are asked for as it goes
//   auto watcher = space.watch("result", rest);                   // in effect when it returns
//   while (auto event = watcher.next()) …                         // event->kind, event->tuple, event->seq
//
// Both go on after a reconnect and a restart of the server. One thread at a time, but Watcher::close().
#pragma once

#include <iterator>

#include "client/core.hpp"
#include "client/scan.hpp"

namespace parvis {

// Each tuple at most once: those present at the first page and still present at theirs, none put later.
class TupleScan {
 public:
  TupleScan(const detail::Core& core, Scan first)
      : on_signal_(core.on_signal), scanner_(std::make_shared<client::Scanner>(core.session, std::move(first))) {}
  std::optional<Tuple> next();

  class iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = Tuple;
    using difference_type = std::ptrdiff_t;
    using pointer = const Tuple*;
    using reference = const Tuple&;
    iterator() = default;
    explicit iterator(TupleScan& scan) : scan_(&scan) { ++*this; }
    const Tuple& operator*() const { return *tuple_; }
    const Tuple* operator->() const { return &*tuple_; }
    iterator& operator++() {
      tuple_ = scan_->next();
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(const iterator& other) const { return tuple_.has_value() == other.tuple_.has_value(); }

   private:
    TupleScan* scan_ = nullptr;
    std::optional<Tuple> tuple_;
  };
  iterator begin() { return iterator(*this); }
  static iterator end() { return {}; }

 private:
  OnSignal on_signal_;
  std::shared_ptr<client::Scanner> scanner_;
};

struct WatchEvent {
  enum class Kind : std::uint8_t { put, taken, returned, expired, updated, gap };
  Kind kind = Kind::put;
  std::uint64_t seq = 0;  // ascending; of a gap: the last number that is lost
  Tuple tuple;            // of a gap: empty
};
struct WatchOptions {
  std::vector<WatchEvent::Kind> kinds;  // empty: all
  std::optional<std::uint64_t> since;   // from this number on (one more than the last seen); else from now on
};

class Watcher {
 public:
  Watcher(const detail::Core& core, std::vector<Payload> templates, const WatchOptions& options);
  std::optional<WatchEvent> next() { return next_within({}); }                             // nothing: it was closed
  std::optional<WatchEvent> next_for(Duration patience) { return next_within(patience); }  // nothing: not in time
  void close() { follower_->close(); }  // any thread; ends a next() under way

 private:
  std::optional<WatchEvent> next_within(std::optional<Duration> patience);

  OnSignal on_signal_;
  std::shared_ptr<client::Follower> follower_;
};

// Why a tuple does not match, the nearest first.
struct Miss {
  TupleId id = 0;
  Tuple tuple;
  std::optional<std::uint32_t> position;  // of the first field that differs
  std::string why;
  std::optional<std::string> holder;  // who holds it
  std::optional<double> seconds;      // for so long at most, or until it can be seen
};
// Who waits for what.
struct BlockedOperation {
  SessionId session = 0;
  std::string client, space;
  bool take = false;
  std::vector<std::string> templates;
  double seconds = 0;
  std::vector<SessionId> held_by;  // sessions that hold what it waits for
  std::uint64_t cycle = 0;         // the number of its cycle of mutual waiting; 0: none
};
std::vector<Miss> misses(const detail::Core& core, const detail::Patterns& patterns);
std::vector<BlockedOperation> blocked_operations(const detail::Core& core);

}  // namespace parvis
