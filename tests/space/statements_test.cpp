// Statements under contention, their limits, and what is left of them after a crash. Single behaviours stand in
// tests/scripts/statements.txt.
#include <catch2/catch.hpp>

#include <random>

#include "clients.hpp"
#include "statement_text.hpp"

using namespace parvis;
using namespace parvis::space;
using namespace parvis::space::test;

namespace {

std::string text(const std::vector<Item>& items) {
  std::string all;
  for (const Item& item : items) all += (all.empty() ? "" : " ; ") + text_of(item);
  return all;
}
std::string text(const Answer& answer) {
  const auto* failed = std::get_if<Failed>(&answer);
  if (failed != nullptr) return std::string(name_of(failed->code)) + ": " + failed->text;
  if (const auto* done = std::get_if<Done>(&answer)) return "done " + std::to_string(done->number);
  if (const auto* found = std::get_if<Found>(&answer)) return text(found->items);
  const Ran& ran = std::get<Ran>(answer);
  return "ran " + std::to_string(ran.branch) + ": " + text(ran.items) + " -> " + text(ran.updated);
}

Out out(const std::string& space, const std::string& tuples) { return Out{space, {tuple(tuples)}}; }
Get all(const std::string& space) { return Get{space, {pattern("(...)")}, false, false, 0, 1000}; }
Statement now(const std::string& statement_text) { return statement(statement_text, false); }

}  // namespace

TEST_CASE("P2: a statement is answered again with its tuples, also after a crash, and runs once") {
  Harness harness;
  Client a(harness);
  a.ask(out("s", "(\"n\", 1)"));
  a.ask(out("s", "(\"job\", 7)"));
  const Statement step = now("in s (\"n\", ?v:int) & in s (\"job\", ?j:) => update 0 [1] += 1 & out s (\"done\", ?j:)");
  const std::string answer = text(a.ask(step));
  CHECK(answer == "ran 0: (\"n\", 1) ; (\"job\", 7) -> (\"n\", 2)");
  const Sequence number = a.sequence;
  CHECK(text(a.again(number, step)) == answer);
  for (int crash = 0; crash < 2; ++crash) {
    harness.crash();
    harness.engine->attach(a.id, harness.now);
    CHECK(text(a.again(number, step)) == answer);
    CHECK(text(a.ask(all("s"))) == "(\"n\", 2) ; (\"done\", 7)");
    a.sequence += 10;  // reads are not kept: the numbers after the crash are new ones
  }
  const std::size_t kept = harness.disk.size();
  harness.engine->confirm(a.id, {number, {}}, harness.now);
  a.ask(out("s", "(\"more\",)"));
  CHECK(harness.disk.size() == kept);  // the answer is gone from the store, the new tuple is there
  CHECK(text(a.again(number, step)).find("again") != std::string::npos);
}

TEST_CASE("P1: a statement that was not yet durable at a crash has not happened, and runs then") {
  Harness harness;
  Client a(harness);
  a.ask(out("s", "(\"job\", 7)"));
  harness.sync = false;
  const Statement step = now("in s (\"job\", ?j:) => out s (\"done\", ?j:)");
  CHECK(text(a.ask(step)).find("no answer") != std::string::npos);
  const Sequence number = a.sequence;
  harness.sync = true;
  harness.crash();
  harness.engine->attach(a.id, harness.now);
  CHECK(text(a.again(number, step)) == "ran 0: (\"job\", 7) -> ");
  CHECK(text(a.ask(all("s"))) == "(\"done\", 7)");
}

TEST_CASE("P2: the answers of a session that ends go with it") {
  Harness harness;
  {
    Client a(harness);
    a.ask(out("s", "(1,)"));
    a.ask(now("in s (?x:,) => out s (2,)"));
    harness.engine->end_session(a.id, harness.now);
    harness.turn();
    harness.engine->check();
    CHECK(harness.engine->tombstone_of(a.id)->applied.size() == 2);
  }
  harness.crash();  // an answer that nobody names would be refused here
  harness.engine->check();
}

