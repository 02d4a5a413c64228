#include "tuplespace/server/turns.hpp"

#include <fmt/format.h>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <utility>

namespace parvis::server {
namespace {

constexpr unsigned few_commits = 256;  // while nobody was answered without the disk: so nobody needs the loop meanwhile
constexpr space::Time full_rest = std::chrono::seconds(1);           // after a batch for which the disk had no room
constexpr space::Time room_period = std::chrono::milliseconds(250);  // how often, at most, the disk's room is looked at

space::Time monotonic() {
  return std::chrono::duration_cast<space::Time>(std::chrono::steady_clock::now().time_since_epoch());
}
space::Time wall() {
  return std::chrono::duration_cast<space::Time>(std::chrono::system_clock::now().time_since_epoch());
}

}  // namespace

// The engine's records on their way past, with a word now and then: a large space takes seconds.
class Progress final : public storage::Visitor {
 public:
  Progress(space::Engine& engine, Turns::Owner& owner) : engine_(engine), owner_(owner), told_(monotonic()) {}
  void record(storage::RecordId id, Blob bytes) override {
    engine_.record(id, std::move(bytes));
    if (++records_ % looked_at != 0 || monotonic() - told_ < period) return;
    told_ = monotonic();
    owner_.recovering(records_);
  }

 private:
  static constexpr std::uint64_t looked_at = 4096;
  static constexpr space::Time period = std::chrono::milliseconds(500);

  space::Engine& engine_;
  Turns::Owner& owner_;
  space::Time told_;
  std::uint64_t records_ = 0;
};

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
  Progress progress(*engine_, owner_);
  store_.recover(progress);
  engine_->recovered(monotonic());
  ++generation_;
  room_looked_at_ = space::Time(-1);
  timer_at_.reset();
}

void Turns::schedule() {
  if (scheduled_) return;
  scheduled_ = true;
  // Twice: what the same connection has sent meanwhile is read between the two, and shares the commit.
  boost::asio::post(io_, [this] { boost::asio::post(io_, [this] { run(); }); });
}

bool Turns::settled() const { return !scheduled_ && gate_.settled(); }

// What is to be written waits for what else has arrived, and shares its commit.
void Turns::handled() {
  if (scheduled_ || engine_->will_write()) return schedule();
  turn();
  if (gate_.waiting()) schedule();  // something was due
  else commit();                    // an answer may wait for what was written without haste
}

void Turns::run() {
  scheduled_ = false;
  turn();
  commit();
}

void Turns::turn() {
  engine_->advance(now());
  watch_room();
  commits_alone_ = gate_.take(take_turn()) ? 0 : commits_alone_;
  release();
  watch_backlog();
  set_timer();
}

space::Turn Turns::take_turn() {
  space::Turn turn = engine_->take_turn();
  for (auto& [id, records] : turn.ahead)
    store_.write_ahead(std::move(records), then([id = id](Turns& turns, const storage::Result& result) {
                         turns.written_ahead(id, result);
                       }));
  return turn;
}

void Turns::written_ahead(std::uint64_t id, const storage::Result& result) {
  std::optional<Failed> failed;
  const bool full = result.outcome == storage::Outcome::full;
  if (result.outcome != storage::Outcome::ok)
    failed = {full ? ErrorCode::storage_full : ErrorCode::storage_error, result.text};
  engine_->written_ahead(id, std::move(failed), now());
  schedule();
}

void Turns::forget_replies(SessionId session) {
  gate_.take(take_turn());
  gate_.forget(session);
}

void Turns::release() {
  while (auto free = gate_.release()) {
    for (const auto session : free->opened) owner_.session_opened(session);
    for (auto& reply : free->replies) owner_.reply(std::move(reply));
    for (const auto session : free->ended) owner_.session_ended(session);
  }
}

void Turns::commit() {
  if (now() < rest_until_) return;  // the timer goes on with it
  auto commit = gate_.next();
  if (!commit) return;
  const auto sync = commit->sync;
  if (sync == storage::Sync::now && (owner_.alone() || ++commits_alone_ > few_commits)) {
    if (const auto result = store_.commit_here(*commit)) return durable(*result);
  }
  const bool tell = commit->tell_written;
  store_.commit(std::move(*commit), then(&Turns::durable), sync, tell ? then(&Turns::written) : storage::Done());
}

// What a thread of the store calls; the step follows on the loop, unless the engine is another one by then.
storage::Done Turns::then(std::function<void(Turns&, const storage::Result&)> step) {
  return
      [mailbox = mailbox_, &io = io_, step = std::move(step), generation = generation_](const storage::Result& result) {
        const std::lock_guard lock(mailbox->mutex);
        if (!mailbox->turns) return;
        boost::asio::post(io, [mailbox, step, generation, result] {
          Turns* turns = mailbox->turns;
          if (turns && turns->generation_ == generation) step(*turns, result);
        });
      };
}

void Turns::written(const storage::Result& result) {
  if (result.outcome != storage::Outcome::ok) return;  // durable() hears of it as well
  gate_.written();
  release();
  commit();
}

void Turns::durable(const storage::Result& result) {
  if (result.outcome != storage::Outcome::ok) return restart(result);
  gate_.durable();
  release();
  commit();
  watch_backlog();
}

void Turns::restart(const storage::Result& result) {
  const bool full = result.outcome == storage::Outcome::full;
  gate_.take(engine_->take_turn());
  release();
  for (auto& reply : gate_.fail(full ? ErrorCode::storage_full : ErrorCode::storage_error, result.text))
    owner_.reply(std::move(reply));
  if (full) {
    rest_until_ = now() + full_rest;
  } else {
    broken_ = result.text.empty() ? "the disk failed" : result.text;
    gate_.stop_writing();
  }
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
  const std::size_t bytes = gate_.bytes();
  const bool behind = bytes > (behind_ ? limits_.commit_queue_bytes / 2 : limits_.commit_queue_bytes);
  if (behind == behind_) return;
  behind_ = behind;
  owner_.behind(behind);
}

void Turns::set_timer() {
  auto next = engine_->next_deadline();
  if (now() < rest_until_) next = std::min(next.value_or(rest_until_), rest_until_);
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
