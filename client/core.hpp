// What the faces of <parvis/client.hpp> share: the options of a call, its templates, and how operations are built and
// asked. Everything that throws throws parvis::Error.
#pragma once

#include <chrono>
#include <functional>

#include "client/fields.hpp"
#include "client/own_writes.hpp"
#include "client/session.hpp"

namespace parvis {

using client::Interrupted;
using client::OnSignal;
using Duration = std::chrono::microseconds;

struct OutOptions {
  std::optional<Duration> lease;               // the tuple disappears after this time
  bool owned = false;                          // and with the session that put it
  int priority = 0;                            // higher is handed out first
  Duration delay{0};                           // hidden until then
  std::optional<Value> group;                  // the key of an exclusive group: its tuples are handed out one at a time
  std::optional<Duration> room = Duration(0);  // over a quota: how long to wait for room; nullopt: for ever
};

// Any of several templates, where a template goes: space.in(AnyOf{{template_of("a", of<int>), template_of("b")}}).
struct AnyOf {
  std::vector<Template> templates;
};
template <class... F>
Template template_of(const F&... fields) {
  Encoding encoding;
  detail::encode_template<>(encoding, fields...);
  return decode_template(encoding.flatten());
}

namespace detail {

std::int64_t span_us(std::optional<Duration> time);  // -1: for ever

template <class... F>
inline constexpr bool is_any_of = sizeof...(F) == 1 && (std::same_as<Plain<F>, AnyOf> && ...);

// The encoded templates of a call; payloads() lends them.
struct Patterns {
  Encoding one;
  std::vector<Blob> several;
  void add(const AnyOf& any);
  [[nodiscard]] std::vector<Payload> payloads() const;
  [[nodiscard]] std::vector<Payload> owned() const;
};
template <class... T, class... F>
Patterns patterns_of(const F&... fields) {
  Patterns patterns;
  if constexpr (is_any_of<F...>) {
    static_assert(sizeof...(T) == 0, "AnyOf answers with whole tuples");
    (patterns.add(fields), ...);
  } else {
    encode_template<T...>(patterns.one, fields...);
  }
  return patterns;
}

struct GetOptions {
  bool take = true;
  bool wait = true;
  std::optional<Duration> timeout = std::nullopt;
  std::uint32_t max = 1;
  Duration settle{0};
};

// An open transaction, shared by what belongs to it.
struct Inside {
  TransactionId id = 0;  // 0: ended
  client::OwnWrites own;
  [[nodiscard]] TransactionId open() const;  // Error{conflict} when it has ended
};

struct Core {
  std::shared_ptr<client::Session> session;
  std::string space;
  OnSignal on_signal;
  std::shared_ptr<Inside> inside;  // of a transaction

  // `use` gets each tuple; when it throws, what was taken goes back. Returns how many there were.
  using Use = std::function<void(Tuple&&)>;
  std::size_t get(const Patterns& patterns, const GetOptions& options, const Use& use) const;
  [[nodiscard]] client::Pending start_get(const Patterns& patterns, const GetOptions& options) const;
  TupleId out(std::vector<Payload> tuples, const OutOptions& options) const;
  void keep(Payload tuple, const OutOptions& options) const;  // of a transaction: put by its commit
  [[nodiscard]] client::Pending start_out(const Encoding& tuple, const OutOptions& options) const;
  [[nodiscard]] std::uint64_t count(const Patterns& patterns) const;
  [[nodiscard]] Answer call(const Operation& operation) const;
  [[nodiscard]] std::uint64_t number(const Operation& operation) const;  // of an operation answered by Done
  [[nodiscard]] Core named(std::string name) const;
};
std::vector<Tuple> tuples_of(const std::vector<Item>& items);
std::vector<Tuple> tuples_of(const Answer& answer);

template <class... T>
using Result = std::conditional_t<sizeof...(T) == 0, Tuple, std::tuple<T...>>;

template <class... T, class... F>
Result<T...> result_of(Tuple&& tuple, const F&... fields) {
  if constexpr (sizeof...(T) == 0) return std::move(tuple);
  else return formals_of<T...>(tuple, fields...);
}

// One tuple, or nothing.
template <class... T, class... F>
std::optional<Result<T...>> get_one(const Core& core, const GetOptions& options, const F&... fields) {
  const auto patterns = patterns_of<T...>(fields...);
  std::optional<Result<T...>> result;
  core.get(patterns, options, [&](Tuple&& tuple) { result = result_of<T...>(std::move(tuple), fields...); });
  return result;
}

template <class... F>
std::vector<Tuple> get_many(const Core& core, GetOptions options, std::size_t max, const F&... fields) {
  const auto patterns = patterns_of<>(fields...);
  options.max = static_cast<std::uint32_t>(std::min<std::size_t>(max, UINT32_MAX));
  std::vector<Tuple> result;
  core.get(patterns, options, [&](Tuple&& tuple) { result.push_back(std::move(tuple)); });
  return result;
}

// The gets of a Space and of a Transaction.
class Gets {
 public:
  explicit Gets(Core core) : core_(std::move(core)) {}

