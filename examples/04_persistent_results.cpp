// One process computes and ends; another one reads the results later, next week if it likes. The results are objects of
// a C++ class of our own, described as for Boost.Serialization.
#include <parvis/client.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <iostream>

using namespace parvis;

struct Orbit {
  std::string planet;
  double radius = 0;            // astronomical units
  std::vector<double> moons;    // radii, km

  template <class Archive>
  void serialize(Archive& ar, unsigned) { ar & planet & radius & moons; }
};

void compute() {
  const Space space = connect({}, {.space = "orbits"});
  space.out("orbit", 1, Orbit{"Earth", 1.0, {384'400}});
  space.out("orbit", 2, Orbit{"Mars", 1.524, {9'376, 23'463}});
  std::cout << "computed" << std::endl;  // style-ok: the child's line comes first
}

void read() {
  const Space space = connect({}, {.space = "orbits"});
  for (int n = 1; n <= 2; ++n) {
    const auto [orbit] = space.rd<Orbit>("orbit", n, formal);
    std::cout << orbit.planet << ": a year of " << std::lround(365.25 * std::pow(orbit.radius, 1.5))
              << " days, moons: " << orbit.moons.size() << "\n";
  }
  std::cout << "objects of this class: " << space.count("orbit", any, of<Orbit>) << "\n";
}

int main() {
  const pid_t child = fork();
  if (child == 0) {
    compute();
    _exit(0);
  }
  waitpid(child, nullptr, 0);
  read();
}
