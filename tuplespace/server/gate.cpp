#include "tuplespace/server/gate.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace parvis::server {
namespace {

constexpr std::size_t mostly_together = 64;  // answers that wait for one batch

std::size_t size_of(const storage::Batch& batch) {
  std::size_t bytes = 0;
  for (const auto& change : batch) bytes += sizeof change + (change.record ? change.record->size() : 0);
  return bytes;
}

std::size_t size_of(const std::vector<Item>& items) {
  std::size_t bytes = items.size() * sizeof(Item);
  for (const auto& item : items) bytes += item.tuple.size();
  return bytes;
}

std::size_t size_of(const space::Reply& reply) {
  const auto* answer = std::get_if<Answer>(&reply.answer);
  if (!answer) return sizeof reply;
  if (const auto* found = std::get_if<Found>(answer)) return sizeof reply + size_of(found->items);
  if (const auto* page = std::get_if<Page>(answer)) return sizeof reply + size_of(page->items);
  if (const auto* events = std::get_if<Events>(answer)) {
    std::size_t bytes = sizeof reply + events->events.size() * sizeof(Event);
    for (const auto& event : events->events) bytes += event.item.tuple.size();
    return bytes;
  }
  return sizeof reply;
}

}  // namespace

bool Gate::take(space::Turn&& turn) {
  bool at_once = false;
  if (!turn.batch.empty()) {
    waiting_bytes_ += size_of(turn.batch);
    waiting_number_ = turn.number;
    if (waiting_.empty()) waiting_ = std::move(turn.batch);
    else std::move(turn.batch.begin(), turn.batch.end(), std::back_inserter(waiting_));
  }
  for (auto& reply : turn.replies) {
    const bool waits = reply.after > durable_ || reply.written > written_;
    at_once = at_once || (!waits && std::holds_alternative<Answer>(reply.answer));
    if (held_.empty() && !waits) {
      ready_.push_back(std::move(reply));
      continue;
    }
    const std::size_t bytes = size_of(reply);
    held_bytes_ += bytes;
    Held& held = held_[reply.after];
    if (held.replies.empty()) held.replies.reserve(std::min(turn.replies.size(), mostly_together));
    held.replies.push_back({std::move(reply), ++listed_, bytes});
  }
  if (turn.ended.empty() && opened_.empty()) return at_once;
  Held& last = held_[newest()];
  for (const auto session : std::exchange(opened_, {})) last.opened.push_back(session);
  // A goodbye is complete when it is durable: the connection's end says so.
  for (const auto session : turn.ended) last.ended.push_back(session);
  return at_once;
}

void Gate::forget(SessionId session) {
  std::erase_if(ready_, [&](const space::Reply& reply) { return reply.session == session; });
  if (!held_.empty() || !until_written_.empty()) forgotten_[session] = listed_;
}

bool Gate::forgotten(const Listed& listed) const {
  const auto found = forgotten_.find(listed.reply.session);
  return found != forgotten_.end() && listed.number <= found->second;
}

void Gate::free(Listed&& listed, Free& into) {
  held_bytes_ -= listed.bytes;
  if (!forgotten(listed)) into.replies.push_back(std::move(listed.reply));
}

std::optional<Gate::Free> Gate::release() {
  if (!ready_.empty()) return Free{std::exchange(ready_, {}), {}, {}};
  Free now;
  if (!held_.empty() && (held_.begin()->first <= durable_ || !writing_)) {
    Held held = std::move(held_.extract(held_.begin()).mapped());
    now = {{}, std::move(held.ended), std::move(held.opened)};
    now.replies.reserve(held.replies.size());
    for (auto& listed : held.replies) {
      const std::uint64_t written = listed.reply.written;
      if (written > written_ && writing_) until_written_[written].push_back(std::move(listed));
      else free(std::move(listed), now);
    }
  } else if (!until_written_.empty() && (until_written_.begin()->first <= written_ || !writing_)) {
    const auto written = until_written_.extract(until_written_.begin());
    for (auto& listed : written.mapped()) free(std::move(listed), now);
  } else {
    return std::nullopt;
  }
  if (held_.empty() && until_written_.empty()) forgotten_.clear();
  return now;
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
  const auto fail_held = [&](const Listed& listed) {
    if (forgotten(listed) || listed.reply.again || std::holds_alternative<Waiting>(listed.reply.answer)) return;
    failed.push_back({listed.reply.session, listed.reply.sequence, Answer(Failed{code, text}), 0, false});
  };
  for (const auto& [after, held] : held_) std::for_each(held.replies.begin(), held.replies.end(), fail_held);
  for (const auto& [written, held] : until_written_) std::for_each(held.begin(), held.end(), fail_held);
  const bool writing = writing_;
  *this = Gate();  // a new engine counts its batches from 1
  writing_ = writing;
  return failed;
}

}  // namespace parvis::server
