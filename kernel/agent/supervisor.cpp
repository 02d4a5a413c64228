#include "kernel/agent/supervisor.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <utility>

#include "kernel/shared/journal.hpp"
#include "kernel/shared/names.hpp"
#include "tuplespace/model/error.hpp"

namespace parvis::kernel {

namespace {

constexpr std::size_t stack_bytes = 64 * 1024;
constexpr std::size_t log_bytes = 2'000;
constexpr std::int64_t reply_lease_us = 60'000'000;

const Value* find(const Map& map, std::string_view key) {
  for (const auto& [name, value] : map.items) {
    if (name == key) return &value;
  }
  return nullptr;
}

Value texts(const std::vector<std::string>& items) {
  List list;
  for (const std::string& item : items) list.items.emplace_back(item);
  return {std::move(list)};
}

}  // namespace

Supervisor::Supervisor(AgentOptions options, int signals) : options_(std::move(options)), signals_(signals) {
  wake_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake_ < 0) throw Error(ErrorCode::storage_error, "the process is out of file descriptors");
  const auto on_command = [this](Command command) {
    const std::lock_guard lock(mutex_);
    commands_.push_back(std::move(command));
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wake_, &one, sizeof one);
  };
  office_.emplace(Office::Identity{options_.id, options_.cluster, options_.address, options_.kernels}, on_command, log);
}

Supervisor::~Supervisor() {
  office_.reset();
  ::close(wake_);
}

void Supervisor::log(const std::string& line) {
  std::fprintf(stderr, "parvis agent: %s\n", line.c_str());
  std::fflush(stderr);
}

std::filesystem::path Supervisor::file(const std::string& kernel, const char* extension) const {
  return options_.home / "kernels" / (kernel + extension);
}

int Supervisor::run() {
  add(options_.kernels, nullptr);
  std::erase_if(places_, [](const Place& place) { return !place.wanted && !place.child; });
  while (!places_.empty()) {
    wait();
    due();
    std::erase_if(places_, [](const Place& place) { return !place.wanted && !place.child; });
  }
  office_->close();
  return failed_ ? 1 : 0;
}

void Supervisor::add(int n, std::vector<std::string>* ids) {
  for (int i = 0; i < n; ++i) {
    Place& place = places_.emplace_back();
    place.index = next_index_++;
    place.kernel = random_hex(16);
    if (ids != nullptr) ids->push_back(place.kernel);
  }
  office_->wanted(static_cast<int>(places_.size()));
  for (Place& place : places_) {
    if (!place.child && !place.start_at) start(place);
  }
}

void Supervisor::start(Place& place) {
  Child::Start how;
  how.program = options_.kernel_program;
  how.arguments = {"--id",    place.kernel, "--cluster", options_.cluster,      "--index", std::to_string(place.index),
                   "--agent", options_.id,  "--home",    options_.home.string()};
  for (const auto& [name, value] : {std::pair("--address", options_.address), std::pair("--python", options_.python),
                                    std::pair("--listen", options_.listen)}) {
    if (!value.empty()) how.arguments.insert(how.arguments.end(), {name, value});
  }
  how.arguments.insert(how.arguments.end(), options_.kernel_arguments.begin(), options_.kernel_arguments.end());
  // As many threads as there are cores for each kernel, or the libraries' threads would fight over them.
  const std::string threads =
      std::to_string(std::max(1, usable_cores() / std::max(1, static_cast<int>(places_.size()))));
  for (const char* name : {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS",
                           "NUMBA_NUM_THREADS", "BLIS_NUM_THREADS"}) {
    how.environment.push_back(std::string(name) + "=" + threads);
  }
  how.log = file(place.kernel, ".log");
  place.start_at.reset();
  place.kill_at.reset();
  place.planned = false;
  place.started = Clock::now();
  try {
    place.child.emplace(how);
    log("kernel " + place.kernel + " (" + std::to_string(place.index) + ") started, pid " +
        std::to_string(place.child->pid()));
  } catch (const Error& error) {  // no program, no memory, no descriptors: nothing that trying again would cure
    log(error.what());
    place.wanted = false;
    failed_ = true;
  }
}

void Supervisor::stop(Place& place) {
  place.wanted = false;
  place.planned = true;
  if (place.child) {
    place.child->signal(SIGTERM);
    place.kill_at = Clock::now() + kill_after;
  }
}

