// Whether it is worth while to look for what may come at once, before one sleeps until it does; by how it went of late.
// For both ends of a connection.
//
// One looks about as long as it takes to wake a sleeping core: then looking costs at most twice what the best choice
// would have cost, whatever comes (Karlin, Li, Manasse, Owicki: Empirical studies of competitive spinning, 1991).
#pragma once

#include <algorithm>
#include <chrono>

namespace parvis::wire {

class Luck {
 public:
  static constexpr std::chrono::microseconds look_time{50};

  // Yes while half of the looks find something; else now and then.
  bool worth_a_look() { return credit_ > 0 || ++sleeps_ % sleeps_between_looks == 0; }
  void had(bool found) { credit_ = std::clamp(credit_ + (found ? 1 : -1), 0, most_credit); }

 private:
  static constexpr int most_credit = 64;
  static constexpr unsigned sleeps_between_looks = 16;
  int credit_ = most_credit;
  unsigned sleeps_ = 0;
};

}  // namespace parvis::wire
