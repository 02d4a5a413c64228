#include "tuplespace/server/turns.hpp"

#include <boost/asio/post.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <utility>

namespace parvis::server {
namespace {

constexpr space::Time room_period = std::chrono::milliseconds(250);  // how often, at most, the disk's room is looked at

std::size_t size_of(const storage::Batch& batch) {
  std::size_t bytes = 0;
  for (const auto& change : batch) bytes += sizeof change + (change.record ? change.record->size() : 0);
  return bytes;
}

space::Time monotonic() {
  return std::chrono::duration_cast<space::Time>(std::chrono::steady_clock::now().time_since_epoch());
}
space::Time wall() {
  return std::chrono::duration_cast<space::Time>(std::chrono::system_clock::now().time_since_epoch());
}

}  // namespace

// Outlives the loop's side: a commit may end after the server has. `turns` is null then.
struct Turns::Mailbox {
  std::mutex mutex;
  Turns* turns;
};

Turns::Turns(boost::asio::io_context& io, storage::Store& store, const Limits& limits, Durability durability,
             Owner& owner)
    : io_(io),
      store_(store),
      limits_(limits),
      durability_(durability),
      owner_(owner),
      timer_(io),
      mailbox_(std::make_shared<Mailbox>()) {
  mailbox_->turns = this;
  recover();
  schedule();
}

Turns::~Turns() {
  const std::lock_guard lock(mailbox_->mutex);
  mailbox_->turns = nullptr;
}

space::Time Turns::now() const { return monotonic(); }

void Turns::recover() {
  engine_ = std::make_unique<space::Engine>(limits_, durability_, wall() - monotonic());
  store_.recover(*engine_);
  engine_->recovered(monotonic());
  waiting_.clear();
  waiting_bytes_ = 0;
  waiting_number_ = under_way_ = durable_ = 0;  // a new engine counts its batches from 1
  under_way_bytes_ = 0;
  held_.clear();
  room_looked_at_ = space::Time(-1);
  timer_at_.reset();
}

void Turns::schedule() {
  if (scheduled_) return;
  scheduled_ = true;
  boost::asio::post(io_, [this] { run(); });
}

bool Turns::settled() const { return !scheduled_ && under_way_ == 0 && waiting_.empty(); }

// What is to be written waits for what else has arrived, and shares its commit.
void Turns::handled() {
  if (scheduled_ || engine_->will_write()) return schedule();
  turn();
  if (!waiting_.empty()) schedule();  // something was due
}

void Turns::run() {
  scheduled_ = false;
  turn();
  commit();
  watch_backlog();
}

void Turns::turn() {
  engine_->advance(now());
  watch_room();
  take(engine_->take_turn());
  release();
  set_timer();
}

void Turns::take(space::Turn&& turn) {
  if (!turn.batch.empty()) {
    waiting_bytes_ += size_of(turn.batch);
    waiting_number_ = turn.number;
    if (waiting_.empty()) waiting_ = std::move(turn.batch);
    else std::move(turn.batch.begin(), turn.batch.end(), std::back_inserter(waiting_));
  }
  for (auto& reply : turn.replies) {
    if (held_.empty() && reply.after <= durable_) owner_.reply(std::move(reply));  // nothing is to be waited for
    else held_[reply.after].replies.push_back(std::move(reply));
  }
  // A goodbye is complete when it is durable: the connection's end says so.
  for (const auto session : turn.ended) held_[std::max(waiting_number_, under_way_)].ended.push_back(session);
}

void Turns::release() {
  while (!held_.empty() && (held_.begin()->first <= durable_ || !broken_.empty())) {
    Held now_free = std::move(held_.begin()->second);
    held_.erase(held_.begin());
    for (auto& reply : now_free.replies) owner_.reply(std::move(reply));
    for (const auto session : now_free.ended) owner_.session_ended(session);
  }
}

void Turns::commit() {
  if (!broken_.empty()) {
    waiting_.clear();  // the disk has failed: what happens is for the readers of this process alone
    waiting_bytes_ = 0;
    return;
  }
  if (under_way_ != 0 || waiting_.empty()) return;
  under_way_ = std::exchange(waiting_number_, 0);
  under_way_bytes_ = std::exchange(waiting_bytes_, 0);
  auto& io = io_;
  store_.commit(std::exchange(waiting_, {}), [mailbox = mailbox_, &io](const storage::Result& result) {
    const std::lock_guard lock(mailbox->mutex);
    if (!mailbox->turns) return;
    boost::asio::post(io, [mailbox, result] {
      if (mailbox->turns) mailbox->turns->committed(result);
    });
  });
}

void Turns::committed(const storage::Result& result) {
  if (under_way_ == 0) return;  // of before a restart
  if (result.outcome != storage::Outcome::ok) return restart(result);
  durable_ = std::exchange(under_way_, 0);
  under_way_bytes_ = 0;
  release();
  commit();
  watch_backlog();
}

void Turns::restart(const storage::Result& result) {
  const bool full = result.outcome == storage::Outcome::full;
  const ErrorCode code = full ? ErrorCode::storage_full : ErrorCode::storage_error;
  take(engine_->take_turn());
  const auto unreleased = std::exchange(held_, {});
  for (const auto& [after, held] : unreleased) {
    for (const auto& reply : held.replies) {
      if (std::holds_alternative<Waiting>(reply.answer)) continue;
      owner_.reply({reply.session, reply.sequence, Answer(Failed{code, result.text}), 0, false});
    }
  }
  if (!full) broken_ = result.text.empty() ? "the disk failed" : result.text;
  recover();
  owner_.restarted(result.text);
  schedule();
}

void Turns::watch_room() {
  const auto at = now();
  if (room_looked_at_ >= space::Time(0) && at - room_looked_at_ < room_period) return;
  room_looked_at_ = at;
  const storage::Usage usage = store_.usage();
  engine_->refuse_puts(usage.nearly_full ? fmt::format("the disk is nearly full: {} bytes are left; takes still work",
                                                       usage.bytes_available)
                                         : std::string());
}

void Turns::watch_backlog() {
  const std::size_t bytes = waiting_bytes_ + under_way_bytes_;
  const bool behind = bytes > (behind_ ? limits_.commit_queue_bytes / 2 : limits_.commit_queue_bytes);
  if (behind == behind_) return;
  behind_ = behind;
  owner_.behind(behind);
}

void Turns::set_timer() {
  const auto next = engine_->next_deadline();
  if (next == timer_at_) return;
  timer_at_ = next;
  timer_.cancel();
  if (!next) return;
  // Times of the engine are those of the steady clock, but a deadline may lie beyond what the timer can tell.
  timer_.expires_after(std::min(*next - now(), space::Time(std::chrono::hours(24))));
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    timer_at_.reset();
    schedule();
  });
}

}  // namespace parvis::server