void Supervisor::stop_all() {
  for (Place& place : places_) stop(place);
}

void Supervisor::restart(const std::string& kernel) {
  for (Place& place : places_) {
    if (place.kernel != kernel || !place.child) continue;
    place.planned = true;
    place.child->signal(SIGTERM);
    place.kill_at = Clock::now() + restart_kill_after;
  }
}

void Supervisor::handle(const Command& command) {
  if (command.verb == "start") {
    const Value* const n = find(command.arguments, "n");
    const std::int64_t wanted = n != nullptr && n->get_if<std::int64_t>() != nullptr ? n->get<std::int64_t>() : 1;
    std::vector<std::string> ids;
    add(static_cast<int>(std::clamp<std::int64_t>(wanted, 0, 1024)), &ids);
    return reply(command.id, Map{{{"kernels", texts(ids)}}});
  }
  if (command.verb == "restart") {
    const Value* const kernel = find(command.arguments, "kernel");
    if (kernel != nullptr && kernel->get_if<std::string>() != nullptr) restart(kernel->get<std::string>());
    return reply(command.id, Map{});
  }
  if (command.verb != "stop")
    return reply(command.id,
                 Map{{{"error", Value("an agent knows start, stop and restart, not '" + command.verb + "'")}}});
  const Value* const chosen = find(command.arguments, "kernels");
  const List* const list = chosen != nullptr ? chosen->get_if<List>() : nullptr;
  Stopping stopping{command.id, {}, {}};
  for (Place& place : places_) {
    const bool named =
        list != nullptr && std::find(list->items.begin(), list->items.end(), Value(place.kernel)) != list->items.end();
    if (list != nullptr && !named) continue;
    stopping.kernels.push_back(place.kernel);
    if (place.child) stopping.left.push_back(place.kernel);
    stop(place);
  }
  stops_.push_back(std::move(stopping));
  std::erase_if(places_, [](const Place& place) { return !place.wanted && !place.child; });
  answer_stops("");
}

void Supervisor::answer_stops(const std::string& kernel) {
  for (Stopping& stopping : stops_) {
    std::erase(stopping.left, kernel);
    if (stopping.left.empty()) reply(stopping.command, Map{{{"stopped", texts(stopping.kernels)}}});
  }
  std::erase_if(stops_, [](const Stopping& stopping) { return stopping.left.empty(); });
  office_->wanted(static_cast<int>(places_.size()));
}

void Supervisor::reply(const std::string& command, Map result) {
  office_->report(kernels_space, Tuple{{"reply", command, std::move(result)}}, reply_lease_us);
}

void Supervisor::ended(Place& place) {
  const Ending ending = place.child->reap();
  const std::string kernel = place.kernel;
  const auto journal = file(kernel, ".journal");
  const bool by_itself = ending.signal == 0;
  const bool could_not_start = by_itself && ending.exit == 2 && Journal::read(journal).empty();
  const bool stopped = by_itself && ending.exit == 0 && Journal::was_stopped(journal);  // by the verb `stop`
  std::string message = place.planned ? "stopped as asked" : stopped ? "stopped" : ending.text();
  if (place.planned && !by_itself) message += " (" + ending.text() + ", because it did not stop by itself)";
  if (could_not_start) message = "could not start: " + read_tail(file(kernel, ".log"), log_bytes);
  log("kernel " + kernel + " (" + std::to_string(place.index) + ") " + message);
  place.child.reset();
  if (stopped && !place.planned) place.wanted = false;
  if (place.wanted) plan_replacement(place, could_not_start, Journal::was_ready(journal));
  report_death(place, kernel, ending, message);
  remove_files(kernel);
  if (!place.wanted) std::erase_if(places_, [&](const Place& other) { return &other == &place; });
  answer_stops(kernel);
}