TEST_CASE("A statement over a durable and a volatile space keeps the durable part") {
  Harness harness;
  Client a(harness);
  a.ask(Spaces{Spaces::What::make, "v", Durability::volatile_, -1, -1});
  a.ask(out("v", "(\"token\",)"));
  a.ask(out("d", "(\"n\", 1)"));
  const Statement both = now("in v (\"token\",) & in d (\"n\", ?n:) => out v (\"token\",) & out d (\"was\", ?n:)");
  const std::string answer = text(a.ask(both));
  CHECK(answer == "ran 0: (\"token\",) ; (\"n\", 1) -> ");
  const Sequence number = a.sequence;
  harness.crash();
  harness.engine->attach(a.id, harness.now);
  CHECK(text(a.again(number, both)) == answer);
  CHECK(text(a.ask(all("d"))) == "(\"was\", 1)");
  CHECK(text(a.ask(all("v"))).empty());
}

TEST_CASE("What a statement found in a durable space is told when that is durable") {
  Harness harness;
  Client a(harness), b(harness);
  harness.sync = false;
  a.ask(out("d", "(1,)"));
  CHECK(text(b.ask(now("rd d (1,) =>"))).find("no answer") != std::string::npos);
  harness.make_durable(harness.queue.size());
  harness.release();
  CHECK(harness.released.size() == 2);
}

// Everybody adds one to it, many times; clients whose statements wait, and are woken by each other.
TEST_CASE("A counter of statements counts every increment") {
  Harness harness;
  std::vector<Client> clients;
  for (int i = 0; i < 8; ++i) clients.emplace_back(harness);
  const Statement add = statement("in s (\"n\", ?v:int) => update 0 [1] += 1");
  for (Client& c : clients)
    for (int i = 0; i < 5; ++i) c.send(add);
  clients[0].send(out("s", "(\"n\", 9223372036854775800)"));  // beyond 64 bits on its way
  harness.turn();
  harness.engine->check();
  CHECK(text(clients[0].ask(all("s"))) == "(\"n\", 9223372036854775840)");
}

TEST_CASE("A barrier of statements opens when the last has come") {
  constexpr int parties = 5;
  Harness harness;
  std::vector<Client> clients;
  for (int i = 0; i < parties; ++i) clients.emplace_back(harness);
  clients[0].ask(out("s", "(\"barrier\", 0, 0)"));
  const Statement arrive = now("in s (\"barrier\", ?g:, " + std::to_string(parties - 1) +
                               ") => update 0 [1] += 1 [2] = 0 | in s (\"barrier\", ?, ?n:) => update 0 [2] += 1");
  for (int generation = 0; generation < 3; ++generation) {
    std::size_t through = 0;
    for (int i = 0; i < parties; ++i) {
      CHECK(through == 0);
      clients[i].ask(arrive);
      clients[i].send(statement("rd s (\"barrier\", " + std::to_string(generation + 1) + ", ?) =>"));
      harness.turn();
      through =
          static_cast<std::size_t>(std::count_if(harness.released.begin(), harness.released.end(), [](const Reply& r) {
            const auto* answer = std::get_if<Answer>(&r.answer);
            return answer != nullptr && std::holds_alternative<Ran>(*answer);
          }));
      if (i + 1 < parties) harness.released.clear();
    }
    CHECK(through == parties);
    harness.released.clear();
    harness.engine->check();
  }
}

