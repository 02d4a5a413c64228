// simulate: histories of the real engine, Gate and Ledger in a simulated world. See scripts/simulate.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <chrono>
#include <cstdio>

#include "faults.hpp"
#include "simulation.hpp"

namespace {

using namespace parvis::simulation;
using Clock = std::chrono::steady_clock;

// Plants one fault after the other and plays until it is found. 1 when one of them is not.
int bite(double minutes_each) {
  int missed = 0;
  for (planted = 1; planted <= static_cast<int>(faults.size()); ++planted) {
    const auto begin = Clock::now();
    const auto passed = [&] { return std::chrono::duration<double>(Clock::now() - begin).count(); };
    std::uint64_t operations = 0;
    Outcome one;
    std::uint64_t seed = 0;
    while (one.violation.empty() && passed() < 60 * minutes_each) {
      one = play(++seed, 10'000, false);
      operations += one.operations;
    }
    const std::string how = one.violation.substr(0, one.violation.find('\n'));
    fmt::print("{:2} {:66} {}\n", planted, faults[static_cast<std::size_t>(planted - 1)],
               one.violation.empty()
                   ? "NOT FOUND"
                   : fmt::format("seed {:3} {:8} operations {:5.1f} s  {}", seed, operations, passed(), how));
    std::fflush(stdout);
    missed += one.violation.empty() ? 1 : 0;
  }
  return missed == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t seed = 0, first = 1, histories = 40, operations = 10'000;
  double minutes = 0;
  bool trace = false, bites = false;
  CLI::App app("Plays histories of clients, crashes and failures against the tuple space; each follows from its seed");
  app.add_option("--seed", seed, "this history alone");
  app.add_flag("--trace", trace, "tell everything that happens");
  app.add_option("--from", first, "the first seed");
  app.add_option("--histories", histories, "how many seeds");
  app.add_option("--operations", operations, "of each history");
  app.add_option("--minutes", minutes, "new seeds for so long");
  app.add_flag("--bite", bites, "plant faults one at a time, and tell how soon each is found");
  app.add_option("--plant", planted, "with this fault");
  CLI11_PARSE(app, argc, argv);
  if (bites) return bite(1);
  const auto begin = Clock::now();
  const auto passed = [&] { return std::chrono::duration<double>(Clock::now() - begin).count(); };
  if (seed != 0) first = seed, histories = 1;
  if (minutes > 0) first = static_cast<std::uint64_t>(Clock::now().time_since_epoch().count()), histories = UINT64_MAX;
  Outcome all;
  std::uint64_t played = 0;
  for (; played < histories && (minutes == 0 || passed() < 60 * minutes); ++played) {
    const Outcome one = play(first + played, operations, trace);
    all.operations += one.operations;
    all.clients += one.clients;
    all.restarts += one.restarts;
    all.breaks += one.breaks;
    all.deaths += one.deaths;
    if (one.violation.empty()) continue;
    fmt::print("seed {} after {} operations: {}\nreplay: scripts/simulate --seed {} --operations {} --trace\n",
               first + played, one.operations, one.violation, first + played, operations);
    return 1;
  }
  fmt::print("{} histories, {} operations of {} clients; {} restarts, {} broken connections, {} clients that ended; "
             "{:.1f} s, {:.2f} million operations a minute\n",
             played, all.operations, all.clients, all.restarts, all.breaks, all.deaths, passed(),
             static_cast<double>(all.operations) / passed() * 60e-6);
  return 0;
}
