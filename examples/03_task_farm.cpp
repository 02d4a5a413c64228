// Tasks for any number of C++ workers. A worker claims a task in a transaction; its result and the end of the task are
// one commit, so a worker that dies in between leaves neither half done: the task comes back, and another one does it.
#include <parvis/client.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <iostream>

using namespace parvis;

bool is_prime(int n) {
  for (int d = 2; d * d <= n; ++d) {
    if (n % d == 0) return false;
  }
  return n > 1;
}

void work(bool clumsy) {
  const Space space = connect({}, {.space = "farm"});
  for (;;) {
    Transaction tx = space.transaction();
    const auto [first, last] = tx.in<int, int>("task", formal, formal);  // claimed: nobody else sees it
    if (first < 0) break;  // not committed, so the next worker finds it, too
    if (clumsy) raise(SIGKILL);
    int primes = 0;
    for (int n = first; n < last; ++n) primes += is_prime(n) ? 1 : 0;
    tx.out("primes", first, primes);
    tx.commit();
  }
}

pid_t start_worker(bool clumsy) {
  const pid_t worker = fork();
  if (worker == 0) {
    work(clumsy);
    _exit(0);
  }
  return worker;
}

int main() {
  const Space space = connect({}, {.space = "farm"});
  for (int first = 0; first < 100'000; first += 5'000) space.out("task", first, first + 5'000);
  int status = 0;
  waitpid(start_worker(true), &status, 0);
  std::cout << (WIFSIGNALED(status) ? "a worker died with a task in its hands\n" : "");
  const pid_t workers[] = {start_worker(false), start_worker(false)};

  int primes = 0;
  for (int first = 0; first < 100'000; first += 5'000) primes += std::get<0>(space.in<int>("primes", first, formal));
  std::cout << "primes below 100000: " << primes << "\n";

  space.out("task", -1, 0);  // go home
  for (const pid_t worker : workers) waitpid(worker, nullptr, 0);
  space.in("task", -1, 0);
  std::cout << "left in the space: " << space.count(rest) << "\n";
}