// A kernel that was ready died of its work, and the next task may be better: tasks have a limit of deaths of their own.
void Supervisor::plan_replacement(Place& place, bool could_not_start, bool was_ready) {
  const bool quick = !place.planned && Clock::now() - place.started < instant;
  place.instant_deaths = quick ? place.instant_deaths + 1 : 0;
  place.failed_starts = quick && !was_ready ? place.failed_starts + 1 : 0;
  const bool hopeless = could_not_start && place.instant_deaths == 1 && place.index < options_.kernels;
  if (hopeless || place.failed_starts >= failed_starts_max) {
    log("kernel " + std::to_string(place.index) + " is given up: " + std::to_string(place.failed_starts) +
        " times it ended within " + std::to_string(instant.count()) + " s, and was never ready");
    place.wanted = false;
    failed_ = true;
    return;
  }
  place.kernel = random_hex(16);
  const std::chrono::milliseconds delay(place.instant_deaths <= 1 ? 0 : 250 << std::min(place.instant_deaths - 2, 8));
  place.start_at = Clock::now() + std::min(delay, delay_max);
}

void Supervisor::report_death(const Place& place, const std::string& kernel, const Ending& ending,
                              const std::string& message) {
  const std::string stack = ending.signal != 0 ? read_tail(file(kernel, ".stack"), stack_bytes) : std::string();
  std::string task;
  std::vector<std::string> requests;
  for (const Journal::Entry& entry : Journal::read(file(kernel, ".journal"))) {
    if (entry.farm) {
      task = entry.id;
      continue;
    }
    requests.push_back(entry.id);
    const Map result{
        {{"id", Value(entry.id)},
         {"message", Value("the kernel " + message + (entry.running ? " while this ran" : " while this waited"))},
         {"signal", Value(ending.signal)},
         {"stack", Value(stack)}}};
    office_->report(results_space, Tuple{{"result", entry.id, kernel, "died", result}}, week_us);
  }
  const Map info{{{"signal", Value(ending.signal)},
                  {"exit", Value(ending.exit)},
                  {"message", Value(message)},
                  {"stack", Value(stack)},
                  {"requests", texts(requests)},
                  {"task", task.empty() ? Value() : Value(task)},
                  {"time", Value(unix_time())},
                  {"planned", Value(place.planned)},
                  {"replaced_by", place.wanted ? Value(place.kernel) : Value()}}};
  office_->report(kernels_space, Tuple{{"death", options_.cluster, kernel, info}}, week_us);
}

void Supervisor::remove_files(const std::string& kernel) {
  std::error_code error;
  for (const char* extension : {".sock", ".journal", ".stack", ".dump"})
    std::filesystem::remove(file(kernel, extension), error);
  // An empty log says nothing; one with a text is what is left of the kernel.
  if (std::filesystem::file_size(file(kernel, ".log"), error) == 0 && !error)
    std::filesystem::remove(file(kernel, ".log"), error);
}

std::optional<Supervisor::Clock::time_point> Supervisor::next_deadline() const {
  std::optional<Clock::time_point> next;
  for (const Place& place : places_) {
    for (const auto& at : {place.start_at, place.kill_at}) {
      if (at && (!next || *at < *next)) next = at;
    }
  }
  return next;
}

void Supervisor::wait() {
  std::vector<pollfd> fds{{wake_, POLLIN, 0}, {signals_, POLLIN, 0}};
  for (const Place& place : places_) {
    if (place.child) fds.push_back({place.child->pidfd(), POLLIN, 0});
  }
  int timeout = -1;
  if (const auto deadline = next_deadline()) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(*deadline - Clock::now()).count() + 1;
    timeout = static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
  }
  if (::poll(fds.data(), fds.size(), timeout) <= 0) return;
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got = ::read(wake_, &count, sizeof count);
  signalfd_siginfo info{};
  if ((fds[1].revents & POLLIN) != 0 && ::read(signals_, &info, sizeof info) > 0) stop_all();
  for (auto at = places_.begin(); at != places_.end();) {
    Place& place = *at++;
    const auto ready = [&](const pollfd& fd) {
      return place.child && fd.fd == place.child->pidfd() && fd.revents != 0;
    };
    if (std::any_of(fds.begin() + 2, fds.end(), ready)) ended(place);
  }
}

void Supervisor::due() {
  std::vector<Command> commands;
  {
    const std::lock_guard lock(mutex_);
    commands.swap(commands_);
  }
  for (const Command& command : commands) handle(command);
  const auto now = Clock::now();
  for (Place& place : places_) {
    if (place.kill_at && *place.kill_at <= now) {
      place.kill_at.reset();
      if (place.child) place.child->signal(SIGKILL);
    }
    if (place.start_at && *place.start_at <= now) start(place);
  }
}

}  // namespace parvis::kernel
