// What stands between the engine and the world: batches on their way to the disk, and what may be told only when they
// are there. Pure: no I/O, no clock, no threads. Turns drives it with the store, the simulation with a disk of its own.
//
// One batch is under way at a time; turns that end meanwhile wait together and are the next one (group commit).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "storage/store.hpp"
#include "tuplespace/space/engine.hpp"

namespace parvis::server {

class Gate {
 public:
  struct Free {  // may leave, the replies first
    std::vector<space::Reply> replies;
    std::vector<SessionId> ended;
  };

  void take(space::Turn&& turn);
  std::optional<Free> release();          // call until there is nothing; what comes first may leave first
  std::optional<storage::Batch> next();   // to be committed now
  void durable();                         // the batch under way is on the disk
  // The batch under way is not: the error for each that was not released; and all is as new.
  std::vector<space::Reply> fail(ErrorCode code, const std::string& text);
  void stop_writing() { writing_ = false; }  // the disk has failed: what happens is for this process alone

  [[nodiscard]] bool waiting() const { return !waiting_.empty(); }
  [[nodiscard]] bool under_way() const { return under_way_ != 0; }
  [[nodiscard]] bool settled() const { return under_way_ == 0 && waiting_.empty(); }
  [[nodiscard]] std::size_t bytes() const { return waiting_bytes_ + under_way_bytes_; }  // that wait for the disk

 private:
  storage::Batch waiting_;                   // of turns since the batch under way was handed over
  std::uint64_t waiting_number_ = 0, under_way_ = 0, durable_ = 0;  // batch numbers; 0: none
  std::size_t waiting_bytes_ = 0, under_way_bytes_ = 0;
  std::map<std::uint64_t, Free> held_;       // by the batch that must be durable first
  std::vector<space::Reply> ready_;          // what need not wait for anything, nor for others
  bool writing_ = true;
};

}  // namespace parvis::server
