// The public C++ interface: a Space is a named tuple space on a server. <parvis/client.hpp> is all a program includes.
//
//   Space space = connect();                             // the local server; or connect("unix:///…"), "tcp://…"
//   space.out("task", 1, std::vector<double>{0.5, 2});   // returns when the space's promise of durability holds
//   auto [id, v] = space.in<int, std::vector<double>>("task", formal, formal);   // blocks; the formals come back
//   Tuple t = space.rd("task", any, rest);               // untyped: the whole tuple
//
// in takes the oldest match (of the highest priority) out of the space, rd reads it; inp and rdp do not wait, and give
// nothing when there is no match. All throw parvis::Error; in_for and rd_for throw Error{timeout}. A tuple whose fields
// can't be read as the types asked for goes back to its place.
//
// Threads: any thread may use a Space, and copies of it; they share one session, which ends with the last copy.
#pragma once

#include <chrono>
#include <functional>

#include "client/fields.hpp"
#include "client/session.hpp"

namespace parvis {

using client::Interrupted;
using client::OnSignal;

struct ConnectOptions {
  std::string space = "default";
  std::string token;         // hex; empty: found by itself where the server is local
  std::string name;          // shown in the server's listings
  bool start_server = true;  // start the local server when there is none (only without an address)
  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::milliseconds reconnect_for{30'000};
};

struct OutOptions {
  std::optional<std::chrono::microseconds> lease;  // the tuple disappears after this time
  bool owned = false;                              // and with the session that put it
  int priority = 0;                                // higher is handed out first
  std::chrono::microseconds delay{0};              // hidden until then
};

class Transaction;
template <class T>
class Future;

namespace detail {

struct GetOptions {
  bool take = true;
  bool wait = true;
  std::optional<std::chrono::microseconds> timeout;
  std::uint32_t max = 1;
  TransactionId transaction = 0;
};

// What a Space and its Transactions share.
struct Core {
  std::shared_ptr<client::Session> session;
  std::string space;
  OnSignal on_signal;

  // `use` gets each tuple; when it throws, what was taken goes back. Returns how many there were.
  std::size_t get(const Encoding& pattern, const GetOptions& options, const std::function<void(Tuple&&)>& use) const;
  [[nodiscard]] client::Pending start_get(const Encoding& pattern, const GetOptions& options) const;
  TupleId out(std::vector<Payload> tuples, const OutOptions& options) const;
  [[nodiscard]] client::Pending start_out(const Encoding& tuple, const OutOptions& options) const;
  Answer call(const Operation& operation) const;
};
std::vector<Tuple> tuples_of(const Answer& answer);

template <class... T>
using Result = std::conditional_t<sizeof...(T) == 0, Tuple, std::tuple<T...>>;

template <class... T, class... F>
Result<T...> result_of(Tuple&& tuple, const F&... fields) {
  if constexpr (sizeof...(T) == 0)
    return std::move(tuple);
  else
    return formals_of<T...>(tuple, fields...);
}

// One tuple, or nothing.
template <class... T, class... F>
std::optional<Result<T...>> get_one(const Core& core, const GetOptions& options, const F&... fields) {
  Encoding pattern;
  encode_template<T...>(pattern, fields...);
  std::optional<Result<T...>> result;
  core.get(pattern, options, [&](Tuple&& tuple) { result = result_of<T...>(std::move(tuple), fields...); });
  return result;
}

template <class... F>
std::vector<Tuple> get_many(const Core& core, GetOptions options, std::size_t max, const F&... fields) {
  Encoding pattern;
  encode_template<>(pattern, fields...);
  options.max = static_cast<std::uint32_t>(std::min<std::size_t>(max, UINT32_MAX));
  std::vector<Tuple> result;
  core.get(pattern, options, [&](Tuple&& tuple) { result.push_back(std::move(tuple)); });
  return result;
}

}  // namespace detail

class Space {
 public:
  Space(std::shared_ptr<client::Session> session, std::string name) : core_{std::move(session), std::move(name), {}} {}

