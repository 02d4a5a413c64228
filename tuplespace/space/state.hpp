// The engine's inside: its tables, and one short function per step. Each .cpp beside this names the part it holds.
//
// Order of things within one call: advance to `now`, check (nothing has changed when an operation fails), change, then
// place() all tuples that became visible at once. place() answers the waiters that it served; nothing runs after it but
// the operation's own answer, and settle(): the blocked statements that a tuple which came or went has woken.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "tuplespace/space/changes.hpp"
#include "tuplespace/space/deadlines.hpp"
#include "tuplespace/space/engine.hpp"
#include "tuplespace/space/groups.hpp"
#include "tuplespace/space/guard.hpp"
#include "tuplespace/space/index.hpp"
#include "tuplespace/space/record.hpp"
#include "tuplespace/space/session.hpp"
#include "tuplespace/space/spaces.hpp"
#include "tuplespace/space/tuple_table.hpp"
#include "tuplespace/space/waiters.hpp"
#include "tuplespace/space/walk.hpp"

namespace parvis::space {

// In a number that an answer waits for: it is enough when that batch is written.
inline constexpr std::uint64_t only_written = std::uint64_t{1} << 63;
// Between two slices of one job, so that others have their turn.
inline constexpr Time slice_pause = std::chrono::milliseconds(1);
inline constexpr std::size_t item_overhead = 32;  // of one tuple in a reply, beside its bytes
[[nodiscard]] std::vector<Matcher> matchers_of(const std::vector<Payload>& templates);
[[nodiscard]] std::optional<Failed> refuse_templates(const std::vector<Payload>& templates);

struct Engine::State {
  State(const Limits& l, Durability durability, Time offset)
      : limits(l), default_durability(durability), wall_minus_now(offset) {}
  // Before the steps of an operation are used up.
  static std::size_t range_steps(const Limits& l) { return std::min(l.range_steps, l.steps_per_operation); }

  const Limits limits;
  const Durability default_durability;
  const Time wall_minus_now;
  Time now{0};
  bool is_recovered = false;

  MetaRecord meta;
  std::uint64_t next_id = first_id, next_ticket = 1;
  std::uint64_t kept_bytes = 0;  // tuples in answers of statements that are not confirmed
  std::uint64_t meta_batch = 0;  // the newest batch that wrote `meta`: no reply is released before it
  bool meta_dirty = false;

