// What a session remembers so that every operation takes effect once and nothing handed over is lost: which operations
// are unanswered, what to send again after a reconnect, what to refuse and what to confirm. Pure: no socket, clock or
// thread; time is an argument. The session calls it under its mutex.
//
// A number is open from add() until it is settled. Confirm.upto is the last number below every open one, so it never
// covers an operation that was refused or is still in the caller's hands.
//
// A Refuse or Confirm has no answer. It counts as kept by the server once a writing operation sent settle_time later
// has been answered: that answer waited for a batch at or behind the one that holds it. Until then it is repeated at
// resume.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "client/request.hpp"

namespace parvis::client {

class Ledger {
 public:
  static constexpr std::chrono::milliseconds settle_time{1'000};
  static constexpr std::chrono::milliseconds confirm_within{40};
  static constexpr std::size_t confirm_after =
      64;  // answers without tuples that may gather before a confirmation rides along

  // Numbers the request and opens it, not yet sent.
  void add(std::shared_ptr<Request> request, Effect effect, std::optional<Time> deadline, Time now);
  void sent(Sequence sequence, Time now);

  // The answer is there: the request it belongs to, or null when nobody waits for it any more.
  std::shared_ptr<Request> answered(Sequence sequence, Time now);
  [[nodiscard]] Request* find(Sequence sequence);  // unanswered only
  void waiting(Sequence sequence, const Waiting& ticket, Time now);
  // A held answer is in its caller's hands and may be confirmed. False: too late, its session has ended meanwhile.
  bool release(Sequence sequence, Time now);

  // The caller waits no more; afterwards the request is not touched again. True: a Refuse is to be sent. What can't be
  // undone (an out) goes on: its answer will be dropped and confirmed.
  bool refuse(Sequence sequence, Time now);

  // As refuse, for a caller that waits on: the request, to be completed here.
  std::shared_ptr<Request> withdraw(Sequence sequence, Time now);

  // The confirmation to send now, if there is one worth sending: with the next operation, or when it is due.
  [[nodiscard]] bool confirm_rides() const { return takes_unconfirmed_ || unconfirmed_.size() >= confirm_after; }
  [[nodiscard]] std::optional<Time> confirm_due() const;
  std::optional<Confirm> take_confirm(Time now);

  // After a reconnect. Same session: refusals, then the confirmation, then the operations, in this order.
  struct Resumption {
    std::vector<Refuse> refuse;
    std::optional<Confirm> confirm;
    std::vector<Sequence> resend;
  };
  Resumption resumed(Time now);
  // The old session is gone. What the server remembers of it (Welcome) tells changes that took effect from those that
  // did not; the outcome of `lost` is unknown; everything else is in `resend`.
  struct Renewal {
    std::vector<std::shared_ptr<Request>> applied;
    std::vector<std::shared_ptr<Request>> lost;
    std::vector<Sequence> resend;
  };
  Renewal renewed(const wire::Welcome& welcome);

  // What to send for an open request, with the time it has left and its place in the queue.
  [[nodiscard]] std::optional<Operation> again(Sequence sequence, Time now) const;

  struct Failure {
    std::shared_ptr<Request> request;
    bool outcome_unknown;
  };
  // While disconnected: requests whose time has run out, already refused.
  std::vector<Failure> expired(Time now);
  [[nodiscard]] std::optional<Time> deadline(Sequence sequence) const;
  // Gives up on the unanswered requests made before `made_before`; each is refused, in case the session lives on.
  std::vector<Failure> fail_all(Time now, Time made_before = Time::max());

  [[nodiscard]] std::size_t unanswered() const { return unanswered_; }
  [[nodiscard]] bool anything_to_confirm() const { return !unconfirmed_.empty(); }
  // When the newest frame that has been answered was sent: the start of the lease the server must have granted us.
  [[nodiscard]] Time heard() const { return heard_; }
  void heard(Time sent_at) { heard_ = std::max(heard_, sent_at); }

 private:
  enum class Stage : std::uint8_t { unsent, sent, held, refused, settled };
  struct Entry {
    Sequence sequence = 0;
    Effect effect{};
    Stage stage = Stage::unsent;
    Time made{};
    Time at{};  // sent, or refused
    std::optional<Time> deadline;
    Waiting ticket;
    std::shared_ptr<Request> request;
  };
  struct SentConfirm {
    Time at;
    std::vector<Sequence> also;
  };

  Entry* entry(Sequence sequence);
  [[nodiscard]] const Entry* entry(Sequence sequence) const;
  [[nodiscard]] static bool open(const Entry& e) { return e.stage == Stage::unsent || e.stage == Stage::sent; }
  static bool resendable(const Entry& e, const wire::Welcome& welcome);
  Failure give_up(const Entry& e, Time now);
  void finish(Entry& e, Time now);
  void settle(Entry& e);
  void settle_kept(Time answered_sent_at);
  void tidy();
  [[nodiscard]] Sequence upto() const;

  // Ascending numbers; settled ones linger until tidy() so that nothing is allocated or moved per operation.
  std::vector<Entry> entries_;
  std::size_t head_ = 0;     // first that is not settled
  std::size_t settled_ = 0;  // settled ones behind head_
  std::size_t unanswered_ = 0, refused_ = 0;
  Sequence last_ = 0;

  std::vector<Sequence> unconfirmed_;
  Time unconfirmed_since_{};
  bool takes_unconfirmed_ = false;
  std::deque<SentConfirm> sent_confirms_;
  Time heard_{};
};

}  // namespace parvis::client
