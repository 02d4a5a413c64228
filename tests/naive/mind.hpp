// What a client of a random history knows, and what it thinks of doing next: every operation, by a seed.
#pragma once

#include <map>
#include <random>

#include "tests/naive/ask.hpp"

namespace parvis::naive {

struct Claim {
  TransactionId id = 0;
  std::map<TupleId, Serial> items{};
};
struct Habits {
  std::size_t spaces = 3;
  int waits = 60, takes = 65, many = 40;  // percent
  Micros patience = 1'000'000;            // on average
};

class Mind {
 public:
  Mind(std::mt19937_64& random, const Habits& habits, Serial& last_serial)
      : random_(random), habits_(habits), last_serial_(last_serial) {}

  // `crowded`: takes rather than puts. `unseen`: there are takes in the claim whose answers it has not looked at.
  Ask think(std::uint16_t space, bool crowded, const std::function<bool(TransactionName)>& unseen);
  void hear(TransactionName name, const Ask& ask, const Answer& answer);  // of what it was handed: once it uses it

  std::map<TransactionName, Claim> claims;

 private:
  struct Cursor {
    Ask ask;
    TupleId last = 0;
  };
  std::uint64_t below(std::uint64_t n) { return random_() % n; }
  bool chance(int percent) { return below(100) < static_cast<std::uint64_t>(percent); }
  // Never a round number, so that hardly any two things are due at one instant.
  Micros about(Micros mean) { return 1 + static_cast<Micros>(below(static_cast<std::uint64_t>(2 * mean))); }
  Wanted pattern();
  std::uint16_t some_space(std::uint16_t near);
  void think_of_claim(Ask& ask, const std::function<bool(TransactionName)>& unseen);
  void think_of_get(Ask& ask);
  void think_of_puts(Ask& ask);
  void think_of_statement(Ask& ask);
  Course think_of_course(std::uint16_t space);
  void think_of_looking(Ask& ask);
  void think_of_watch(Ask& ask);
  void think_of_keeping_house(Ask& ask);
  Fresh fresh(std::uint16_t space, int priority);

  std::mt19937_64& random_;
  const Habits& habits_;
  Serial& last_serial_;
  std::vector<TupleId> seen_;                                    // of late
  std::map<std::uint16_t, std::vector<std::uint64_t>> watched_;  // where to go on, or was to be gone on
  std::vector<Cursor> scans_;                                    // at most one
};

}  // namespace parvis::naive
