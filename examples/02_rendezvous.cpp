// Two processes wait for each other's values. A blocking in is all the synchronisation there is.
#include <parvis/client.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <iostream>

using namespace parvis;

// Doubles whatever it is asked, until it is told to stop.
void partner(const Space& space) {
  for (;;) {
    const auto [n] = space.in<int>("question", formal);  // blocks until somebody asks
    if (n < 0) break;
    space.out("answer", n, 2 * n);
  }
  space.out("goodbye", "partner");
}

int main() {
  const Space space = connect({}, {.space = "rendezvous"});
  const pid_t child = fork();  // the child gets a session of its own at its first operation
  if (child == 0) {
    partner(space);
    space.close();
    _exit(0);
  }
  for (int n = 0; n < 3; ++n) {
    space.out("question", n);
    const auto [answer] = space.in<int>("answer", n, formal);
    std::cout << "asked " << n << " - answer " << answer << "\n";
  }
  space.out("question", -1);
  const auto [who] = space.in<std::string>("goodbye", formal);
  std::cout << "goodbye, " << who << "\n";
  waitpid(child, nullptr, 0);
}