  TupleTable tuples;
  Index index{range_steps(limits)};    // of what can be taken
  Index blocked{range_steps(limits)};  // of what can be seen, but waits for another of its group
  Waiters waiters{limits.reply_bytes};
  SpaceTable spaces;
  std::uint64_t spaces_changed = 0;  // the newest batch in which one was made or dropped
  std::uint64_t spaces_dropped = 0;  // the newest in which one was dropped: what says that a name is not there
  std::map<SessionId, std::unique_ptr<Session>> sessions;
  std::map<TransactionId, std::unique_ptr<Transaction>> transactions;
  std::map<SessionId, TombstoneRecord> tombstones;
  Deadlines deadlines;
  std::string puts_refused;
  IdList::Memory side_memory;  // of lists outside of the index
  Groups groups;
  std::vector<Groups::value_type*> changed_groups;
  std::set<std::uint32_t> roomy;  // slots of spaces where there may be room for those in line
  ParkedTable parked;
  std::uint64_t next_parked = 1, parked_bytes = 0;
  std::set<std::uint64_t> looks, writing;           // of `parked`, those that wait for an ordered index, for the disk
  unsigned looks_left = 0;                          // of the operation at hand: how often it may still look again
  std::multimap<TupleId, std::uint64_t> witnesses;  // to the waiters that settle by them
  std::vector<std::uint64_t> unsettled;             // waiters that look for another witness
  bool is_settling = false;
  std::vector<std::uint64_t> announced;  // ids of spaces with events to be written, or told
  std::uint64_t log_bytes = 0;
  std::vector<storage::RecordId> orphans;  // records of events of spaces that are gone
  Changes changes;
  std::vector<SessionId> dirty_sessions;
  std::vector<TransactionId> dirty_transactions;
  Time confirmations_until = Time::max();  // when confirmations that wait for company are written without
  std::vector<Reply> replies;
  std::vector<SessionId> ended;
  Time fill_at{};                 // no ordered index is filled before
  std::vector<TupleBytes> ahead;  // of the out at hand: its large tuples, in the store already
  std::vector<Ahead> asked_ahead;
  std::map<std::uint64_t, std::uint64_t> ahead_sizes;  // of `parked`, also of those that have left: bytes on their way
  std::vector<Matcher> last_asked;                     // one, or none: it was moved to where it is used
  Fields fields;                                       // scratch: of the tuple at hand
  std::size_t steps_left = 0;                          // scratch: of the walk at hand
  std::vector<Waiter*> matching_readers;               // scratch
  // engine.cpp: dispatch, answers, time
  void apply(Session& s, Sequence sequence, const Operation& operation);
  template <class Unknown>
  void run(Session& s, Sequence sequence, const Unknown&) {
    fail(s, sequence, ErrorCode::protocol_error, "this server does not know the operation");
  }
  void answer(const Session& s, Sequence sequence, Answer answer, std::uint64_t after);
  void fail(Session& s, Sequence sequence, Failed failed, std::uint64_t after);
  void fail(Session& s, Sequence sequence, Failed failed) { fail(s, sequence, std::move(failed), s.changed); }
  void fail(Session& s, Sequence sequence, ErrorCode code, std::string text, std::uint64_t after = 0) {
    fail(s, sequence, Failed{code, std::move(text)}, after);
  }
  // What the answer to an operation that changed something waits for, by the strictest space that it touched …
  [[nodiscard]] std::uint64_t after_change(Durability strictest) const;
  // … and the answer to one that looked. In a relaxed space nobody waits to look.
  [[nodiscard]] std::uint64_t after_both(Durability strictest, std::uint64_t look) const {
    return strictest == Durability::volatile_ ? look : after_change(look != 0 ? Durability::durable : strictest);
  }
  [[nodiscard]] static std::uint64_t after_look(const Space& space) {
    return space.durability == Durability::relaxed ? 0 : space.changed;
  }
  [[nodiscard]] Failed over(const char* limit, std::uint64_t value, std::string what) const;
  [[nodiscard]] std::uint64_t memory_bytes() const;
  std::uint64_t new_id();
  void advance(Time to);
  void fire(const Deadline& due);
  [[nodiscard]] bool living(const Deadline& deadline) const;
  void set_deadline(Time at, Deadline::Kind kind, std::uint64_t id);
  [[nodiscard]] Time time_after(std::int64_t us) const;  // Time::max(): never
  [[nodiscard]] std::int64_t wall() const { return (now + wall_minus_now).count(); }
  // 0 means none, so a moment at or before 1970 (a test's clock) is the first microsecond after it.
  [[nodiscard]] std::int64_t wall_of(Time at) const { return std::max<std::int64_t>((at + wall_minus_now).count(), 1); }
  [[nodiscard]] Time time_of_wall(std::int64_t us) const { return Time(us) - wall_minus_now; }
  Turn take_turn();
  void write_dirty();

  // puts.cpp: tuples come, are placed and go
  struct NewTuple {
    Space& space;
    const Payload& payload;
    int priority = 0;
    std::int64_t lease_us = -1, delay_us = 0;
    SessionId owner = 0;
    const Payload& group = no_group;
  };
  TupleBytes encoded_new(const NewTuple& tuple, TupleHead& head);  // the head's group is not to be used
  inline static const Payload no_group{};
  void run(Session& s, Sequence sequence, const Out& out);
  struct Incoming {
    std::string_view space;
    const Payload* payload;
    int priority;
    const Payload* group = nullptr;
  };
  [[nodiscard]] std::optional<Failed> refuse(std::span<const Incoming> puts);
  [[nodiscard]] std::optional<Failed> refuse(const Out& out);
  void put(Session& s, Sequence sequence, const Out& out);
  [[nodiscard]] std::optional<Failed> refuse_comparisons(std::span<const Incoming> puts);
  Entry& create(const NewTuple& tuple, TupleBytes* written = nullptr);
  void place(std::vector<Entry*>& arriving);
  void place_without_statements(std::vector<Entry*>& arriving);
  bool serve(Entry& entry, std::vector<Waiter*>& served);
  void show_to_readers(Entry& entry, std::vector<Waiter*>& served);
  void hand(Waiter& waiter, Entry& entry, std::vector<Waiter*>& served);
  void insert(Entry& entry, bool behind = false);  // `fields` are of this tuple
  void remove_from_index(Entry& entry);
  void hold(Entry& entry, std::uint64_t holder);
  void release(Entry& entry, bool raise_attempts, std::vector<Entry*>& arriving);
  // `event`: which it makes, unless it was delivered or never seen.
  void erase_tuple(Entry& entry, std::optional<Event::Kind> event = Event::Kind::taken);
  void expire(TupleId id);
  void end_delays(const Deadline& first);

