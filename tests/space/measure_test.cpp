// Not a test: what a million tuples cost. Run it by hand, in a release build: test_space "[measure]"
#include <catch2/catch.hpp>

#include <malloc.h>

#include <chrono>
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

}  // namespace parvis::space::test
