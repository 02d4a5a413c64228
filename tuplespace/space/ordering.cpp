// Ordered indexes are made in slices of a turn, with pauses between them, so that nobody else waits for one. A look
// that used up its steps, and would not have with the index, is parked until none is in the making, and begins anew.
#include <algorithm>

#include "tuplespace/space/statements.hpp"

namespace parvis::space {

namespace {
constexpr std::size_t most_in_a_slice = 1000;  // tuples, about half a millisecond
constexpr unsigned most_looks = 8;             // of one operation: ranges of several fields can each want an index

struct LookAgain {
  Failed otherwise;
};

// What is left of the time that the operation would wait; null: it would not.
std::int64_t* timeout_of(Operation& operation) {
  const auto find = []<class Op>(Op& o) -> std::int64_t* {
    if constexpr (requires { o.timeout_us; }) return o.wait ? &o.timeout_us : nullptr;
    return nullptr;
  };
  return std::visit(find, operation);
}

const std::string& space_of(const Operation& operation) {
  static const std::string none;
  const auto find = []<class Op>(const Op& o) -> const std::string& {
    if constexpr (requires { o.space; }) return o.space;
    else if constexpr (std::is_same_v<Op, Collect>) return o.from;
    else return none;
  };
  const auto* statement = std::get_if<Statement>(&operation);
  return statement != nullptr ? statement->branches.front().guard.front().space : std::visit(find, operation);
}
}  // namespace

const std::string& Parked::space_name() const { return is_again() ? space_of(*again) : space->name; }

void Engine::State::fill_ordered_indexes() {
  if (now < fill_at) return;
  if (!index.ordering() && !blocked.ordering()) return look_again();
  if (!room_to_order()) {
    index.stop_ordering();
    blocked.stop_ordering();
    return look_again();
  }
  const auto fields_of = [this](std::uint64_t space, Order order) -> const Fields* {
    const Entry& entry = *tuples.find(id_of(order));
    if (spaces.at(entry.space).id != space) return nullptr;
    fields.split(entry.bytes.tuple());
    return &fields;
  };
  const std::size_t slice = std::min(2 * limits.range_steps, most_in_a_slice);
  index.fill_ordered(slice, fields_of);
  blocked.fill_ordered(slice, fields_of);
  fill_at = now + slice_pause;
  set_deadline(fill_at, Deadline::Kind::slice, 0);
}

// The last eighth of the memory is for tuples.
bool Engine::State::room_to_order() const { return memory_bytes() <= limits.memory_bytes / 8 * 7; }

bool Engine::State::ordering_for(const Space& space, std::span<const Matcher> matchers) const {
  return room_to_order() && std::any_of(matchers.begin(), matchers.end(), [&](const Matcher& matcher) {
           return index.ordering_for(space.id, matcher) || blocked.ordering_for(space.id, matcher);
         });
}

void Engine::State::attempt(Session& s, Sequence sequence, const Operation& operation, unsigned looks_before) {
  looks_left = most_looks - looks_before;
  try {
    std::visit([&](const auto& o) { run(s, sequence, o); }, operation);
  } catch (LookAgain& again) {
    park_look(s, sequence, operation, looks_before + 1, std::move(again.otherwise));
  }
  looks_left = 0;
  settle();
}

void Engine::State::park_look(Session& s, Sequence sequence, const Operation& operation, unsigned looks_so_far,
                              Failed otherwise) {
  Operation copy = own_copy(operation);
  const std::int64_t* timeout = timeout_of(copy);
  const std::int64_t patience = timeout != nullptr && *timeout != 0 ? *timeout : -1;  // of 0: as one that does not wait
  Parked waiting;
  std::visit(
      [&]<class Op>(const Op& o) {
        if constexpr (requires { o.templates; }) waiting.templates = matchers_of(o.templates);
        if constexpr (std::is_same_v<Op, Statement>) waiting.bytes = bytes_of(o);
      },
      copy);
  for (const Matcher& matcher : waiting.templates) waiting.bytes += 3 * matcher.bytes().size() + 100;
  if (refuse_to_block(s, waiting.bytes)) return fail(s, sequence, std::move(otherwise));
  waiting.again = std::make_shared<const Operation>(std::move(copy));
  waiting.looks = looks_so_far;
  park(s, sequence, std::move(waiting), patience);
}

// Of a blocked statement. Nothing: it waits on, also for the ordered index of a range, and then is woken again.
Engine::State::Decision Engine::State::decide_again(const Waiter& waiter) {
  if (woken_later.contains(waiter.place()) && (index.ordering() || blocked.ordering())) return {};
  looks_left = 1;
  Decision decision;
  try {
    decision = decide(*waiter.statement, waiter.templates);
  } catch (const LookAgain&) {
    woken_later.insert(waiter.place());
  }
  looks_left = 0;  // also of the operation that has woken it: it has changed something, and does not begin anew
  return decision;
}

// The longest waiting look, or statement; the others in turns to come.
void Engine::State::look_again() {
  if (!looks.empty()) {
    const Parked waited = unpark(parked.at(*looks.begin()));
    Operation operation = *waited.again;
    if (std::int64_t* timeout = timeout_of(operation); timeout != nullptr && *timeout >= 0)
      *timeout = std::max<std::int64_t>(*timeout - (now - waited.since).count(), 0);
    attempt(*sessions.at(waited.session), waited.sequence, operation, waited.looks);
  } else if (!woken_later.empty()) {
    woken.insert(woken_later.extract(woken_later.begin()));
    settle();
  }
  if (looks.empty() && woken_later.empty()) return;
  fill_at = now + slice_pause;
  set_deadline(fill_at, Deadline::Kind::slice, 0);
}

Failed Engine::State::too_many_steps(std::string what, bool ordering) const {
  what += ordering ? "; an ordered index is being made for its range, ask again in a moment"
                   : "; name more fields of the template";
  Failed failed = over("steps_per_operation", limits.steps_per_operation, std::move(what));
  if (ordering && looks_left > 0) throw LookAgain{std::move(failed)};
  return failed;
}

}  // namespace parvis::space