  // gets.cpp: looking, waiting, handing out
  void run(Session& s, Sequence sequence, const Get& get);
  [[nodiscard]] std::optional<Failed> refuse(const Session& s, const Get& get) const;
  [[nodiscard]] std::vector<Matcher> matchers_for(const Get& get);
  void keep(std::vector<Matcher>&& matchers);  // for the next
  // Takes do not see tuples that wait for another of their group.
  enum Sight : std::uint8_t { takes, reads };
  [[nodiscard]] Walk candidates(const Space& space, std::span<const Matcher> matchers, Sight sight, Order after = 0);
  [[nodiscard]] bool find(const Space& space, std::span<const Matcher> matchers, std::uint32_t max, Sight sight,
                          std::vector<Entry*>& found);
  // The error, for a walk that has not come to its end; `ordering`: it would have, with an index that is being made.
  // Throws instead while nothing has changed and the operation at hand may wait for the index.
  [[nodiscard]] Failed too_many_steps(std::string what, bool ordering) const;
  [[nodiscard]] bool ordering_for(const Space& space, std::span<const Matcher> matchers) const;
  [[nodiscard]] bool room_to_order() const;
  void fill_ordered_indexes();  // ordering.cpp, as the next three
  void attempt(Session& s, Sequence sequence, const Operation& operation, unsigned looks_before);
  void park_look(Session& s, Sequence sequence, const Operation& operation, unsigned looks, Failed otherwise);
  void look_again();
  void give(Session& s, Sequence sequence, const Wish& wish, Space& space, const std::vector<Entry*>& entries);
  Waiter* block(Session& s, Sequence sequence, const Get& get, const Wish& wish, std::vector<Matcher> matchers);
  [[nodiscard]] std::optional<Failed> refuse_to_block(const Session& s, std::size_t bytes) const;
  Space& space_to_wait_in(std::string_view name);
  Waiter& enlist(Session& s, Sequence sequence, Waiter waiter, const Ticket& shown, std::int64_t timeout_us);
  void finish(Waiter& waiter);
  void end_waiting(Waiter& waiter);
  void end_waiting(Waiter& waiter, ErrorCode code, std::string text);
  [[nodiscard]] Item item_of(const Entry& entry) const;

  // statements.cpp, bodies.cpp: guards, and what is done when one holds
  struct Deed;
  struct Effects;
  using Decision = std::variant<std::monostate, Effects, Failed>;  // no guard holds; one does; an error
  void run(Session& s, Sequence sequence, const Statement& statement);
  [[nodiscard]] std::optional<Failed> refuse(const Session& s, const Statement& statement) const;
  [[nodiscard]] std::optional<Failed> refuse(const Branch& branch) const;
  void block(Session& s, Sequence sequence, const Statement& statement, std::vector<Matcher> matchers);
  [[nodiscard]] std::uint64_t seen_by(const Statement& statement) const;
  [[nodiscard]] Decision decide(const Statement& statement, std::span<const Matcher> templates);
  [[nodiscard]] Decision decide_again(const Waiter& waiter);  // ordering.cpp
  [[nodiscard]] Failed exhausted(const Branch& branch, std::span<const Matcher> templates) const;
  [[nodiscard]] Effects effects_of(const Branch& branch, const Guard& guard);
  void add_effects(const Action& action, const Guard& guard, Effects& effects);
  void add_transfers(const Action& action, const Guard& guard, Effects& effects);
  [[nodiscard]] std::optional<Failed> refuse(const Effects& effects);
  void perform(Session& s, Sequence sequence, const Statement& statement, const Effects& effects,
               std::vector<Entry*>& arriving);
  Durability perform(const Deed& deed, Ran& ran, std::vector<Entry*>& arriving);
  void update(Entry& entry, ByteSpan tuple);

