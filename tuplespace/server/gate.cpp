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
    const bool free = held_.empty() && reply.after <= durable_ && reply.written <= written_;
    auto& to = free ? ready_ : held_[reply.after].replies;
    to.push_back(std::move(reply));
  }
  // A goodbye is complete when it is durable: the connection's end says so.
  for (const auto session : turn.ended) held_[newest()].ended.push_back(session);
}

std::optional<Gate::Free> Gate::release() {
  if (!ready_.empty()) return Free{std::exchange(ready_, {}), {}};
  if (!held_.empty() && (held_.begin()->first <= durable_ || !writing_)) {
    Free held = std::move(held_.begin()->second);
    held_.erase(held_.begin());
    Free free{{}, std::move(held.ended)};
    for (auto& reply : held.replies) {
      auto& to = reply.written > written_ && writing_ ? until_written_[reply.written] : free;
      to.replies.push_back(std::move(reply));
    }
    return free;
  }
  if (until_written_.empty() || (until_written_.begin()->first > written_ && writing_)) return std::nullopt;
  return std::move(until_written_.extract(until_written_.begin()).mapped());
}

std::optional<Gate::Commit> Gate::next() {
  if (!writing_) {
    waiting_.clear();
    waiting_bytes_ = 0;
    return std::nullopt;
  }
  if (!under_way_.empty() && (under_way_.back().sync == storage::Sync::now || !under_way_.back().written))
    return std::nullopt;
  Commit commit;
  commit.sync = held_.empty() ? storage::Sync::soon : storage::Sync::now;
  // Without anything new: is there somebody who waits for what was handed over without haste?
  if (waiting_.empty() && (commit.sync == storage::Sync::soon || asked_ >= handed_)) return std::nullopt;
  if (!waiting_.empty()) handed_ = std::exchange(waiting_number_, 0);
  if (commit.sync == storage::Sync::now) asked_ = handed_;
  commit.tell_written = commit.sync == storage::Sync::soon || !until_written_.empty();
  const std::size_t bytes = std::exchange(waiting_bytes_, 0);
  under_way_bytes_ += bytes;
  under_way_.push_back({handed_, bytes, commit.sync, false});
  static_cast<storage::Batch&>(commit) = std::exchange(waiting_, {});
  return commit;
}

void Gate::written() {
  const auto first = std::find_if(under_way_.begin(), under_way_.end(), [](const UnderWay& u) { return !u.written; });
  if (first == under_way_.end()) return;
  first->written = true;
  written_ = first->number;
}

void Gate::durable() {
  const UnderWay done = under_way_.front();
  under_way_.pop_front();
  under_way_bytes_ -= done.bytes;
  durable_ = done.number;
  written_ = std::max(written_, durable_);
}

std::vector<space::Reply> Gate::fail(ErrorCode code, const std::string& text) {
  std::vector<space::Reply> failed;
  for (const auto* waiting : {&held_, &until_written_})
    for (const auto& [after, held] : *waiting)
      for (const auto& reply : held.replies)
        if (!std::holds_alternative<Waiting>(reply.answer))
          failed.push_back({reply.session, reply.sequence, Answer(Failed{code, text}), 0, false});
  const bool writing = writing_;
  *this = Gate();  // a new engine counts its batches from 1
  writing_ = writing;
  return failed;
}

}  // namespace parvis::server
