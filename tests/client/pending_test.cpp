// The ledger of a session: what is open, sent again, refused, confirmed. No sockets, and time is a number.
#include <catch2/catch.hpp>

#include "client/lost_answer.hpp"
#include "client/pending.hpp"

using namespace parvis;
using namespace parvis::client;
using namespace std::chrono_literals;

namespace {

// A ledger with a clock that the test moves, and requests it makes.
struct Book {
  Ledger ledger;
  Time now{1h};

  std::shared_ptr<Request> add(Operation operation, std::optional<std::chrono::milliseconds> timeout = {}) {
    auto request = std::make_shared<Request>();
    const auto effect = effect_of(operation);
    request->hold = effect == Effect::takes;
    request->owned = std::move(operation);
    ledger.add(request, effect, timeout ? std::optional(now + *timeout) : std::nullopt, now);
    return request;
  }
  Sequence sent(Operation operation, std::optional<std::chrono::milliseconds> timeout = {}) {
    const auto number = add(std::move(operation), timeout)->sequence;
    ledger.sent(number, now);
    return number;
  }
  // Sent, answered, and in its caller's hands.
  Sequence done(Operation operation) {
    const auto number = sent(std::move(operation));
    REQUIRE(ledger.answered(number, now));
    ledger.release(number, now);
    return number;
  }
};

Get take() { return Get{}; }
Get read() {
  Get get;
  get.take = false;
  return get;
}

}  // namespace

TEST_CASE("numbers ascend, and an answer finds its request once") {
  Book book;
  const auto first = book.add(Out{});
  const auto second = book.add(Out{});
  CHECK(first->sequence < second->sequence);
  CHECK(!book.ledger.answered(first->sequence, book.now));  // never sent: nobody can have answered it
  book.ledger.sent(first->sequence, book.now);
  CHECK(book.ledger.answered(first->sequence, book.now) == first);
  CHECK(!book.ledger.answered(first->sequence, book.now));
  CHECK(book.ledger.unanswered() == 1);
}

TEST_CASE("confirmations cover what is below every open number, and name the rest") {
  Book book;
  const auto a = book.done(Out{});
  const auto blocked = book.sent(take());
  const auto b = book.done(take());
  const auto c = book.done(read());
  const auto d = book.done(Out{});
  const auto confirm = book.ledger.take_confirm(book.now);
  REQUIRE(confirm);
  CHECK(confirm->upto == a);
  CHECK(confirm->also == std::vector<Sequence>{b, d});  // reads need none
  CHECK(!book.ledger.take_confirm(book.now));
  CHECK(c < d);

  CHECK(book.ledger.answered(blocked, book.now));
  CHECK(book.ledger.release(blocked, book.now));
  CHECK(book.ledger.take_confirm(book.now)->upto == d);
}

TEST_CASE("reads alone are never confirmed, takes ride with the next operation, others when some have gathered") {
  Book book;
  book.done(read());
  CHECK(!book.ledger.confirm_due());
  book.done(Out{});
  CHECK(book.ledger.confirm_due() == book.now + Ledger::confirm_within);
  CHECK(!book.ledger.confirm_rides());
  book.done(take());
  CHECK(book.ledger.confirm_rides());
  book.ledger.take_confirm(book.now);
  for (std::size_t i = 0; i < Ledger::confirm_after; ++i) book.done(Out{});
  CHECK(book.ledger.confirm_rides());
}

TEST_CASE("an answer that is held is not confirmed before it is released") {
  Book book;
  const auto held = book.sent(take());
  CHECK(book.ledger.answered(held, book.now));
  const auto later = book.done(Out{});
  auto confirm = book.ledger.take_confirm(book.now);
  CHECK(confirm->upto == held - 1);
  CHECK(confirm->also == std::vector<Sequence>{later});
  CHECK(book.ledger.release(held, book.now));
  CHECK(!book.ledger.release(held, book.now));
  CHECK(book.ledger.take_confirm(book.now)->upto == later);
}

