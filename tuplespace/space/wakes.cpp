// Who is served when a tuple comes that a blocked statement wants, or one goes that a statement wants to be gone: the
// longest waiting that can run, plain takers and statements in one queue, again and again until nobody can. In a loop,
// never recursively: what one statement puts is offered like anything else. It ends, since every statement that runs
// waits no more.
#include <algorithm>

#include "tuplespace/space/statements.hpp"

namespace parvis::space {

namespace {
constexpr std::size_t most_admitted = 1000;  // blocked outs that get room in one go
}  // namespace

bool Engine::State::a_statement_wants(const std::vector<Entry*>& arriving) {
  return std::any_of(arriving.begin(), arriving.end(), [&](const Entry* entry) {
    const Space& space = spaces.at(entry->space);
    if (space.conditions == 0) return false;
    fields.split_and_hash(entry->bytes.tuple());
    return waiters.oldest(Role::condition, space, fields, 0) != nullptr;
  });
}

// They are all there before anybody takes one, and readers have seen them.
void Engine::State::offer(std::vector<Entry*>& arriving) {
  std::sort(arriving.begin(), arriving.end(), [](const Entry* a, const Entry* b) { return a->order < b->order; });
  std::vector<Waiter*> served;
  for (Entry* entry : arriving) {
    touch(spaces.at(entry->space));
    fields.split_and_hash(entry->bytes.tuple());
    insert(*entry, entry->is(Entry::behind));
    show_to_readers(*entry, served);
    offers.insert({{}, entry->order});
  }
  for (Waiter* reader : served) finish(*reader);
}

// Everything that follows from a change, until nothing does: next in their groups, next in line for room. What settles
// something may call this again; then the outermost call goes on with it.
void Engine::State::settle() {
  if (std::exchange(is_settling, true)) return;
  for (std::size_t admitted = 0;;) {
    std::vector<Entry*> none;
    serve_offers();
    if (!changed_groups.empty()) {
      place(none);
    } else if (!roomy.empty() && admitted < most_admitted) {
      ++admitted;
      admit_first();
    } else {
      break;
    }
  }
  if (!roomy.empty()) set_deadline(now + slice_pause, Deadline::Kind::slice, 0);
  look_for_conflicts();
  is_settling = false;
}

void Engine::State::serve_offers() {
  while (!offers.empty() || !woken.empty()) {
    if (!changed_groups.empty()) {  // whoever comes next may have it who waits longest
      std::vector<Entry*> heads;
      regroup(heads);
      offer(heads);
    } else if (woken.empty() || (!offers.empty() && offers.begin()->place <= *woken.begin())) {
      serve_first_offer();
    } else {
      const Place place = woken.extract(woken.begin()).value();
      if (Waiter* waiter = waiters.find(place.id)) retry(*waiter);
    }
  }
}

Entry* Engine::State::offered(const Offer& offer) {
  Entry* entry = tuples.find(id_of(offer.order));
  if (entry == nullptr || !entry->can_be_seen()) return nullptr;
  fields.split_and_hash(entry->bytes.tuple());
  return entry;
}

Waiter* Engine::State::first_in_line(const Entry& entry, const Place& from) {
  const Space& space = spaces.at(entry.space);
  const bool can_be_taken = entry.is(Entry::ready);
  Waiter* taker = can_be_taken ? waiters.oldest(Role::taker, space, fields, entry.bytes.size, from) : nullptr;
  Waiter* statement = waiters.oldest(Role::condition, space, fields, 0, from);
  if (taker == nullptr || statement == nullptr) return taker != nullptr ? taker : statement;
  return taker->place() < statement->place() ? taker : statement;
}

void Engine::State::serve_first_offer() {
  const Offer offer = offers.extract(offers.begin()).value();
  Entry* entry = offered(offer);
  Waiter* waiter = entry != nullptr ? first_in_line(*entry, offer.place) : nullptr;
  if (waiter == nullptr) return;
  if (waiter->place() != offer.place) {
    offers.insert({waiter->place(), offer.order});  // when it is their turn: somebody else may come first
  } else if (waiter->statement) {
    offers.insert({waiter->place().next(), offer.order});  // it may leave the tuple for those behind it
    retry(*waiter);
  } else {
    hand_over(*waiter, *entry);
  }
}

// The tuple, and as many of the others that are offered to this taker as it wants.
void Engine::State::hand_over(Waiter& taker, Entry& first) {
  std::vector<Waiter*> served;
  const Place place = taker.place();
  hand(taker, first, served);
  while (taker.handed.size() < taker.wish.max && !offers.empty() && offers.begin()->place == place) {
    const Offer offer = offers.extract(offers.begin()).value();
    Entry* entry = offered(offer);
    if (entry == nullptr) continue;
    if (first_in_line(*entry, place) == &taker) hand(taker, *entry, served);
    else offers.insert({place.next(), offer.order});  // it would make the answer too long
  }
  finish(taker);
}

// A blocked statement looks again whether it can run.
void Engine::State::retry(Waiter& waiter) {
  Decision decision = decide_again(waiter);
  if (std::holds_alternative<std::monostate>(decision)) return;
  Session& s = *sessions.at(waiter.session);
  if (auto* failed = std::get_if<Failed>(&decision)) {
    fail(s, waiter.sequence, std::move(*failed), seen_by(*waiter.statement));
    return end_waiting(waiter);
  }
  std::vector<Entry*> arriving;
  perform(s, waiter.sequence, *waiter.statement, std::get<Effects>(decision), arriving);
  end_waiting(waiter);
  offer(arriving);
}

}  // namespace parvis::space
