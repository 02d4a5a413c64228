#include "tuplespace/server/gate.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace parvis::server {
namespace {

std::size_t size_of(const storage::Batch& batch) {
  std::size_t bytes = 0;
  for (const auto& change : batch) bytes += sizeof change + (change.record ? change.record->size() : 0);
  return bytes;
}

}  // namespace

void Gate::take(space::Turn&& turn) {
  if (!turn.batch.empty()) {
    waiting_bytes_ += size_of(turn.batch);
    waiting_number_ = turn.number;
    if (waiting_.empty()) waiting_ = std::move(turn.batch);
    else std::move(turn.batch.begin(), turn.batch.end(), std::back_inserter(waiting_));
  }
  for (auto& reply : turn.replies) {
    auto& to = held_.empty() && reply.after <= durable_ ? ready_ : held_[reply.after].replies;
    to.push_back(std::move(reply));
  }
  // A goodbye is complete when it is durable: the connection's end says so.
  for (const auto session : turn.ended) held_[std::max(waiting_number_, under_way_)].ended.push_back(session);
}

std::optional<Gate::Free> Gate::release() {
  if (!ready_.empty()) return Free{std::exchange(ready_, {}), {}};
  if (held_.empty() || (held_.begin()->first > durable_ && writing_)) return std::nullopt;
  Free free = std::move(held_.begin()->second);
  held_.erase(held_.begin());
  return free;
}

std::optional<storage::Batch> Gate::next() {
  if (!writing_) {
    waiting_.clear();
    waiting_bytes_ = 0;
    return std::nullopt;
  }
  if (under_way_ != 0 || waiting_.empty()) return std::nullopt;
  under_way_ = std::exchange(waiting_number_, 0);
  under_way_bytes_ = std::exchange(waiting_bytes_, 0);
  return std::exchange(waiting_, {});
}

void Gate::durable() {
  durable_ = std::exchange(under_way_, 0);
  under_way_bytes_ = 0;
}

std::vector<space::Reply> Gate::fail(ErrorCode code, const std::string& text) {
  std::vector<space::Reply> failed;
  for (const auto& [after, held] : held_)
    for (const auto& reply : held.replies)
      if (!std::holds_alternative<Waiting>(reply.answer))
        failed.push_back({reply.session, reply.sequence, Answer(Failed{code, text}), 0, false});
  const bool writing = writing_;
  *this = Gate();  // a new engine counts its batches from 1
  writing_ = writing;
  return failed;
}

}  // namespace parvis::server