  template <class... F>
  TupleId out(const F&... fields) const {
    return out_with({}, fields...);
  }
  template <class... F>
  TupleId out_with(const OutOptions& options, const F&... fields) const {
    Encoding tuple;
    detail::encode_tuple(tuple, fields...);
    return core_.out({Payload(&tuple)}, options);
  }
  // All or none, in order. Returns the id of the first.
  TupleId out_many(const std::vector<Tuple>& tuples, const OutOptions& options = {}) const;

  template <class... T, class... F>
  detail::Result<T...> in(const F&... fields) const {
    return *detail::get_one<T...>(core_, {true, true, {}, 1, 0}, fields...);
  }
  template <class... T, class... F>
  detail::Result<T...> rd(const F&... fields) const {
    return *detail::get_one<T...>(core_, {false, true, {}, 1, 0}, fields...);
  }
  template <class... T, class... F>
  std::optional<detail::Result<T...>> inp(const F&... fields) const {
    return detail::get_one<T...>(core_, {true, false, {}, 1, 0}, fields...);
  }
  template <class... T, class... F>
  std::optional<detail::Result<T...>> rdp(const F&... fields) const {
    return detail::get_one<T...>(core_, {false, false, {}, 1, 0}, fields...);
  }
  template <class... T, class... F>
  detail::Result<T...> in_for(std::chrono::microseconds timeout, const F&... fields) const {
    return *detail::get_one<T...>(core_, {true, true, timeout, 1, 0}, fields...);
  }
  template <class... T, class... F>
  detail::Result<T...> rd_for(std::chrono::microseconds timeout, const F&... fields) const {
    return *detail::get_one<T...>(core_, {false, true, timeout, 1, 0}, fields...);
  }

  // Up to `max` tuples; waits for the first, at most `timeout` (then none).
  template <class... F>
  std::vector<Tuple> take_many(std::size_t max, std::optional<std::chrono::microseconds> timeout,
                               const F&... fields) const {
    return detail::get_many(core_, {true, true, timeout, 1, 0}, max, fields...);
  }
  template <class... F>
  std::vector<Tuple> read_many(std::size_t max, std::optional<std::chrono::microseconds> timeout,
                               const F&... fields) const {
    return detail::get_many(core_, {false, true, timeout, 1, 0}, max, fields...);
  }
  template <class... F>
  std::uint64_t count(const F&... fields) const {
    Encoding pattern;
    detail::encode_template<>(pattern, fields...);
    return std::get<Done>(core_.call(Count{core_.space, {Payload(&pattern)}})).number;
  }

  // Futures: started at once, awaited by get(). Dropping one gives back what it holds or would get.
  template <class... T, class... F>
  Future<detail::Result<T...>> async_in(const F&... fields) const {
    return async_get<T...>(true, fields...);
  }
  template <class... T, class... F>
  Future<detail::Result<T...>> async_rd(const F&... fields) const {
    return async_get<T...>(false, fields...);
  }
  template <class... F>
  Future<TupleId> async_out(const F&... fields) const;

  // Takes inside are invisible to others, and come back on abort, when the lease ends or with the session.
  [[nodiscard]] Transaction transaction(std::optional<std::chrono::microseconds> lease = {}) const;

  [[nodiscard]] Space named(std::string name) const;  // another space of the same server
  [[nodiscard]] const std::string& name() const { return core_.space; }
  [[nodiscard]] std::vector<SpaceInfo> spaces() const;
  void make(Durability durability) const;  // makes this space with a durability of its own
  void drop() const;                       // the space and all its tuples

  // Asked when a signal interrupts a blocking call: true ends the call with Interrupted, and nothing is lost.
  void on_signal(OnSignal handler) { core_.on_signal = std::move(handler); }
  [[nodiscard]] const std::shared_ptr<client::Session>& session() const { return core_.session; }
  void close() const { core_.session->close(); }

 private:
  template <class... T, class... F>
  Future<detail::Result<T...>> async_get(bool take, const F&... fields) const;