  template <class... T, class... F>
  Result<T...> in(const F&... fields) const {
    return *get_one<T...>(core_, {true, true}, fields...);
  }
  template <class... T, class... F>
  Result<T...> rd(const F&... fields) const {
    return *get_one<T...>(core_, {false, true}, fields...);
  }
  template <class... T, class... F>
  std::optional<Result<T...>> inp(const F&... fields) const {
    return get_one<T...>(core_, {true, false}, fields...);
  }
  template <class... T, class... F>
  std::optional<Result<T...>> rdp(const F&... fields) const {
    return get_one<T...>(core_, {false, false}, fields...);
  }
  template <class... T, class... F>
  Result<T...> in_for(Duration timeout, const F&... fields) const {
    return *get_one<T...>(core_, {true, true, timeout}, fields...);
  }
  template <class... T, class... F>
  Result<T...> rd_for(Duration timeout, const F&... fields) const {
    return *get_one<T...>(core_, {false, true, timeout}, fields...);
  }
  // As inp and rdp, but while all that matches is held by others' transactions they wait, so long, for that to end.
  template <class... T, class... F>
  std::optional<Result<T...>> inp_settled(Duration settle, const F&... fields) const {
    return get_one<T...>(core_, {true, false, {}, 1, settle}, fields...);
  }
  template <class... T, class... F>
  std::optional<Result<T...>> rdp_settled(Duration settle, const F&... fields) const {
    return get_one<T...>(core_, {false, false, {}, 1, settle}, fields...);
  }
  // Up to `max` tuples; waits for the first, at most `timeout` (then none).
  template <class... F>
  std::vector<Tuple> take_many(std::size_t max, std::optional<Duration> timeout, const F&... fields) const {
    return get_many(core_, {true, true, timeout}, max, fields...);
  }
  template <class... F>
  std::vector<Tuple> read_many(std::size_t max, std::optional<Duration> timeout, const F&... fields) const {
    return get_many(core_, {false, true, timeout}, max, fields...);
  }
  template <class... F>
  [[nodiscard]] std::uint64_t count(const F&... fields) const {
    return core_.count(patterns_of<>(fields...));
  }
  [[nodiscard]] const std::string& name() const { return core_.space; }

 protected:
  Core core_;
};

}  // namespace detail

// An answer on its way.
template <class T>
class Future {
 public:
  Future(client::Pending pending, std::function<T(const Answer&)> read, OnSignal on_signal)
      : pending_(std::move(pending)), read_(std::move(read)), on_signal_(std::move(on_signal)) {}

  [[nodiscard]] bool ready() const { return pending_.ready(); }
  T get() { return *get_for({}); }
  // Nothing when the time is over; the operation goes on.
  std::optional<T> get_for(std::optional<Duration> patience) {
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

}  // namespace parvis
