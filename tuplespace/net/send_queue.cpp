#include "tuplespace/net/send_queue.hpp"

#include <algorithm>

namespace parvis::net {
namespace {
constexpr std::size_t kept_buffer_bytes = 256 * 1024;  // a larger buffer is given back once it has been written
}

void SendQueue::add(std::uint64_t id, const wire::Message& message) {
  const bool behind = !large_ids_.empty() && large_ids_.contains(id);
  if (!behind && wire::pack_into(open_, id, message)) return;
  auto outgoing = std::make_shared<const wire::Outgoing>(wire::pack(id, message));
  large_bytes_ += outgoing->size();
  large_bodies_ += outgoing->body.size();
  ++large_ids_[id];
  large_.push_back(std::move(outgoing));
}

void SendQueue::refill() {
  ready_.clear();
  if (flight_.capacity() > kept_buffer_bytes) flight_ = {};
  flight_.clear();
  std::swap(open_, flight_);
  if (!flight_.empty()) ready_.emplace_back(flight_);
  if (!large_.empty()) {
    if (!cutter_) cutter_.emplace(large_.front());
    cutter_->next(ready_);
  }
  ready_bytes_ = 0;
  for (const auto& part : ready_) ready_bytes_ += part.size();
  large_bytes_ -= std::min(large_bytes_, ready_bytes_ - flight_.size());
}

const std::vector<ByteSpan>& SendQueue::gather() {
  if (ready_bytes_ == 0) refill();
  return ready_;
}

void SendQueue::wrote(std::size_t bytes) {
  ready_bytes_ -= bytes;
  auto part = ready_.begin();
  while (part != ready_.end() && bytes >= part->size()) bytes -= (part++)->size();
  ready_.erase(ready_.begin(), part);
  if (bytes > 0) ready_.front() = ready_.front().subspan(bytes);
  if (ready_bytes_ == 0 && cutter_ && cutter_->done()) drop_large();
}

void SendQueue::drop_large() {
  const auto entry = large_ids_.find(large_.front()->id);
  if (--entry->second == 0) large_ids_.erase(entry);
  large_bodies_ -= large_.front()->body.size();
  large_.pop_front();
  cutter_.reset();
  if (large_.empty()) large_bytes_ = 0;  // headers of fragments were counted out, but not in
}

}  // namespace parvis::net