// Sessions in random order; who holds the lock is followed here.
TEST_CASE("A reader-writer lock of statements admits many readers or one writer") {
  Harness harness;
  std::vector<Client> clients;
  for (int i = 0; i < 6; ++i) clients.emplace_back(harness);
  enum { idle, waits, reads, writes };
  std::vector<int> state(clients.size(), idle), wants(clients.size(), idle);
  clients[0].ask(out("s", "(\"lock\", 0)"));
  const Statement read = statement("in s (\"lock\", 0..100) => update 0 [1] += 1"),
                  read_end = now("in s (\"lock\", ?) => update 0 [1] -= 1"),
                  write = statement("in s (\"lock\", 0) => update 0 [1] = -1"),
                  write_end = now("in s (\"lock\", -1) => update 0 [1] = 0");
  std::mt19937 random(7);
  for (int step = 0; step < 400; ++step) {
    const std::size_t i = random() % clients.size();
    if (state[i] == waits) continue;
    if (state[i] == idle) {
      wants[i] = random() % 3 == 0 ? writes : reads;
      state[i] = waits;
      clients[i].send(wants[i] == writes ? write : read);
    } else {
      clients[i].send(state[i] == writes ? write_end : read_end);
      state[i] = idle;
    }
    harness.turn();
    harness.engine->check();
    for (const Reply& reply : harness.released)
      for (std::size_t k = 0; k < clients.size(); ++k)
        if (reply.session == clients[k].id && std::holds_alternative<Answer>(reply.answer) && state[k] == waits)
          state[k] = wants[k];
    harness.released.clear();
    const auto writing = std::count(state.begin(), state.end(), static_cast<int>(writes));
    const auto reading = std::count(state.begin(), state.end(), static_cast<int>(reads));
    REQUIRE((writing == 0 || (writing == 1 && reading == 0)));
    const bool nobody_inside = writing + reading == 0;
    REQUIRE_FALSE((nobody_inside && std::count(state.begin(), state.end(), static_cast<int>(waits)) != 0));
  }
}

TEST_CASE("Dining philosophers of statements neither starve nor share a fork") {
  constexpr std::size_t seats = 5;
  Harness harness;
  std::vector<Client> clients;
  for (std::size_t i = 0; i < seats; ++i) clients.emplace_back(harness);
  for (std::size_t i = 0; i < seats; ++i) clients[0].ask(out("table", "(\"fork\", " + std::to_string(i) + ")"));
  const auto fork = [](std::size_t i) { return "table (\"fork\", " + std::to_string(i % seats) + ")"; };
  std::vector<int> meals(seats, 0);
  std::vector<bool> eats(seats, false);
  const auto hear = [&] {
    harness.turn();
    harness.engine->check();
    for (const Reply& reply : harness.released)
      for (std::size_t i = 0; i < seats; ++i)
        if (reply.session == clients[i].id && reply.sequence % 2 == 1 && std::holds_alternative<Answer>(reply.answer))
          eats[i] = true, ++meals[i];
    harness.released.clear();
  };
  for (Client& c : clients) c.sequence = 100;  // odd numbers take the forks, even ones lay them back
  for (std::size_t i = 0; i < seats; ++i) clients[i].send(statement("in " + fork(i) + " & in " + fork(i + 1) + " =>"));
  hear();
  std::mt19937 random(3);
  for (int step = 0; step < 500; ++step) {
    for (std::size_t i = 0; i < seats; ++i) REQUIRE_FALSE((eats[i] && eats[(i + 1) % seats]));
    REQUIRE(std::count(eats.begin(), eats.end(), true) != 0);
    std::size_t i = random() % seats;
    while (!eats[i]) i = (i + 1) % seats;
    eats[i] = false;
    clients[i].send(now("=> out " + fork(i) + " & out " + fork(i + 1)));
    clients[i].send(statement("in " + fork(i) + " & in " + fork(i + 1) + " =>"));
    hear();
  }
  CHECK(*std::min_element(meals.begin(), meals.end()) > 50);
}

