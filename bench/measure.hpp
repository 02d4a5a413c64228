// What the measuring programs share: timing loops, percentiles, and the result lines that bench/run reads
// ({"metric", "value", "unit"} as JSON, one a line). Each loop runs its clients as threads that start together.
#pragma once

#include <sched.h>

#include <algorithm>
#include <barrier>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

namespace bench {

using Clock = std::chrono::steady_clock;

inline int number(const char* text) { return static_cast<int>(std::strtol(text, nullptr, 10)); }
inline double microseconds(Clock::duration d) { return std::chrono::duration<double, std::micro>(d).count(); }

inline void emit(const std::string& metric, double value, const char* unit) {
  std::printf("{\"metric\": \"%s\", \"value\": %.6g, \"unit\": \"%s\"}\n", metric.c_str(), value, unit);
  std::fflush(stdout);
}

inline double percentile(std::vector<double>& values, double p) {
  if (values.empty()) return 0;
  const auto at = std::min(values.size() - 1, static_cast<std::size_t>(p * static_cast<double>(values.size())));
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(at), values.end());
  return values[at];
}

inline void emit_latencies(const std::string& metric, std::vector<double> values) {
  emit(metric + " p50", percentile(values, 0.5), "us");
  emit(metric + " p99", percentile(values, 0.99), "us");
}

inline void pin_to_one_core() {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(0, &one);
  sched_setaffinity(0, sizeof one, &one);
}

// op(client, i), `n` times in each of `clients` threads. Emits operations a second of all together, and latencies.
template <class Op>
void loop(const std::string& metric, int clients, int n, Op op) {
  std::vector<std::vector<double>> each(static_cast<std::size_t>(clients));
  std::barrier start(clients + 1);
  std::vector<std::jthread> threads;
  for (int client = 0; client < clients; ++client) {
    threads.emplace_back([&, client] {
      auto& mine = each[static_cast<std::size_t>(client)];
      mine.reserve(static_cast<std::size_t>(n));
      start.arrive_and_wait();
      auto last = Clock::now();
      for (int i = 0; i < n; ++i) {
        op(client, i);
        const auto now = Clock::now();
        mine.push_back(microseconds(now - last));
        last = now;
      }
    });
  }
  start.arrive_and_wait();
  const auto begin = Clock::now();
  threads.clear();
  const double seconds = microseconds(Clock::now() - begin) / 1e6;
  emit(metric, static_cast<double>(clients) * n / seconds, "/s");
  std::vector<double> all;
  for (const auto& one : each) all.insert(all.end(), one.begin(), one.end());
  emit_latencies(metric, std::move(all));
}

// start(i) sends, finish() awaits the answer to the oldest that was sent: 100 under way at a time; at least 20 000, so
// that it takes long enough to be measured.
template <class Start, class Finish>
void pipelined(const std::string& metric, int n, Start start, Finish finish) {
  n = std::max(n, 20'000);
  const auto begin = Clock::now();
  for (int sent = 0, received = 0; received < n;) {
    for (; sent < n && sent - received < 100; ++sent) start(sent);
    // Half of them, so that there is always something on its way in both directions.
    for (const int until = sent == n ? n : received + 50; received < until; ++received) finish();
  }
  emit(metric + ", pipelined 100", n / microseconds(Clock::now() - begin) * 1e6, "/s");
}

// A blocks in `take(i)`, B calls `put(i)` a millisecond later: the time from B's call to A's return. A thread for each,
// so that both use one clock.
template <class Take, class Put>
void rendezvous(const std::string& metric, int n, Take take, Put put) {
  std::vector<Clock::time_point> called(static_cast<std::size_t>(n));
  std::vector<double> wakes;
  wakes.reserve(static_cast<std::size_t>(n));
  std::barrier round(2);
  std::jthread taker([&] {
    for (int i = 0; i < n; ++i) {
      round.arrive_and_wait();
      take(i);
      wakes.push_back(microseconds(Clock::now() - called[static_cast<std::size_t>(i)]));
    }
  });
  for (int i = 0; i < n; ++i) {
    round.arrive_and_wait();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    called[static_cast<std::size_t>(i)] = Clock::now();
    put(i);
  }
  taker.join();
  emit_latencies(metric, std::move(wakes));
}

}  // namespace bench