  detail::Core core_;
};

// No address: $PARVIS_ADDRESS, else the local server, started when there is none.
Space connect(const std::string& address = {}, const ConnectOptions& options = {});

// An answer on its way.
template <class T>
class Future {
 public:
  Future(client::Pending pending, std::function<T(const Answer&)> read, OnSignal on_signal)
      : pending_(std::move(pending)), read_(std::move(read)), on_signal_(std::move(on_signal)) {}

  [[nodiscard]] bool ready() const { return pending_.ready(); }
  T get() { return *get_for({}); }
  // Nothing when the time is over; the operation goes on.
  std::optional<T> get_for(std::optional<std::chrono::microseconds> patience) {
    const auto answer = pending_.wait({on_signal_, false}, patience);
    if (!answer) return std::nullopt;
    T result = read_(*answer);  // when it throws, dropping the future gives the tuple back
    if (std::holds_alternative<Found>(*answer)) pending_.confirm();
    return result;
  }
  void cancel() { pending_.cancel(); }  // a blocked in or rd ends now

 private:
  client::Pending pending_;
  std::function<T(const Answer&)> read_;
  OnSignal on_signal_;
};

// Takes are claimed, outs are kept here; commit makes all of it true at once. Not committed when it goes out of scope:
// all is as before. An operation on a transaction that has ended throws Error{conflict}. One thread at a time.
class Transaction {
 public:
  Transaction(detail::Core core, TransactionId id) : core_(std::move(core)), id_(id) {}
  Transaction(Transaction&& other) noexcept;
  Transaction& operator=(Transaction&& other) noexcept;
  ~Transaction();

  template <class... F>
  void out(const F&... fields) {
    Encoding tuple;
    detail::encode_tuple(tuple, fields...);
    keep(tuple.flatten());
  }
  template <class... T, class... F>
  detail::Result<T...> in(const F&... fields) const {
    return *detail::get_one<T...>(core_, {true, true, {}, 1, id_}, fields...);
  }
  template <class... T, class... F>
  detail::Result<T...> in_for(std::chrono::microseconds timeout, const F&... fields) const {
    return *detail::get_one<T...>(core_, {true, true, timeout, 1, id_}, fields...);
  }
  template <class... T, class... F>
  std::optional<detail::Result<T...>> inp(const F&... fields) const {
    return detail::get_one<T...>(core_, {true, false, {}, 1, id_}, fields...);
  }
  template <class... T, class... F>
  detail::Result<T...> rd(const F&... fields) const {
    return *detail::get_one<T...>(core_, {false, true, {}, 1, id_}, fields...);
  }
  template <class... T, class... F>
  std::optional<detail::Result<T...>> rdp(const F&... fields) const {
    return detail::get_one<T...>(core_, {false, false, {}, 1, id_}, fields...);
  }

  void commit();
  void abort();
  void renew(std::chrono::microseconds lease);
  [[nodiscard]] TransactionId id() const { return id_; }

 private:
  void keep(Blob tuple);

  detail::Core core_;
  TransactionId id_ = 0;  // 0: ended
  std::vector<Blob> outs_;
};

template <class... T, class... F>
Future<detail::Result<T...>> Space::async_get(bool take, const F&... fields) const {
  Encoding pattern;
  detail::encode_template<T...>(pattern, fields...);
  auto read = [fields...](const Answer& answer) {
    auto tuples = detail::tuples_of(answer);
    return detail::result_of<T...>(std::move(tuples.at(0)), fields...);
  };
  return {core_.start_get(pattern, {take, true, {}, 1, 0}), std::move(read), core_.on_signal};
}

template <class... F>
Future<TupleId> Space::async_out(const F&... fields) const {
  Encoding tuple;
  detail::encode_tuple(tuple, fields...);
  return {core_.start_out(tuple, {}), [](const Answer& answer) { return std::get<Done>(answer).number; },
          core_.on_signal};
}

}  // namespace parvis