TEST_CASE("A join looks up by the value that was bound, and goes back only to what matters") {
  Limits limits;
  limits.steps_per_operation = 10'000;
  Harness harness(limits);
  Client a(harness);
  std::vector<Payload> left, right;
  for (int i = 0; i < 2'000; ++i) {
    left.emplace_back(tuple("(\"left\", " + std::to_string(i) + ")"));
    right.emplace_back(tuple("(\"right\", " + std::to_string(1'999 + i) + ", \"x\")"));
  }
  a.ask(Out{"s", left});
  a.ask(Out{"s", right});
  CHECK(text(a.ask(now("rd s (\"left\", ?i:) & rd s (\"right\", ?i:, ?what:) =>"))) ==
        "ran 0: (\"left\", 1999) ; (\"right\", 1999, \"x\") -> ");
  // The missing token has nothing to do with the 2000 * 2000 pairs before it.
  CHECK(text(a.ask(now("rd s (\"left\", ?) & rd s (\"right\", ?, ?) & rd s (\"left\", 0) & in s (\"right\", 0, ?) =>")))
            .substr(0, 5) == "ran 1");
  CHECK(text(a.ask(now("rd s (\"left\", ?) & rd s (\"right\", ?, ?) & absent s (\"left\", 7) =>"))).substr(0, 5) ==
        "ran 1");
  // One that has to look at every pair.
  check_limit(text(a.ask(now("rd s (\"left\", ?i:) & rd s (\"right\", ?j:, ?) & rd s (?i:, ?j:) =>"))),
              "steps_per_operation = 10000");
}

TEST_CASE("absent stands for values that the guard has bound") {
  Harness harness;
  Client a(harness);
  for (const char* t : {"(\"task\", 1)", "(\"task\", 2)", "(\"blocked\", 1)"}) a.ask(out("s", t));
  const Statement next = statement("in s (\"task\", ?n:) & absent s (\"blocked\", ?n:) => out s (\"runs\", ?n:)");
  CHECK(text(a.ask(next)) == "ran 0: (\"task\", 2) -> ");
  const Sequence waiting = a.send(next);
  CHECK(text(a.ask(Get{"s", {pattern("(\"blocked\", 1)")}, true, false})) == "(\"blocked\", 1)");
  CHECK(text(a.answer_of(waiting)) == "ran 0: (\"task\", 1) -> ");
}

TEST_CASE("Tuples put together are seen together by statements") {
  Harness harness;
  Client a(harness), b(harness), c(harness);
  const Sequence cautious = b.send(statement("in s (1,) & absent s (2,) =>"));
  const Sequence both = c.send(statement("in s (1,) & in s (2,) =>"));
  const Sequence plain = c.send(Get{"s", {pattern("(1,)")}});
  a.ask(Out{"s", {tuple("(1,)"), tuple("(2,)")}});
  CHECK(text(c.answer_of(both)) == "ran 0: (1,) ; (2,) -> ");
  CHECK(text(b.answer_of(cautious)).find("no answer") != std::string::npos);
  a.ask(out("s", "(1,)"));
  CHECK(text(b.answer_of(cautious)) == "ran 0: (1,) -> ");
  CHECK(text(c.answer_of(plain)).find("no answer") != std::string::npos);
}

TEST_CASE("P5: a plain in and statements stand in one queue") {
  Harness harness;
  Client a(harness);
  std::vector<Client> clients;
  for (int i = 0; i < 6; ++i) clients.emplace_back(harness);
  std::vector<Sequence> numbers;
  for (std::size_t i = 0; i < clients.size(); ++i)
    numbers.push_back(i % 2 == 0 ? clients[i].send(statement("in s (\"x\", ?) =>"))
                                 : clients[i].send(Get{"s", {pattern("(\"x\", ?)")}}));
  for (std::size_t i = 0; i < clients.size(); ++i) {
    a.ask(out("s", "(\"x\", " + std::to_string(i) + ")"));
    CHECK_THAT(text(clients[i].answer_of(numbers[i])), Catch::Matchers::Contains("(\"x\", " + std::to_string(i) + ")"));
  }
}

TEST_CASE("P6: the many that a statement wakes are served in one step, and those it does not are left") {
  Harness harness;
  Client a(harness), b(harness);
  std::vector<Sequence> numbers;
  for (int i = 0; i < 300; ++i)
    numbers.push_back(b.send(
        statement("in s (\"step\", " + std::to_string(i) + ") => out s (\"step\", " + std::to_string(i + 1) + ")")));
  a.ask(out("s", "(\"step\", 0)"));
  CHECK(text(b.answer_of(numbers.back())) == "ran 0: (\"step\", 299) -> ");
  CHECK(text(a.ask(all("s"))) == "(\"step\", 300)");
}

TEST_CASE("P9: limits of statements are named, and nothing has happened") {
  Limits limits;
  limits.tuple_bytes = 60;
  limits.message_bytes = 250;
  limits.unconfirmed_per_session = 50;
  Harness harness(limits);
  Client a(harness);
  a.ask(out("s", "(\"x\", \"0123456789012345678901234567\", 1)"));
  check_limit(text(a.ask(now("in s (\"x\", ?t:str, ?n:) => out s (?t:, [?t:, (?t:,)])"))), "tuple_bytes = 60");
  check_limit(text(a.ask(now("in s (\"x\", ?t:str, ?n:) => update 0 [2] = (?t:, ?t:)"))), "tuple_bytes = 60");
  a.ask(out("s", "(\"x\", \"0123456789012345678901234567\", 2)"));
  a.ask(out("s", "(\"x\", \"0123456789012345678901234567\", 3)"));
  check_limit(text(a.ask(now("in s (\"x\", ?, 1) & rd s (\"x\", ?, 2) & rd s (\"x\", ?, 3) => update 0 [2] = 4"))),
              "message_bytes = 250");
  Statement many = now("in s (\"y\",) =>");
  many.branches.resize(max_statement_parts, many.branches[0]);
  check_limit(text(a.ask(many)), "max_statement_parts");
  harness.engine->refuse_puts("the disk is full");
  CHECK(text(a.ask(now("in s (\"x\", ?, 3) => out s (1,)"))) == "StorageFull: the disk is full");
  CHECK(text(a.ask(now("in s (\"x\", ?, 3) => update 0 [2] = 5"))).substr(0, 5) == "ran 0");
  CHECK(text(a.ask(now("in s (\"x\", ?, 5) =>"))).substr(0, 5) == "ran 0");
  for (int i = 0; i < 50; ++i) a.ask(now("in s (\"y\",) =>"));
  check_limit(text(a.ask(now("in s (\"y\",) =>"))), "unconfirmed_per_session = 50");
}

TEST_CASE("Collect moves up to its limit, and keeps order, priority, lease and tries") {
  Harness harness;
  Client a(harness);
  std::vector<Payload> many(max_collect + 1, tuple("(\"many\",)"));
  a.ask(Out{"from", many});
  check_limit(text(a.ask(Collect{"from", "to", {pattern("(...)")}, false})), "max_collect = 50000");
  check_limit(text(a.ask(now("=> move from to (...)"))), "max_collect = 50000");
  a.ask(Get{"from", {pattern("(...)")}, true, false});
  CHECK(text(a.ask(Collect{"from", "to", {pattern("(...)")}, false})) == "done 50000");
  const Sequence number = a.sequence;
  harness.crash();
  harness.engine->attach(a.id, harness.now);
  CHECK(text(a.again(number, Collect{"from", "to", {pattern("(...)")}, false})) == "done 50000");
  CHECK(text(a.ask(Count{"to", {pattern("(...)")}})) == "done 50000");

  a.ask(Out{"a", {tuple("(1,)")}, 5'000'000});
  a.ask(Out{"a", {tuple("(2,)")}, -1, false, 3});
  a.ask(out("a", "(3,)"));
  const Answer claim = a.ask(Get{"a", {pattern("(3,)")}, true, false, -1, 1, 0, true});
  a.ask(Abort{std::get<Found>(claim).transaction});
  a.ask(out("b", "(0,)"));
  CHECK(text(a.ask(Collect{"a", "b", {pattern("(?,)")}, false})) == "done 3");
  CHECK(text(a.ask(all("b"))) == "(2,) ; (0,) ; (1,) ; (3,) attempts 1");
  harness.advance(6s);
  CHECK(text(a.ask(all("b"))) == "(2,) ; (0,) ; (3,) attempts 1");
}

TEST_CASE("Collect serves those who wait in the target") {
  Harness harness;
  Client a(harness), b(harness);
  a.ask(Out{"a", {tuple("(1,)"), tuple("(2,)")}});
  const Sequence one = b.send(Get{"b", {pattern("(2,)")}});
  const Sequence other = b.send(statement("in b (1,) & absent a (?,) =>"));
  CHECK(text(a.ask(Collect{"a", "b", {pattern("(?,)")}, false})) == "done 2");
  CHECK(text(b.answer_of(one)) == "(2,)");
  CHECK(text(b.answer_of(other)) == "ran 0: (1,) -> ");
  CHECK(text(a.ask(Collect{"nowhere", "b", {pattern("(?,)")}, false})) == "done 0");
}
