// The simulated world: one clock, one queue of what happens when, one source of chance. Everything of a history follows
// from its seed; nothing here knows of threads or of the real clock.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <random>
#include <vector>

#include "tests/naive/mind.hpp"
#include "tests/naive/model.hpp"

namespace parvis::simulation {

using namespace naive;

// How the weather is: drawn anew for every history, so that some have many crashes and others none.
struct Climate : Habits {
  std::size_t clients = 0, crowded = 0;     // crowded: tuples in the space above which takes prevail
  bool ahead = false;                       // every out counts as large, and is written before it takes effect
  std::size_t pipeline = 0;                 // operations that a client has under way
  Micros think = 0, delay = 0, commit = 0;  // on average
  Micros between_breaks = never, between_deaths = never, between_stops = never;  // of one client
  Micros between_crashes = never, between_disk_troubles = never;                 // of the server
};

class World {
 public:
  explicit World(std::uint64_t seed) : random(seed) {}

  std::mt19937_64 random;
  Micros now = 0;
  bool tracing = false, calm = false;  // calm: no more faults, the end is near
  std::uint64_t operations = 0;
  Serial last_serial = 0;
  Climate climate;

  std::uint64_t below(std::uint64_t n) { return random() % n; }
  bool chance(int percent) { return below(100) < static_cast<std::uint64_t>(percent); }
  // Never a round number, so that hardly any two things are due at one instant.
  Micros about(Micros mean) { return 1 + static_cast<Micros>(below(static_cast<std::uint64_t>(2 * mean))); }

  void at(Micros when, std::function<void()> what) {
    queue_.push_back({when, ++number_, std::move(what)});
    std::push_heap(queue_.begin(), queue_.end());
  }
  void in(Micros delay, std::function<void()> what) { at(now + delay, std::move(what)); }
  bool step() {
    if (queue_.empty()) return false;
    std::pop_heap(queue_.begin(), queue_.end());
    const Event event = std::move(queue_.back());
    queue_.pop_back();
    now = std::max(now, event.at);
    event.what();
    return true;
  }

  template <class... Args>
  void trace(fmt::format_string<Args...> format, Args&&... args) const {
    if (tracing) fmt::print("{:>12} {}\n", now, fmt::format(format, std::forward<Args>(args)...));
  }

 private:
  struct Event {
    Micros at;
    std::uint64_t number;
    std::function<void()> what;
    friend bool operator<(const Event& a, const Event& b) { return a.at != b.at ? a.at > b.at : a.number > b.number; }
  };
  std::vector<Event> queue_;
  std::uint64_t number_ = 0;
};

}  // namespace parvis::simulation