  // wakes.cpp: blocked takers and statements in the order of their waiting
  struct Offer {  // a tuple that is there, and whose turn it is, or a place before that
    Place place;
    Order order = 0;
    friend auto operator<=>(const Offer&, const Offer&) = default;
  };
  std::set<Offer> offers;
  std::set<Place> woken;        // statements to be tried again
  std::set<Place> woken_later;  // when no ordered index is in the making
  [[nodiscard]] bool a_statement_wants(const std::vector<Entry*>& arriving);
  void offer(std::vector<Entry*>& arriving);
  void settle();
  void serve_offers();
  void serve_first_offer();
  Entry* offered(const Offer& offer);  // null: it is gone. `fields` are of it
  [[nodiscard]] Waiter* first_in_line(const Entry& entry, const Place& from);
  void hand_over(Waiter& taker, Entry& first);
  void retry(Waiter& waiter);

  // collect.cpp
  void run(Session& s, Sequence sequence, const Collect& collect);
  [[nodiscard]] std::vector<Entry*> matches_to_transfer(const Space& from, std::span<const Matcher> matchers, bool copy,
                                                        std::size_t max);  // throws Error{limit_exceeded}
  static void check_transfers(std::size_t number);                         // likewise
  Entry& transfer(Entry& entry, Space& to, bool copy);

  // reads.cpp: looking at many
  void run(Session& s, Sequence sequence, const Count& count);
  void run(Session& s, Sequence sequence, const Scan& scan);
  [[nodiscard]] std::optional<Put> put_of(const Entry& entry) const;
  void run(Session& s, Sequence sequence, const Aggregate& aggregate);
  using Rows = std::vector<Item>;
  [[nodiscard]] std::variant<Rows, Failed> rows_of(const Space& space, const Aggregate& aggregate);
  [[nodiscard]] std::optional<Failed> refuse_read(std::string_view space, const std::vector<Payload>& templates) const;

  // explain.cpp, who_waits.cpp: for people
  void run(Session& s, Sequence sequence, const Explain& explain);
  void run(Session& s, Sequence sequence, const ListWaiters& list);
  struct Whereabouts {
    std::string why, holder;
    std::optional<double> seconds;
  };
  [[nodiscard]] std::string name_of_client(SessionId id) const;
  [[nodiscard]] Whereabouts whereabouts(const Entry& entry) const;
  template <class Why>
  [[nodiscard]] Item row_of(const Entry& entry, const Matcher& matcher, Why&& why);
  struct Blocked {
    Time since{};
    SessionId session = 0;
    Sequence sequence = 0;
    const Waiter* waiter = nullptr;  // or
    const Parked* parked = nullptr;
    std::set<SessionId> by;
  };
  [[nodiscard]] std::vector<Blocked> blocked_operations(std::string_view space) const;
  [[nodiscard]] Item row_of(const Blocked& row, std::uint64_t circle) const;
  [[nodiscard]] std::set<SessionId> blockers_of(const Space& space, std::span<const Matcher> templates);

  // accounts.cpp: what follows, apart from waiters, when a tuple comes, is held, is let go and goes
  [[nodiscard]] bool delivered(const Entry& entry) const;
  void use_room(Space& space, const Entry& entry);
  void leave_room(Space& space, const Entry& entry);
  void account_new(Entry& entry);
  void account_due(Entry& entry);
  void account_held(Entry& entry);
  bool account_free(Entry& entry);
  void account_gone(Entry& entry, std::optional<Event::Kind> event);
  void account_recovered(Entry& entry);
  // groups.cpp
  [[nodiscard]] Groups::value_type& group_of(const Entry& entry);
  void change(Groups::value_type& group);
  void claim_in_group(const Entry& entry);
  void end_claim_in_group(const Entry& entry);
  void leave_group(const Entry& entry);
  void regroup(std::vector<Entry*>& arriving);
  void choose_head(Group& group, std::vector<Entry*>& arriving);