TEST_CASE("a refused take is never covered by a confirmation before the server has surely kept the refusal") {
  Book book;
  const auto refused = book.sent(take());
  CHECK(book.ledger.refuse(refused, book.now));
  CHECK(!book.ledger.refuse(refused, book.now));
  CHECK(!book.ledger.answered(refused, book.now));  // what was on its way is not taken
  book.done(Out{});
  CHECK(book.ledger.take_confirm(book.now)->upto == refused - 1);

  CHECK(book.ledger.resumed(book.now).refuse.at(0).sequence == refused);  // repeated: it may have been lost
  book.now += Ledger::settle_time;
  const auto last = book.done(Out{});  // its answer waited for a batch behind the refusal
  CHECK(book.ledger.take_confirm(book.now)->upto == last);
  CHECK(book.ledger.resumed(book.now).refuse.empty());
}

TEST_CASE("an answer that came but was not wanted goes back, too") {
  Book book;
  const auto number = book.sent(take());
  CHECK(book.ledger.answered(number, book.now));
  CHECK(book.ledger.refuse(number, book.now));
  CHECK(!book.ledger.release(number, book.now));
  book.done(Out{});
  CHECK(book.ledger.take_confirm(book.now)->upto == number - 1);
}

TEST_CASE("an out that nobody waits for any more goes on, and its answer is confirmed") {
  Book book;
  const auto number = book.sent(Out{});
  CHECK(!book.ledger.refuse(number, book.now));  // nothing to be sent: it can't be undone
  CHECK(book.ledger.answered(number, book.now));
  CHECK(book.ledger.take_confirm(book.now)->upto == number);
}

TEST_CASE("what was never sent can be dropped without a word") {
  Book book;
  const auto get = book.add(take());
  const auto out = book.add(Out{});
  CHECK(!book.ledger.refuse(get->sequence, book.now));
  CHECK(!book.ledger.refuse(out->sequence, book.now));
  CHECK(book.ledger.unanswered() == 0);
  CHECK(book.ledger.resumed(book.now).resend.empty());
}

TEST_CASE("a session that is resumed: refusals, the confirmation, then the operations in order") {
  Book book;
  const auto before = book.done(take());
  const auto out = book.sent(Out{});
  const auto refused = book.sent(take());
  book.ledger.refuse(refused, book.now);
  const auto confirmed = book.done(take());
  book.ledger.take_confirm(book.now);  // sent, and lost with the connection
  const auto blocked = book.sent(take());
  const auto unsent = book.add(read())->sequence;

  const auto todo = book.ledger.resumed(book.now);
  CHECK(todo.refuse.size() == 1);
  CHECK(todo.refuse.at(0).sequence == refused);
  REQUIRE(todo.confirm);
  CHECK(todo.confirm->upto == before);
  CHECK(todo.confirm->also == std::vector<Sequence>{confirmed});
  CHECK(todo.resend == std::vector<Sequence>{out, blocked, unsent});
}

TEST_CASE("a blocked get is sent again with its place in the queue and the time it has left") {
  Book book;
  const auto number = book.sent(take(), 10s);
  book.ledger.waiting(number, {.epoch = 3, .ticket = 17}, book.now);
  book.now += 4s;
  const auto again = std::get<Get>(*book.ledger.again(number, book.now));
  CHECK(again.ticket_epoch == 3);
  CHECK(again.ticket == 17);
  CHECK(again.timeout_us == 6'000'000);
}

TEST_CASE("a session that is gone: the outcome of changes is unknown, everything else is sent again") {
  Book book;
  book.done(take());
  const auto out = book.sent(Out{});
  const auto in = book.sent(take());
  const auto rd = book.sent(read());
  const auto unsent = book.add(Out{})->sequence;
  const auto held = book.sent(take());
  book.ledger.answered(held, book.now);
  const auto refused = book.sent(take());
  book.ledger.refuse(refused, book.now);

  const auto todo = book.ledger.renewed({});
  REQUIRE(todo.lost.size() == 1);
  CHECK(todo.lost[0]->sequence == out);
  CHECK(todo.applied.empty());
  CHECK(todo.resend == std::vector<Sequence>{in, rd, unsent});
  CHECK(!book.ledger.release(held, book.now));  // too late: it is back in the space
  CHECK(!book.ledger.anything_to_confirm());
}

