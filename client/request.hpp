// One operation under way: what is needed to send it (again), and where its result goes. It belongs to the caller's
// stack (a blocking call) or to a Pending and the session's ledger (shared). Guarded by the session's mutex, apart from
// `result` after `finished`, which the waiting caller alone reads.
#pragma once

#include <chrono>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <variant>

#include "client/session.hpp"
#include "client/waker.hpp"
#include "tuplespace/wire/message.hpp"

namespace parvis::client {

// Monotonic, and goes on while the machine is suspended: a client that slept must not believe that its session lives.
struct Clock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<Clock>;
  static constexpr bool is_steady = true;
  static time_point now() noexcept;
};
using Time = Clock::time_point;

// What an operation does to the space decides what becomes of it when its session is lost.
enum class Effect : std::uint8_t {
  reads,    // no confirmation; sent again on a new session
  takes,    // what was handed over went back with the session, so it is sent again; its answer is confirmed
  claims,   // begin, abort, renew: as takes, but there is nothing to refuse
  changes,  // outs, commits: whether it took effect can't be learnt; its answer is confirmed
  calls,    // to a kernel: no confirmation; may have run
};
Effect effect_of(const Operation& operation);
// When an operation that waits has waited long enough; nothing when it does not wait, or for ever.
std::optional<Time> deadline_of(const Operation& operation);
// A copy that owns its bytes, of an operation that waits: it may be sent again, with another time and place in the
// queue, after its caller has gone on. Nothing for the others, which are sent again as they are.
std::optional<Operation> self_contained(const Operation& operation);

struct Request {
  using Result = std::variant<std::monostate, Answer, Blob, Error>;

  // What is sent: one of these. A blocking call lends its operation; others own theirs.
  const Operation* lent = nullptr;
  std::optional<Operation> owned;
  std::shared_ptr<wire::Outgoing> packed;

  Sequence sequence = 0;
  bool hold = false;            // its answer may be confirmed only when it has been released
  bool self_confirmed = false;  // by its caller, who calls confirm() or refuse(); else as soon as the caller has it
  bool finished = false;
  bool over = false;       // and its caller has the answer: nothing of it is to be given back
  Waker* waker = nullptr;  // of the thread that waits for it
  Result result;

  std::list<Blob> outputs;  // of a blocking kernel call, until its caller has seen them
  std::function<void(Answer)> on_answer;
  std::function<void(std::variant<Blob, Error>)> on_reply;
  std::function<void(Blob)> on_output;

  [[nodiscard]] bool has_callback() const { return on_answer || on_reply; }
  [[nodiscard]] const Operation* operation() const { return owned ? &*owned : lent; }
};

}  // namespace parvis::client
