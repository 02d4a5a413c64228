// The agent's one thread of decisions: its kernels, what they are wanted for, when they are started again. Commands and
// ends of children come in by run(); everything else is private to that thread.
#pragma once

#include <chrono>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "kernel/agent/agent.hpp"
#include "kernel/agent/child.hpp"
#include "kernel/agent/office.hpp"

namespace parvis::kernel {

class Supervisor {
 public:
  // The options are complete (id, home, kernel_program). `signals`: a signalfd for SIGTERM and SIGINT.
  Supervisor(AgentOptions options, int signals);
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;
  int run();

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr int failed_starts_max = 5;                  // in a row, before a kernel is given up
  static constexpr std::chrono::seconds instant{10};           // a life shorter than this
  static constexpr std::chrono::milliseconds delay_max{2000};  // of a replacement
  static constexpr std::chrono::seconds kill_after{5};         // what does not stop by SIGTERM
  static constexpr std::chrono::seconds restart_kill_after{2};

  // One place in the cluster; the kernel in it may change.
  struct Place {
    int index = 0;
    std::string kernel;  // id of the kernel that runs or is to be started
    std::optional<Child> child;
    Clock::time_point started;
    std::optional<Clock::time_point> start_at, kill_at;
    int instant_deaths = 0;  // in a row
    int failed_starts = 0;   // of these, since one was ready for work
    bool wanted = true;      // false: it is to end for good
    bool planned = false;    // its end was asked for
  };
  struct Stopping {  // a stop command that waits for its kernels
    std::string command;
    std::vector<std::string> kernels, left;
  };

  void add(int n, std::vector<std::string>* ids);
  void start(Place& place);
  void handle(const Command& command);
  void restart(const std::string& kernel);
  void stop(Place& place);
  void ended(Place& place);
  void plan_replacement(Place& place, bool could_not_start, bool was_ready);
  void report_death(const Place& place, const std::string& kernel, const Ending& ending, const std::string& message);
  void remove_files(const std::string& kernel);
  void answer_stops(const std::string& kernel);
  void stop_all();
  void wait();
  void due();
  [[nodiscard]] std::optional<Clock::time_point> next_deadline() const;
  [[nodiscard]] std::filesystem::path file(const std::string& kernel, const char* extension) const;
  void reply(const std::string& command, Map result);
  static void log(const std::string& line);

  const AgentOptions options_;
  const int signals_;
  int wake_ = -1;     // eventfd: commands have come
  std::mutex mutex_;  // protects commands_
  std::vector<Command> commands_;
  std::list<Place> places_;
  std::vector<Stopping> stops_;
  int next_index_ = 0;
  bool failed_ = false;
  std::optional<Office> office_;
};

}  // namespace parvis::kernel
