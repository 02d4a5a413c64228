// Not a test: what a million tuples cost. Run it by hand, in a release build: test_space "[measure]"
#include <catch2/catch.hpp>

#include <malloc.h>

#include <chrono>
#include <functional>
#include <iostream>

#include "harness.hpp"

namespace parvis::space::test {

namespace {

constexpr int million = 1'000'000;

std::size_t allocated() { return mallinfo2().uordblks + mallinfo2().hblkhd; }

template <class Do>
void measure(const char* what, int times, Do&& act) {
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < times; ++i) act(i);
  const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - start;
  std::cout << what << ": " << static_cast<int>(took.count() / times) << " ns\n";
}

}  // namespace

TEST_CASE("A million tuples: bytes, and nanoseconds an operation", "[.][measure]") {
  Engine engine(Limits{}, Durability::durable, Time(0));
  engine.recovered(Time(0));
  const SessionId id = engine.open_session(secret(1), Time(0));
  Sequence sequence = 0;
  std::size_t own = 0;
  const auto ask = [&](const Operation& operation) {
    engine.apply(id, ++sequence, operation, Time(0));
    engine.confirm(id, {sequence, {}}, Time(0));
    return engine.take_turn();
  };
  // Templates are made beforehand: their encoding is the client's work.
  std::vector<Blob> tuples, hits;
  for (int i = 0; i < million; ++i) {
    tuples.push_back(encoded(Tuple{{Value("task"), Value(i), Value(i * 0.5)}}));
    own += tuples.back().size();
  }
  for (int i = 0; i < 1000; ++i) hits.push_back(pattern("(\"task\", " + std::to_string(i * 997) + ", ?float)"));
  const Blob miss = pattern("(\"task\", -1, ?float)"), any = pattern("(\"task\", ?int, ?float)");

  const std::size_t before = allocated();
  measure("out", million, [&](int i) { ask(Out{"s", {tuples[static_cast<std::size_t>(i)]}}); });
  std::cout << "bytes a tuple: " << (allocated() - before) / million << " in all, " << own / million
            << " its own; counted " << (engine.stats().tuple_bytes + engine.stats().index_bytes) / million << '\n';
  measure("rdp, found by a rare field", 200'000, [&](int i) {
    ask(Get{"s", {hits[static_cast<std::size_t>(i) % 1000]}, false, false});
  });
  measure("rdp, nothing", 200'000, [&](int) { ask(Get{"s", {miss}, false, false}); });
  measure("inp, the oldest of a million", 200'000, [&](int) { ask(Get{"s", {any}, true, false}); });

  std::vector<Blob> waits;
  for (int i = 0; i < 100'000; ++i) waits.push_back(pattern("(\"reply\", " + std::to_string(i) + ", ?)"));
  measure("in that blocks", 99'000, [&](int i) {
    engine.apply(id, ++sequence, Get{"s", {waits[static_cast<std::size_t>(i)]}, true, true}, Time(0));
    engine.take_turn();
  });
  std::vector<Blob> calls;
  for (int i = 0; i < 50'000; ++i) calls.push_back(encoded(Tuple{{Value("reply"), Value(i), Value(1)}}));
  Confirm both;  // the out's answer, and that of the in it ended
  const Sequence first = sequence - 98'999;
  measure("out to one of 99 000 waiters", 50'000, [&](int i) {
    engine.apply(id, ++sequence, Out{"s", {calls[static_cast<std::size_t>(i)]}}, Time(0));
    both.also = {sequence, first + static_cast<Sequence>(i)};
    engine.confirm(id, both, Time(0));
    engine.take_turn();
  });
}

TEST_CASE("Ranges among a thousand to a million tuples: nanoseconds, and bytes of an ordered index", "[.][measure]") {
  for (int stored = 1000; stored <= million; stored *= 10) {
    Engine engine(Limits{}, Durability::volatile_, Time(0));
    Time now{0};
    engine.recovered(now);
    const SessionId id = engine.open_session(secret(1), now);
    Sequence sequence = 0;
    const auto ask = [&](const Operation& operation) {
      engine.apply(id, ++sequence, operation, now);
      engine.confirm(id, {sequence, {}}, now);
      return engine.take_turn();
    };
    const auto key = [&](int i) {  // in no order: the worst for a tree
      const auto mixed = static_cast<std::int64_t>(i) * 7919 % stored;
      return std::to_string(10'000'000 + mixed);
    };
    const auto tuple_of = [&](int i) {
      return encoded(Tuple{{Value("k" + key(i)), Value(std::stoi(key(i))), Value("z" + key(i))}});
    };
    ask(Spaces{Spaces::What::make, "s", Durability::volatile_});
    for (int i = 0; i < stored; ++i) ask(Out{"s", {tuple_of(i)}});
    const std::string among = " among " + std::to_string(stored);
    const auto look = [&](const std::string& what, bool found, const std::function<std::string(int)>& text) {
      std::vector<Blob> templates;
      for (int i = 0; i < 1000; ++i) templates.push_back(pattern(text(i * 997 % stored)));
      const std::uint64_t before = engine.stats().index_bytes;
      for (std::size_t i = 0; i < 100; ++i) ask(Get{"s", {templates[i]}, false, false});  // has an index made
      const auto start = std::chrono::steady_clock::now();
      for (int slice = 0; slice <= stored / 1000; ++slice, now += 1ms) engine.advance(now), engine.take_turn();
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
      const std::uint64_t bytes = engine.stats().index_bytes - before;
      if (bytes > 1000)
        std::cout << "an ordered index: " << static_cast<double>(bytes) / stored << " bytes a tuple, made in "
                  << took.count() << " s\n";
      measure((what + among).c_str(), 20'000, [&](int i) {
        const Turn turn = ask(Get{"s", {templates[static_cast<std::size_t>(i) % 1000]}, false, false});
        const auto* answer = std::get_if<Answer>(&turn.replies.at(0).answer);
        if (std::holds_alternative<Failed>(*answer) || std::get<Found>(*answer).items.empty() == found)
          FAIL(what << among << ": wrong answer");
      });
    };
    look("rdp, hit by a field", true, [&](int i) { return "(\"k" + key(i) + "\", ?int, ?str)"; });
    look("rdp, miss by a field", false, [&](int i) { return "(\"none" + key(i) + "\", ?int, ?str)"; });
    look("rdp, range of ten", true, [&](int i) {
      const int low = std::min(std::stoi(key(i)), 10'000'000 + stored - 10);
      return "(?str, " + std::to_string(low) + ".." + std::to_string(low + 9) + ", ?str)";
    });
    look("rdp, range of half", true, [&](int i) {
      const int low = 10'000'000 + i % (stored / 2);
      return "(?str, " + std::to_string(low) + ".." + std::to_string(low + stored / 2) + ", ?str)";
    });
    look("rdp, empty range", false, [&](int i) { return "(?str, -" + std::to_string(i + 9) + "..0, ?str)"; });
    look("rdp, prefix", true, [&](int i) { return "(?str, ?int, \"z" + key(i) + "\"*)"; });
    std::vector<Blob> puts, takes;
    for (int i = 0; i < 1000; ++i) {
      puts.push_back(tuple_of(i));
      takes.push_back(pattern("(\"k" + key(i) + "\", ?int, ?str)"));
    }
    measure(("inp and out, two ordered fields" + among).c_str(), 100'000, [&](int i) {
      ask(Get{"s", {takes[static_cast<std::size_t>(i) % 1000]}, true, false});
      ask(Out{"s", {puts[static_cast<std::size_t>(i) % 1000]}});
    });
  }
}

}  // namespace parvis::space::test
