// What stands between the engine and the world: batches on their way to the disk, and what may be told only when they
// are there, or at least written. Pure: no I/O, no clock, no threads. Turns drives it with the store, the simulation
// with a disk of its own.
//
// A batch that somebody waits for is to be durable at once; turns that end meanwhile wait together and are the next one
// (group commit). One that nobody waits for, or only until it is written, is durable soon, and the next may follow when
// it is written.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "storage/store.hpp"
#include "tuplespace/space/engine.hpp"

namespace parvis::server {

class Gate {
 public:
  struct Free {  // may leave, the replies before the ends
    std::vector<space::Reply> replies;
    std::vector<SessionId> ended;
    std::vector<SessionId> opened;  // before the replies: their clients may be told of them
  };

  // What the store is to commit; empty: what it has been given already is to be durable at once.
  struct Commit : storage::Batch {
    storage::Sync sync = storage::Sync::now;
    bool tell_written = false;
  };

  // A session is new in the turn that is taken next.
  void opened(SessionId session) { opened_.push_back(session); }
  bool take(space::Turn&& turn);  // true: somebody is answered without the disk
  // The session's connection has gone: its answers taken so far are not for the next one, which asks again.
  void forget(SessionId session);
  std::optional<Free> release();  // call until there is nothing; what comes first may leave first
  std::optional<Commit> next();   // to be committed now; after release()
  void written();                 // the oldest batch under way that was not, and is to tell
  void durable();                 // the oldest batch under way is on the disk
  // A batch under way is not: the error for each that was not released, but for those that were answered again: their
  // clients will ask once more. And all is as new.
  std::vector<space::Reply> fail(ErrorCode code, const std::string& text);
  void stop_writing() { writing_ = false; }  // the disk has failed: what happens is for this process alone

  [[nodiscard]] bool waiting() const { return !waiting_.empty(); }
  [[nodiscard]] bool under_way() const { return !under_way_.empty(); }
  [[nodiscard]] bool settled() const { return under_way_.empty() && waiting_.empty(); }
  // That wait for the disk: changes, and answers.
  [[nodiscard]] std::size_t bytes() const { return waiting_bytes_ + under_way_bytes_ + held_bytes_; }

 private:
  struct UnderWay {
    std::uint64_t number;
    std::size_t bytes;
    storage::Sync sync;
    bool written;
  };
  struct Listed {
    space::Reply reply;
    std::uint64_t number;  // ascending
    std::size_t bytes;
  };
  struct Held {
    std::vector<Listed> replies;
    std::vector<SessionId> opened, ended;
  };

  [[nodiscard]] std::uint64_t newest() const { return std::max({waiting_number_, handed_, durable_}); }
  [[nodiscard]] bool forgotten(const Listed& listed) const;
  void free(Listed&& listed, Free& into);

  storage::Batch waiting_;          // of turns since the last batch was handed over
  std::deque<UnderWay> under_way_;  // at most the last is to be durable at once
  // Numbers of batches; 0: none. Handed over, last asked to be durable at once, written, durable.
  std::uint64_t waiting_number_ = 0, handed_ = 0, asked_ = 0, written_ = 0, durable_ = 0;
  std::size_t waiting_bytes_ = 0, under_way_bytes_ = 0, held_bytes_ = 0;
  std::map<std::uint64_t, Held> held_;                          // by the batch that must be durable first
  std::map<std::uint64_t, std::vector<Listed>> until_written_;  // by the one that must only be written
  std::vector<space::Reply> ready_;                             // what need not wait for anything, nor for others
  std::vector<SessionId> opened_;                               // in the turn under way
  std::uint64_t listed_ = 0;                                    // replies so far
  std::unordered_map<SessionId, std::uint64_t> forgotten_;      // held replies listed up to then are for nobody
  bool writing_ = true;
};

}  // namespace parvis::server
