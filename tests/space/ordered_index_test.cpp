// Templates with ranges: with ordered indexes they find what they find without, however many tuples there are.
#include <algorithm>
#include <map>
#include <random>

#include "quick.hpp"

namespace parvis::space::test {

namespace {

using Catch::Matchers::Contains;

// What two engines are asked alike: fields of all types that a range may want, and of those that none does.
class Questions {
 public:
  explicit Questions(std::uint64_t seed) : random_(seed) {}
  std::size_t below(std::size_t n) { return random_() % n; }
  bool chance(int percent) { return below(100) < static_cast<std::size_t>(percent); }

  std::string value(std::size_t type) {
    static const char* const odd[] = {"nil", "true", "nan", "[1]", "(2, 3)", "-nan", "{\"k\": 1}"};
    switch (type) {
      case 0:
        return chance(20) ? chance(50) ? "1" + std::string(20 + below(2), '0') : "-1" + std::string(21, '0')
                          : std::to_string(static_cast<int>(below(30)) - 10);
      case 1: return chance(20) ? chance(50) ? "-0.0" : "-inf" : std::to_string(below(20)) + ".5";
      case 2: return '"' + text() + '"';
      case 3: return "b\"" + text() + '"';
      default: return odd[below(std::size(odd))];
    }
  }
  std::string tuple_text() {
    std::string all = "(";
    for (std::size_t n = 1 + below(3); n > 0; --n) all += value(below(5)) + ", ";
    return all + ")";
  }
  std::string pattern_text() {
    std::string all = "(";
    for (std::size_t n = 1 + below(3); n > 0; --n) {
      const std::size_t type = below(4);
      if (chance(55)) all += type >= 2 && chance(50) ? value(type) + "*" : value(type) + ".." + value(type);
      else all += chance(70) ? "?" : value(below(5));
      all += ", ";
    }
    return all + (chance(30) ? "...)" : ")");
  }
  Operation operation(const std::vector<TransactionId>& open) {
    if (!open.empty() && chance(10)) return Abort{open[below(open.size())]};
    const std::size_t dice = below(100);
    if (dice < 40) {
      Out o{"s", {tuple(tuple_text())}};
      o.priority = static_cast<int>(below(5)) / 2;
      if (chance(20)) o.group = Payload(tuple("(" + std::to_string(below(4)) + ",)"));
      if (chance(10)) o.lease_us = static_cast<std::int64_t>(below(50'000));
      return o;
    }
    std::vector<Payload> templates;
    for (std::size_t n = chance(80) ? 1 : 2; n > 0; --n) templates.emplace_back(pattern(pattern_text()));
    if (dice < 45) return Count{"s", templates};
    if (dice < 47) return Aggregate{"s", templates, {0}, {{Aggregate::Function::count, 0}}};
    if (dice < 55) return Scan{"s", templates, static_cast<std::uint32_t>(1 + below(5))};
    Get g{"s", templates, chance(50), false};
    g.max = chance(60) ? 1 : static_cast<std::uint32_t>(1 + below(20));
    g.begin = g.take && chance(70);
    return g;
  }

 private:
  std::string text() {
    std::string t = chance(70) ? "a start that all have/" : "";
    for (std::size_t n = below(3); n > 0; --n) t += static_cast<char>('a' + below(3));
    return t;
  }
  std::mt19937_64 random_;
};

}  // namespace

TEST_CASE("P4: with ordered indexes every answer is what it is without, whatever comes and goes") {
  std::size_t indexed = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    INFO("seed " << seed);
    Questions questions(seed);
    Limits limits;
    limits.range_steps = 1 + questions.below(4);
    Quick with(limits);
    limits.range_steps = 0;
    Quick without(limits);
    std::vector<TransactionId> open;
    for (int step = 0; step < 600; ++step) {
      const Operation operation = questions.operation(open);
      if (const auto* scan = std::get_if<Scan>(&operation)) {
        REQUIRE(with.scan(*scan) == without.scan(*scan));
      } else {
        const Answer answer = with.ask(operation);
        REQUIRE(Asker::text_of(answer) == Asker::text_of(without.ask(operation)));
        if (const auto* found = std::get_if<Found>(&answer); found != nullptr && found->transaction != 0)
          open.push_back(found->transaction);
        if (const auto* abort = std::get_if<Abort>(&operation)) std::erase(open, abort->transaction);
      }
      if (questions.chance(30)) with.idle(1), without.idle(1);
      if (step % 20 == 0) with.harness.engine->check();
    }
    indexed += with.harness.engine->stats().index_bytes - without.harness.engine->stats().index_bytes;
  }
  CHECK(indexed > 40 * 1500);  // they were there
}

namespace {

constexpr int many = 300'000;

// Tuples ("n", number, name), put in no order of their numbers.
struct Numbered {
  int priority, number;
  [[nodiscard]] static std::string name(int number) {
    return "a name that all have/" + std::to_string(1'000'000 + number);
  }
  [[nodiscard]] std::string text() const { return "(\"n\", " + std::to_string(number) + ", \"" + name(number) + "\")"; }
};

class NumberedSpace {
 public:
  explicit NumberedSpace(Quick& client) {
    std::mt19937_64 random(1);
    for (int i = 0; i < many; ++i) known_.push_back({static_cast<int>(random() % 3), i});
    std::shuffle(known_.begin(), known_.end(), random);
    for (const int priority : {0, 1, 2}) {
      Out o{"s", {}};
      o.priority = priority;
      for (const Numbered& t : known_) {
        if (t.priority != priority) continue;
        o.tuples.emplace_back(encoded(Tuple{{Value("n"), Value(t.number), Value(Numbered::name(t.number))}}));
        if (o.tuples.size() < 20'000) continue;
        Asker::as<Done>(client.ask(o));
        o.tuples.clear();
      }
      Asker::as<Done>(client.ask(o));
    }
    std::stable_sort(known_.begin(), known_.end(), [](auto& a, auto& b) { return a.priority > b.priority; });
  }
  // The first in a range, by priority and then by age.
  [[nodiscard]] std::string first(int low, int high, std::size_t max) const {
    std::string all;
    for (const Numbered& t : known_) {
      if (max == 0) break;
      if (t.number < low || t.number > high) continue;
      all += (all.empty() ? "" : " ; ") + t.text();
      --max;
    }
    return all;
  }
  void remove(const std::string& text) {
    std::erase_if(known_, [&](const Numbered& t) { return t.text() == text; });
  }

 private:
  std::vector<Numbered> known_;
};

}  // namespace

TEST_CASE("P9: ranges among 300 000 tuples are found within the steps, in order, once their index is there") {
  Quick client{Limits{}};
  NumberedSpace space(client);
  std::mt19937_64 random(2);
  const auto range = [](int low, int high, bool take, std::uint32_t max) {
    Get g = get("(?, " + std::to_string(low) + ".." + std::to_string(high) + ", ?)", take, false);
    g.max = max;
    return g;
  };
  const Sequence in_vain = client.start(range(-9, -1, false, 1));
  const Sequence counted = client.start(Count{"s", {pattern("(?, -9..-1, ?)")}});
  const Sequence prefix = client.start(get("(\"n\", ?int, \"none\"*)", false, false));
  CHECK_THAT(client.text(in_vain), Contains("no answer"));
  client.idle(2 * many / 1000 + 8);
  CHECK(client.text(in_vain).empty());
  CHECK(client.text(counted) == "0");
  CHECK(client.text(prefix).empty());

  CHECK(client.text(range(-9, -1, false, 1)).empty());
  CHECK(client.text(Count{"s", {pattern("(?, 1000..1999, ?)")}}) == "1000");
  const std::string last = Numbered::name(many - 1).substr(0, 28);
  CHECK(client.text(get("(\"n\", ?int, \"" + last + "\"*)", false, false)) == space.first(many - 1, many - 1, 1));
  CHECK(client.text(Scan{"s", {pattern("(\"n\", 7..8, ...)")}}) == space.first(7, 8, 2));
  for (int i = 0; i < 200; ++i) {
    const int low = static_cast<int>(random() % many);
    const int high = low + static_cast<int>(random() % (i % 10 == 0 ? 100'000 : 100));
    const auto max = static_cast<std::uint32_t>(1 + random() % 5);
    REQUIRE(client.text(range(low, high, false, max)) == space.first(low, high, max));
    if (i % 4 != 0 || space.first(low, high, 1).empty()) continue;
    Get claim = range(low, high, true, 1);  // what is claimed is away, and at its place when it is back
    claim.begin = true;
    const Answer claimed = client.ask(claim);
    CHECK(client.text(range(low, high, false, 1)) != Asker::text_of(claimed));
    client.ask(Abort{std::get<Found>(claimed).transaction});
    const std::string taken = space.first(low, high, 1);
    REQUIRE(client.text(range(low, high, true, 1)) == taken + " attempts 1");
    space.remove(taken);
  }
  client.harness.engine->check();
}

TEST_CASE("An ordered index goes with the last tuple, and when nobody has asked for long") {
  Limits limits;
  limits.range_steps = 100;
  Quick client(limits);
  const auto put = [&](int from, int to) {
    Out o{"s", {}};
    for (int i = from; i < to; ++i)
      o.tuples.emplace_back(tuple("(" + std::to_string(i) + ", " + std::to_string(i) + ")"));
    client.ask(o);
  };
  const auto index_bytes = [&] { return client.harness.engine->stats().index_bytes; };
  const std::uint64_t empty = index_bytes();
  put(0, 2000);
  const std::uint64_t plain = index_bytes();
  const auto ask_in_vain = [&] { CHECK(client.text(get("(?, -5..-1)", false, false)).empty()); };
  ask_in_vain();
  CHECK(client.harness.engine->next_deadline() == client.harness.now + 1ms);
  client.idle(20);
  CHECK(client.harness.engine->next_deadline().value_or(Time::max()) > client.harness.now + 1s);  // all is done
  CHECK(index_bytes() > plain + 2000 * 24);
  CHECK(index_bytes() < plain + 2000 * 50);
  const std::uint64_t indexed = index_bytes();
  SECTION("its tuples are taken") {
    Get all = get("(...)", true, false);
    all.max = 2000;
    client.ask(all);
    CHECK(index_bytes() < empty + 100);
  }
  SECTION("nobody asks") {
    for (int round = 0; round < 30 && index_bytes() > plain + 10'000; ++round) {
      Get some = get("(...)", true, false);
      some.max = 500;
      client.ask(some);
      put(round * 500, round * 500 + 500);
    }
    CHECK(index_bytes() < plain + 10'000);
    ask_in_vain();
    client.idle(20);
    CHECK(index_bytes() > plain + 2000 * 24);
  }
  SECTION("somebody asks now and then") {
    for (int round = 0; round < 60; ++round) {
      Get some = get("(...)", true, false);
      some.max = 500;
      client.ask(some);
      put(round * 500, round * 500 + 500);
      if (round % 10 == 0) ask_in_vain();
    }
    CHECK(index_bytes() > indexed - 10'000);
  }
  client.harness.engine->check();
}

TEST_CASE("Ordered indexes leave the last of the memory to tuples, and none is made where they are switched off") {
  Limits limits;
  limits.range_steps = 100;
  limits.steps_per_operation = 1000;
  const auto fill = [](Quick& client) {
    for (int i = 0; i < 3000; ++i)
      REQUIRE(client.text(out("(" + std::to_string(i) + ", " + std::to_string(i) + ")")).find("Limit") ==
              std::string::npos);
    const Engine::Stats stats = client.harness.engine->stats();
    return stats.tuple_bytes + stats.index_bytes;
  };
  SECTION("little memory") {
    Quick measured(limits);
    limits.memory_bytes = fill(measured) * 21 / 20;
  }
  SECTION("switched off") { limits.range_steps = 0; }
  Quick client(limits);
  fill(client);
  const std::uint64_t plain = client.harness.engine->stats().index_bytes;
  for (int i = 0; i < 20; ++i) {
    CHECK_THAT(client.text(get("(?, -5..-1)", false, false)), Contains("LimitExceeded"));
    client.idle(1);
  }
  CHECK(client.harness.engine->stats().index_bytes == plain);
  client.idle(1);
  CHECK(client.harness.engine->next_deadline().value_or(Time::max()) > client.harness.now + 1s);
}

}  // namespace parvis::space::test
