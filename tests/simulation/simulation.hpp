// One history: a world, a server, its clients and the network between them, from one seed.
#pragma once

#include <cstdint>
#include <string>

namespace parvis::simulation {

struct Outcome {
  std::uint64_t operations = 0;
  std::uint64_t clients = 0, restarts = 0, breaks = 0, deaths = 0;
  std::string violation;  // empty: none
};

// Plays about so many operations, then lets everything come to rest, and looks whether the books are right.
Outcome play(std::uint64_t seed, std::uint64_t operations, bool trace);

}  // namespace parvis::simulation
