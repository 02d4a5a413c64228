// The public C++ interface: a Space is a named tuple space on a server. <parvis/client.hpp> is all a program includes.
//
//   Space space = connect();                             // the local server; or connect("unix:///…"), "tcp://…"
//   space.out("task", 1, std::vector<double>{0.5, 2});   // returns when the space's promise of durability holds
//   auto [id, v] = space.in<int, std::vector<double>>("task", formal, formal);   // blocks; the formals come back
//   Tuple t = space.rd("task", any, rest);               // untyped: the whole tuple
//
// in takes the oldest match (of the highest priority) out of the space, rd reads it; inp and rdp do not wait, and give
// nothing when there is no match. All throw parvis::Error; in_for and rd_for throw Error{timeout}. A tuple whose fields
// can't be read as the types asked for goes back to its place. AnyOf stands where a template goes.
//
// docs/semantics.md says what each operation promises; core.hpp has the gets, transaction.hpp transactions,
// statement.hpp guarded statements, views.hpp what walks through a space and watches it.
//
// Threads: any thread may use a Space, and copies of it; they share one session, which ends with the last copy.
#pragma once

#include "client/core.hpp"
#include "client/statement.hpp"
#include "client/transaction.hpp"
#include "client/views.hpp"

namespace parvis {

struct ConnectOptions {
  std::string space = "default";
  std::string token;         // hex; empty: found by itself where the server is local
  std::string name;          // shown in the server's listings
  bool start_server = true;  // start the local server when there is none (only without an address)
  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::milliseconds reconnect_for{30'000};
};

// The lease of tuples that were put: of all or none of them.
class Lease {
 public:
  Lease(detail::Core core, std::vector<TupleId> ids) : core_(std::move(core)), ids_(std::move(ids)) {}
  // They disappear so long from now. Error{not_found} when one of them has gone (then nothing has changed).
  void renew(Duration lease) const;
  void cancel() const { renew(Duration(0)); }  // they disappear now
  [[nodiscard]] const std::vector<TupleId>& ids() const { return ids_; }

 private:
  detail::Core core_;
  std::vector<TupleId> ids_;
};

struct SpaceOptions {
  std::optional<Durability> durability;                    // nullopt: as it is, of a new one the server's default
  std::optional<std::uint64_t> quota_tuples, quota_bytes;  // 0: no quota; nullopt: as it is
};

class Space : public detail::Gets {
 public:
  Space(std::shared_ptr<client::Session> session, std::string name)
      : Gets({std::move(session), std::move(name), {}, {}}) {}

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
  // All or none, in order. Returns the id of the first; the others follow.
  TupleId out_many(const std::vector<Tuple>& tuples, const OutOptions& options = {}) const;
  [[nodiscard]] Lease lease(TupleId first, std::size_t tuples = 1) const;  // of what out and out_many have put

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
  Future<TupleId> async_out(const F&... fields) const {
    Encoding tuple;
    detail::encode_tuple(tuple, fields...);
    return {core_.start_out(tuple, {}), [](const Answer& answer) { return std::get<Done>(answer).number; },
            core_.on_signal};
  }

  // const auto together = space.pipeline();  futures started while it lives go out together (session.hpp).
  [[nodiscard]] client::Pipeline pipeline() const { return core_.session->pipeline(); }

  // Takes inside are invisible to others, and come back on abort, when the lease ends or with the session.
  [[nodiscard]] Transaction transaction(std::optional<Duration> lease = {}) const;

  // All that matches, to another space in one step (at most max_collect tuples). How many there were.
  template <class... F>
  std::uint64_t collect(const std::string& to, const F&... fields) const {
    return core_.number(Collect{core_.space, to, detail::patterns_of<>(fields...).owned(), false});
  }
  template <class... F>
  std::uint64_t copy_collect(const std::string& to, const F&... fields) const {
    return core_.number(Collect{core_.space, to, detail::patterns_of<>(fields...).owned(), true});
  }

