// What is to be written to one connection, in order: small messages joined into one run of bytes, large ones cut into
// fragments between which small ones pass. Pure: no socket. Used by the connection's one writer.
//
// Two messages with the same id never overtake each other. Shared parts of large messages stay where they lie.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "tuplespace/wire/message.hpp"

namespace parvis::net {

class SendQueue {
 public:
  void add(std::uint64_t id, const wire::Message& message);
  // What to write next, in one gathered write; valid until the next call of wrote(). Empty: nothing is queued.
  const std::vector<ByteSpan>& gather();
  void wrote(std::size_t bytes);
  [[nodiscard]] std::size_t bytes() const { return open_.size() + ready_bytes_ + large_bytes_; }
  // Of these, what is held for this connection alone: not the parts that answers share with the tuples they tell of.
  [[nodiscard]] std::size_t own_bytes() const { return open_.size() + flight_.size() + large_bodies_; }
  [[nodiscard]] bool empty() const { return open_.empty() && ready_bytes_ == 0 && large_.empty(); }

 private:
  void refill();
  void drop_large();

  ByteVector open_;                                          // whole frames, growing
  ByteVector flight_;                                        // whole frames being written
  std::deque<std::shared_ptr<const wire::Outgoing>> large_;  // the first is being cut
  std::unordered_map<std::uint64_t, std::size_t> large_ids_;
  std::optional<wire::Cutter> cutter_;
  std::vector<ByteSpan> ready_;  // into flight_ and one fragment of cutter_
  std::size_t ready_bytes_ = 0, large_bytes_ = 0, large_bodies_ = 0;
};

}  // namespace parvis::net
