// What the engine means, said a second time and simply: sets of tuples and of blocked operations, no index, no batches,
// nothing incremental; every change is followed by looking at everybody who waits. It predicts every answer.
// docs/semantics.md says the same in words. A value: a test keeps copies of it, and goes back to one when the engine
// crashes. Throws Violation when an input cannot be.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>

#include "tests/naive/ask.hpp"

namespace parvis::naive {

struct Violation : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Model {
  using Order = std::uint64_t;  // names a tuple; the lower is handed out first
  static constexpr unsigned id_bits = 40;
  struct Place {  // in the line of those who wait
    std::uint64_t epoch = 0, ticket = 0, id = 0;
    auto operator<=>(const Place&) const = default;
  };
  struct Tuple {
    Fresh fresh;
    Order order = 0;
    std::uint32_t attempts = 0;
    SessionId owner = 0;
    std::uint64_t holder = 0;  // a session, to which it was delivered, or a transaction
    Micros lease_until = never, visible_at = 0;
    bool delayed = false;
    int group = 0;
    [[nodiscard]] bool visible() const { return holder == 0 && !delayed; }
  };
  struct Applied {
    Told told;
    bool lasting = false, strict = false;  // outlives a restart; its answer waits for the disk
    bool holds = false, begun = false;     // the tuples of the answer; the transaction
    TransactionName transaction = 0;
  };
  struct Session {
    bool attached = true;
    Micros grace_until = never;
    Sequence confirmed = 0;
    std::map<Sequence, Applied> applied;
    std::map<Sequence, Place> waiting;
    std::set<TransactionName> transactions;
  };
  struct Transaction {
    SessionId session = 0;
    Micros lease = -1, until = never;
    bool lasting = false;
    std::set<Order> taken{};
  };
  struct Call {  // an operation under way
    SessionId session = 0;
    Sequence sequence = 0;
    std::shared_ptr<const Ask> ask;
    std::uint64_t from = 0;  // of a watch
    Micros came = -1;        // of an out that was written ahead: when its leases and delays began
  };
  struct Space {
    bool lasting = true, strict = true;
    std::uint64_t quota = 0;
    std::set<Order> tuples{};
    std::set<Place> blocked{}, line{}, watches{};  // gets and statements, outs, watches
    bool recorded = false;
    std::uint64_t next_event = 0;
    std::deque<Shown> events{};
  };
  struct Tombstone {
    Sequence confirmed = 0;
    std::vector<Sequence> applied;
  };
  using Orders = std::vector<Order>;

  Micros now = 0, grace = 0;
  std::size_t event_count = 60;
  bool puts_refused = false, ahead = false;  // ahead: outs of lasting spaces go to the disk before they take effect
  std::uint64_t epoch = 0, next_id = 1, next_ticket = 1, next_waiter = 1;
  std::vector<Space> spaces;
  std::unordered_map<Order, Tuple> tuples;
  std::vector<bool> ever;  // serials that were put, whatever became of them
  std::map<SessionId, Session> sessions;
  std::map<SessionId, Tombstone> tombstones;
  std::map<TransactionName, Transaction> transactions;
  std::map<Place, Call> waiters;
  std::multimap<Micros, std::function<void(Model&)>> alarms;
  std::set<std::uint16_t> dirty, announced;  // spaces: look at who waits; there are events
  std::vector<Told> told;                    // since somebody took it
  std::vector<Place> asked_ahead;            // since somebody took it: written_ahead() is to follow for each
  std::vector<Serial> touched;               // by statements and collects: where these are is for the model to know

  void open(SessionId id) { sessions[id]; }
  void attach(SessionId id);
  void detach(SessionId id);
  void end(SessionId id, bool expired = false);
  void apply(SessionId id, Sequence sequence, std::shared_ptr<const Ask> ask, const Waiting& shown);
  void cancel(SessionId id, Sequence sequence);
  void refuse(SessionId id, Sequence sequence);
  void confirm(SessionId id, const Confirm& confirm);
  void written_ahead(Place place, std::optional<ErrorCode> failed);
  void advance(Micros to);
  void end_turn();
  void crash(std::uint64_t new_epoch, std::uint64_t first_id);  // and the restart, at `now`

  [[nodiscard]] bool knows(SessionId id, Sequence sequence) const;  // it took effect, here
  [[nodiscard]] Shown shown(Order order) const;
  [[nodiscard]] Orders matches(std::uint16_t space, const std::vector<Wanted>& patterns, bool take,
                               std::size_t max = SIZE_MAX) const;

 private:
  // model.cpp: the operations
  void run(const Call& c, const Waiting& ticket);
  void run_out(const Call& c);
  void run_get(const Call& c, const Waiting& ticket);
  void run_commit(const Call& c);
  void run_leases(const Call& c);
  void run_collect(const Call& c);
  void run_scan(const Call& c);
  void run_aggregate(const Call& c);
  void run_watch(const Call& c);
  bool try_get(const Call& c);
  void give(const Call& c, const Orders& orders);
  bool look_at_events(Call& c, bool gap, bool answer_always);
  // statement.cpp
  bool try_statement(const Call& c);
  bool holds(const Course& course, Orders& chosen, std::optional<int>& number) const;
  void perform(const Call& c, std::uint32_t which, const Orders& chosen, std::optional<int> number);
  // tuples.cpp: tuples come, are held and go, and who waits for them
  // visible_at: 0, at once.
  Order create(const Fresh& fresh, Micros lease_until, Micros visible_at, SessionId owner, int group);
  void put(const Call& c);  // all of it
  void transfer(Order order, std::uint16_t to, bool copy);
  void hold(Order order, std::uint64_t holder);
  void release(Order order, bool tried);
  void erase(Order order, std::optional<Event::Kind> event = Event::Kind::taken);
  void note(const Tuple& t, Event::Kind kind);
  void expire(Order order);
  void appear(Order order);
  [[nodiscard]] bool room(std::uint16_t space, std::int64_t more) const;
  [[nodiscard]] bool takeable(const Tuple& t) const;
  [[nodiscard]] bool conflict(const Call& c) const;
  void settle();
  bool serve(bool takers);
  bool admit();
  [[nodiscard]] static std::set<std::uint16_t> spaces_of(const Ask& ask);
  void block(const Call& c, const Waiting& ticket, Micros timeout);
  void park(const Call& c, std::set<Place> Space::*line, Micros timeout);
  void write_ahead(const Call& c);
  std::optional<Call> unlist(SessionId id, Sequence n);
  void time_out(Place place);
  // sessions.cpp: answers, and what is remembered of them
  void say(const Call& c, Told::What what, std::uint64_t number = 0);
  void finish(const Call& c, Applied applied);
  void done(const Call& c, bool lasting, bool strict, std::uint64_t number = any_number);
  void fail(const Call& c, ErrorCode code);
  void none(const Call& c);
  void say_again(SessionId id, Sequence n, const Applied& applied);
  void forget(Session& s, std::map<Sequence, Applied>::iterator applied);
  void make_transaction(const Call& c, bool lasting);
  void set_lease(TransactionName name, Micros lease);
  void abort(TransactionName name, bool tried);
  void end_transaction(TransactionName name);
  [[nodiscard]] bool strict(const Transaction& t) const;
  [[nodiscard]] bool open_transaction(const Call& c) const {
    return sessions.at(c.session).transactions.contains(c.ask->transaction);
  }
  void at(Micros when, std::function<void(Model&)> what) {
    if (when != never) alarms.emplace(when, std::move(what));
  }
  [[nodiscard]] Micros after(Micros us) const { return us < 0 ? never : now + us; }
};

}  // namespace parvis::naive