  // Guarded statements (statement.hpp). run waits until a branch can run, run_for at most so long (Error{timeout});
  // runp does not wait: nothing when no branch can run. async_run is as the other futures: dropped, it never runs.
  template <class... B>
  Outcome run(const B&... branches) const {
    return *run_statement({branches...}, true, {});
  }
  template <class... B>
  Outcome run_for(Duration timeout, const B&... branches) const {
    return *run_statement({branches...}, true, timeout);
  }
  template <class... B>
  std::optional<Outcome> runp(const B&... branches) const {
    return run_statement({branches...}, false, {});
  }
  template <class... B>
  Future<Outcome> async_run(const B&... branches) const {
    return start_statement({branches...});
  }
  // Changes the oldest match in place (it keeps its id, place, priority and lease); the tuple as it is now, or nothing.
  template <class... C>
  std::optional<Tuple> update(const Template& pattern, const statements::Changes& first, const C&... more) const {
    return update_one(pattern, {first, more...});
  }
  // Takes the oldest match and puts the other in its stead, in one step. Returns what it took; nothing: nothing is put.
  std::optional<Tuple> swap(const Template& pattern, const Tuple& tuple) const;  // NOLINT: no exchange of two objects
  // Puts unless something matches, in one step.
  bool out_if_absent(const Tuple& tuple, const Template& unless) const;
  bool out_if_absent(const Tuple& tuple) const;  // unless one like it is there

  // Whole views of a space (views.hpp).
  template <class... F>
  [[nodiscard]] TupleScan scan(const F&... fields) const {
    return scan_pages(1000, fields...);
  }
  template <class... F>
  [[nodiscard]] TupleScan scan_pages(std::uint32_t page, const F&... fields) const {
    return {core_, Scan{core_.space, detail::patterns_of<>(fields...).owned(), page, 0, 0}};
  }
  template <class... F>
  [[nodiscard]] Watcher watch(const F&... fields) const {
    return watch_with({}, fields...);
  }
  template <class... F>
  [[nodiscard]] Watcher watch_with(const WatchOptions& options, const F&... fields) const {
    return {core_, detail::patterns_of<>(fields...).owned(), options};
  }
  // A row a group: the values of the fields `group_by`, then one value a term.
  template <class... F>
  [[nodiscard]] std::vector<Tuple> aggregate(const std::vector<Aggregate::Term>& terms,
                                             const std::vector<std::uint32_t>& group_by, const F&... fields) const {
    return detail::tuples_of(
        core_.call(Aggregate{core_.space, detail::patterns_of<>(fields...).owned(), group_by, terms}));
  }
  template <class... F>
  [[nodiscard]] Value sum(std::uint32_t position, const F&... fields) const {
    return only(aggregate({{Aggregate::Function::sum, position}}, {}, fields...));
  }
  template <class... F>
  [[nodiscard]] Value min(std::uint32_t position, const F&... fields) const {
    return only(aggregate({{Aggregate::Function::min, position}}, {}, fields...));
  }
  template <class... F>
  [[nodiscard]] Value max(std::uint32_t position, const F&... fields) const {
    return only(aggregate({{Aggregate::Function::max, position}}, {}, fields...));
  }
  template <class... F>
  [[nodiscard]] std::vector<Miss> explain(const F&... fields) const {
    return misses(core_, detail::patterns_of<>(fields...));
  }
  [[nodiscard]] std::vector<BlockedOperation> blocked() const { return blocked_operations(core_); }

  [[nodiscard]] Space named(std::string name) const;  // another space of the same server
  [[nodiscard]] std::vector<SpaceInfo> spaces() const;
  void make(Durability durability) const { make(SpaceOptions{durability, {}, {}}); }
  void make(const SpaceOptions& options) const;  // makes this space, or sets the quotas of the one that is there
  void drop() const;                             // the space and all its tuples

  // Asked when a signal interrupts a blocking call: true ends the call with Interrupted, and nothing is lost.
  void on_signal(OnSignal handler) { core_.on_signal = std::move(handler); }
  [[nodiscard]] const std::shared_ptr<client::Session>& session() const { return core_.session; }
  void close() const { core_.session->close(); }

 private:
  template <class... T, class... F>
  Future<detail::Result<T...>> async_get(bool take, const F&... fields) const {
    auto read = [fields...](const Answer& answer) {
      auto tuples = detail::tuples_of(answer);
      return detail::result_of<T...>(std::move(tuples.at(0)), fields...);
    };
    return {core_.start_get(detail::patterns_of<T...>(fields...), {take, true}), std::move(read), core_.on_signal};
  }
  static Value only(std::vector<Tuple> rows) { return std::move(rows.at(0).items.at(0)); }
  [[nodiscard]] std::optional<Outcome> run_statement(std::vector<Branch> branches, bool wait,
                                                     std::optional<Duration> timeout) const;
  [[nodiscard]] Future<Outcome> start_statement(std::vector<Branch> branches) const;
  [[nodiscard]] std::optional<Tuple> update_one(const Template& pattern,
                                                const std::vector<statements::Changes>& changes) const;
};

// No address: $PARVIS_ADDRESS, else the local server, started when there is none.
Space connect(const std::string& address = {}, const ConnectOptions& options = {});

}  // namespace parvis