TEST_CASE("a session that is gone and remembered: every change is known to have happened or not") {
  Book book;
  const auto done = book.sent(Out{});
  const auto undone = book.sent(Out{});
  wire::Welcome welcome;
  welcome.remembered = true;
  welcome.applied = {done};
  const auto todo = book.ledger.renewed(welcome);
  CHECK(todo.lost.empty());
  REQUIRE(todo.applied.size() == 1);
  CHECK(todo.applied[0]->sequence == done);
  CHECK(todo.resend == std::vector<Sequence>{undone});
}

TEST_CASE("a session that is gone: what nobody waits for any more is over, and later numbers are confirmed") {
  Book book;
  const auto renewal = book.sent(Renew{});
  const auto out = book.sent(Out{});
  book.ledger.refuse(renewal, book.now);
  book.ledger.refuse(out, book.now);
  const auto todo = book.ledger.renewed({});
  CHECK(todo.resend.empty());
  CHECK(book.ledger.unanswered() == 0);
  const auto next = book.done(take());
  CHECK(book.ledger.take_confirm(book.now)->upto == next);
}

TEST_CASE("time runs out while disconnected: the number is refused at the resumption") {
  Book book;
  const auto number = book.sent(take(), 5s);
  const auto patient = book.sent(take());
  book.now += 4s;
  CHECK(book.ledger.expired(book.now).empty());
  book.now += 2s;
  const auto expired = book.ledger.expired(book.now);
  REQUIRE(expired.size() == 1);
  CHECK(expired[0].request->sequence == number);
  CHECK(!expired[0].outcome_unknown);
  const auto todo = book.ledger.resumed(book.now);
  CHECK(todo.refuse.at(0).sequence == number);
  CHECK(todo.resend == std::vector<Sequence>{patient});
}

TEST_CASE("a change that took effect and whose answer is lost: done, or an error when the answer said what was found") {
  Request request;
  request.owned = Out{};
  CHECK(std::holds_alternative<Done>(std::get<Answer>(bare_success(request))));
  request.owned = Spaces{};
  CHECK(std::holds_alternative<Listing>(std::get<Answer>(bare_success(request))));
  for (const Operation& operation : {Operation(Statement{}), Operation(Collect{})}) {
    request.owned = operation;
    const auto result = bare_success(request);
    const auto* error = std::get_if<Error>(&result);
    REQUIRE(error != nullptr);
    CHECK(error->code() == ErrorCode::disconnected);
    CHECK(!error->outcome_unknown());
    CHECK(std::string(error->what()).find("took effect") != std::string::npos);
    CHECK(std::string(error->what()).find("lost") != std::string::npos);
  }
}

TEST_CASE("time runs out for a statement while disconnected: only one that was never sent surely did nothing") {
  Book book;
  Statement statement;
  const auto sent = book.sent(statement, 1000ms);
  const auto unsent = book.add(statement, 1000ms)->sequence;
  book.now += 2s;
  const auto expired = book.ledger.expired(book.now);
  REQUIRE(expired.size() == 2);
  CHECK(expired[0].request->sequence == sent);
  CHECK(expired[0].outcome_unknown);
  CHECK(expired[1].request->sequence == unsent);
  CHECK(!expired[1].outcome_unknown);
  CHECK(book.ledger.expired(book.now).empty());
  const auto todo = book.ledger.resumed(book.now);
  CHECK(todo.resend.empty());  // nobody waits: it must not happen now
}