  // ahead.cpp, quotas.cpp
  bool write_ahead(Session& s, Sequence sequence, const Out& out);
  void written_ahead(std::uint64_t id, std::optional<Failed> failed);
  [[nodiscard]] std::optional<Failed> refuse_quota(std::span<const Incoming> puts, std::span<Entry* const> gone) const;
  bool wait_for_room(Session& s, Sequence sequence, const Out& out);
  void admit_first();
  void set_quotas(Space& space, const parvis::Spaces& make);
  void park(Session& s, Sequence sequence, Parked waiting, std::int64_t timeout_us);
  Parked unpark(const Parked& waiting);
  [[nodiscard]] std::set<std::uint64_t>& line_of(const Parked& waiting);
  void end_parked(const Parked& waiting, ErrorCode code, std::string text);
  void time_out(const Parked& waiting);
  // conflicts.cpp
  [[nodiscard]] TupleId witness_for(SessionId asking, const Space& space, std::span<const Matcher> matchers);
  void watch_witness(Waiter& waiter, TupleId witness);
  void conflict_ended(TupleId id);
  void forget_witness(const Waiter& waiter);
  void look_for_conflicts();
  void answer_none(Waiter& waiter);
  void answer_none(Session& s, Sequence sequence, bool take, std::uint64_t after);
  void time_out(Waiter& waiter);
  // watch.cpp
  void run(Session& s, Sequence sequence, const Watch& watch);
  void note(const Entry& entry, Event::Kind kind);  // an event, if anybody watches the space
  void trim(EventLog& log);
  void announce(Space& space);
  EventLog& record_events(Space& space);
  void end_recording(Space& space);
  void drop_events(Space& space);
  [[nodiscard]] Events events_for(Parked& look);
  void serve_watches();
  bool serve_watches(Space& space);
  [[nodiscard]] Space* space_with_log(std::uint64_t id) const;
  void write_events(Space& space);
  void load_events(storage::RecordId id, EventsRecord record);
  void recover_events();

  // leases.cpp
  void renew_tuples(Session& s, Sequence sequence, const Renew& renew);
  [[nodiscard]] std::optional<Failed> refuse_renewal(const Session& s, const Renew& renew) const;
  void set_lease(Entry& entry, std::int64_t lease_us);
  void rewrite(Entry& entry, const TupleHead& head, ByteSpan tuple);

  // transactions.cpp
  void run(Session& s, Sequence sequence, const Begin& begin);
  void run(Session& s, Sequence sequence, const Commit& commit);
  void run(Session& s, Sequence sequence, const Abort& abort);
  void run(Session& s, Sequence sequence, const Renew& renew);
  [[nodiscard]] Transaction* own_transaction(const Session& s, TransactionId id) const;
  [[nodiscard]] Durability strictest_of(const Transaction& t) const;
  [[nodiscard]] std::optional<Failed> refuse(const Transaction& t, const Commit& commit);
  Transaction& make_transaction(Session& s, std::int64_t lease_us, bool lasting);
  void set_lease(Transaction& t, std::int64_t lease_us);
  void touch(Transaction& t);
  void abort(Session& s, Transaction& t, bool raise_attempts, std::vector<Entry*>& arriving);
  void end_transaction(Session& s, Transaction& t);
  [[nodiscard]] Failed conflict(TransactionId id) const;

  // sessions.cpp
  void touch(Session& s);
  void record(Session& s, Sequence sequence, Applied applied);
  void remember(Session& s, Sequence sequence, Applied answer);
  void drop_answer(const Applied& applied);
  void answer_again(const Session& s, Sequence sequence, const Applied& applied);
  std::map<Sequence, Applied>::iterator forget(Session& s, std::map<Sequence, Applied>::iterator applied);
  void confirm(Session& s, const Confirm& confirm);
  void refuse(Session& s, Sequence sequence);
  void detach(Session& s);
  void end_session(Session& s, bool expired);
  void bury(const Session& s, bool expired);

  // named_spaces.cpp
  void run(Session& s, Sequence sequence, const Spaces& operation);
  [[nodiscard]] std::optional<Failed> refuse_name(std::string_view name) const;
  Space& use_space(std::string_view name);
  void record_space(Space& space);
  void touch(Space& space);
  void drop(Space& space);
  void sweep_space(std::uint32_t slot);
  [[nodiscard]] SpaceInfo info(const Space& space) const;

  // recovery.cpp
  void load(storage::RecordId id, ByteSpan bytes);
  void load_tuple(storage::RecordId id, TupleRecord record);
  void recovered();
  void hold_recovered(storage::RecordId record, std::uint64_t holder, TupleId id);
  std::shared_ptr<const Ran> answer_loaded(storage::RecordId record, std::uint64_t id);
  void recover_sessions();
  void recover_transactions();
  void recover_tuples();
  std::map<std::uint64_t, Space*> loaded_spaces;                       // by id; while records are read
  std::map<std::uint64_t, std::shared_ptr<const Ran>> loaded_answers;  // likewise

  // check.cpp
  void check() const;
  void check_entry(const Entry& entry, Fields& parts) const;
  void check_waiters(const Entry& entry, const Fields& parts) const;
  void check_statements() const;
  void check_holders() const;
  void check_group(const Entry& entry) const;
  void check_accounts() const;
};

}  // namespace parvis::space