TEST_CASE("what was refused while disconnected is refused before anything beyond it is confirmed") {
  Book book;
  const auto unwanted = book.sent(take());
  const auto later = book.done(take());
  CHECK(book.ledger.refuse(unwanted, book.now));  // there is no connection: the caller can't send it
  const auto todo = book.ledger.resumed(book.now);
  REQUIRE(todo.refuse.size() == 1);
  CHECK(todo.refuse[0].sequence == unwanted);
  REQUIRE(todo.confirm);
  CHECK(todo.confirm->upto < unwanted);
  CHECK(todo.confirm->also == std::vector<Sequence>{later});
  book.now += 10ms;
  book.done(take());
  const auto confirm = book.ledger.take_confirm(book.now);  // the refusal may still be lost
  REQUIRE(confirm);
  CHECK(confirm->upto < unwanted);
}

TEST_CASE("an answer that comes twice is used once, however late the second is") {
  Book book;
  const auto held = book.add(take());
  book.ledger.sent(held->sequence, book.now);
  CHECK(book.ledger.answered(held->sequence, book.now) == held);
  CHECK(!book.ledger.answered(held->sequence, book.now));  // while it is in its caller's hands
  book.ledger.release(held->sequence, book.now);
  CHECK(!book.ledger.answered(held->sequence, book.now));
  book.ledger.take_confirm(book.now);
  const auto next = book.sent(take());
  CHECK(!book.ledger.answered(held->sequence, book.now));
  CHECK(book.ledger.find(next) != nullptr);
}

TEST_CASE("giving up fails what has waited long enough, and says what can't be known") {
  Book book;
  const auto out = book.sent(Out{});
  const auto in = book.sent(take());
  book.now += 30s;
  const auto young = book.add(Out{})->sequence;
  const auto failures = book.ledger.fail_all(book.now, book.now - 10s);
  REQUIRE(failures.size() == 2);
  CHECK(failures[0].request->sequence == out);
  CHECK(failures[0].outcome_unknown);
  CHECK(failures[1].request->sequence == in);
  CHECK(!failures[1].outcome_unknown);

  const auto todo = book.ledger.resumed(book.now);  // the session lives after all
  CHECK(todo.refuse.at(0).sequence == in);
  CHECK(todo.resend == std::vector<Sequence>{young});
}

TEST_CASE("the lease counts from the sending of the newest frame that was answered") {
  Book book;
  const auto first = book.now;
  const auto out = book.sent(Out{});
  book.now += 3s;
  book.ledger.answered(out, book.now);
  CHECK(book.ledger.heard() == first);
  const auto in = book.sent(take());
  book.now += 1s;
  book.ledger.waiting(in, {1, 1}, book.now);
  CHECK(book.ledger.heard() == first + 3s);
}

TEST_CASE("an old blocked operation does not make the ledger grow") {
  Book book;
  const auto blocked = book.sent(take());
  for (int i = 0; i < 10'000; ++i) {
    book.now += 10ms;
    book.done(Out{});
    if (book.ledger.confirm_rides()) book.ledger.take_confirm(book.now);
  }
  book.now += Ledger::settle_time;
  book.done(Out{});
  const auto todo = book.ledger.resumed(book.now);
  CHECK(todo.resend == std::vector<Sequence>{blocked});
  CHECK(todo.confirm->also.size() < 300);  // not ten thousand: what is surely kept is not repeated
}

TEST_CASE("P3: a take that the disk failed is refused, not confirmed: the disk may have it, and nobody was handed it") {
  Book book;
  const auto number = book.sent(take());
  REQUIRE(book.ledger.answered(number, book.now));
  CHECK(book.ledger.refuse(number, book.now));  // Failed{storage_error}: Link::finish
  CHECK_FALSE(book.ledger.take_confirm(book.now));
  const auto todo = book.ledger.resumed(book.now);
  REQUIRE(todo.refuse.size() == 1);
  CHECK(todo.refuse[0].sequence == number);
  CHECK_FALSE(todo.confirm);
}
