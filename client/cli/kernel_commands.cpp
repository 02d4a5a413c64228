// kernels start|list|stop.
#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "client/cli/command.hpp"
#include "client/cli/kernels.hpp"
#include "client/cli/print.hpp"
#include "client/spawn.hpp"
#include "kernel/shared/names.hpp"
#include "tuplespace/wire/home.hpp"

namespace parvis::cli {

void add_call_commands(CLI::App& app, Context& context);  // call_commands.cpp

namespace {

constexpr std::chrono::seconds start_patience{60};

struct Start {
  int kernels = 1;
  std::string cluster, python;
};

bool print_kernel(std::size_t place, const KernelInfo& kernel, const std::string& state, bool json) {
  if (!json)
    return print_line(fmt::format("{:>3}  {:<18} {:<9} pid {:<8} {:<16} {:<16} {}", place, kernel.id, state, kernel.pid,
                                  kernel.host, kernel.cluster.empty() ? "-" : kernel.cluster, kernel.address));
  return print_line(nlohmann::json{
      {"place", place},
      {"id", kernel.id},
      {"state", state},
      {"pid", kernel.pid},
      {"host", kernel.host},
      {"cluster", kernel.cluster},
      {"address", kernel.address},
      {"agent", kernel.agent},
      {"python", kernel.python},
      {"started",
       kernel.started}}.dump());
}

std::vector<KernelInfo> kernels_of(client::Session& server, const Start& wanted, const std::string& agent) {
  auto kernels = find_kernels(server, wanted.cluster);
  std::erase_if(kernels, [&](const KernelInfo& kernel) { return kernel.agent != agent; });
  return kernels;
}

void start(const Context& context, const Start& wanted) {
  const auto server = context.connect(true);
  const std::string id = kernel::random_hex(16);
  const auto log = wire::home_folder() / "agents" / (id + ".log");
  kernel::make_private_folder(log.parent_path());
  std::vector<std::string> arguments{"agent",     "--id",           id, "--kernels", std::to_string(wanted.kernels),
                                     "--address", server->address()};
  if (!wanted.cluster.empty()) arguments.insert(arguments.end(), {"--cluster", wanted.cluster});
  if (!wanted.python.empty()) arguments.insert(arguments.end(), {"--python", wanted.python});
  if (!context.token_file.empty()) arguments.insert(arguments.end(), {"--token-file", context.token_file});
  client::Detached agent(std::filesystem::read_symlink("/proc/self/exe"), arguments, log);
  const auto deadline = std::chrono::steady_clock::now() + start_patience;
  std::vector<KernelInfo> kernels;
  while ((kernels = kernels_of(*server, wanted, id)).size() < static_cast<std::size_t>(wanted.kernels)) {
    if (const auto ended = agent.ended())
      throw Error(ErrorCode::kernel_died, fmt::format("the supervisor of the kernels ended with {}:\n{}(log: {})",
                                                      *ended, client::end_of(log), log.string()));
    if (was_interrupted()) throw client::Interrupted{};
    if (std::chrono::steady_clock::now() > deadline)
      throw Error(ErrorCode::timeout,
                  fmt::format("{} of {} kernels are up after {} s; what the supervisor says is in {}", kernels.size(),
                              wanted.kernels, start_patience.count(), log.string()));
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  const auto all = find_kernels(*server, "");
  for (const auto& kernel : kernels) {
    const auto at = std::find_if(all.begin(), all.end(), [&](const KernelInfo& k) { return k.id == kernel.id; });
    if (!print_kernel(static_cast<std::size_t>(at - all.begin()), kernel, "started", context.json)) return;
  }
  server->close();
}

void list(Context& context, const std::string& cluster) {
  const auto server = context.connect();
  const auto kernels = find_kernels(*server, cluster);
  for (std::size_t i = 0; i < kernels.size(); ++i) {
    std::string state = "unreachable";
    try {
      const auto answers = Calls(context.options(), {kernels[i]}).call("status", {Map{}});
      state = answers.front().status == "ok" ? text_at(answers.front().result, "state") : "gone";
    } catch (const Error& error) {
      if (error.code() != ErrorCode::disconnected) throw;
    }
    if (!print_kernel(i, kernels[i], state, context.json)) context.exit = failed;
  }
  if (kernels.empty() && !context.json)
    fmt::print(stderr, "no kernel is running; start some with `parvis kernels start -n 2`\n");
  server->close();
}

// Through the agents, which then do not replace them; a kernel whose agent is gone is told itself.
void stop(const Context& context, const std::string& which, const std::string& cluster) {
  const auto server = context.connect();
  std::map<std::string, std::vector<KernelInfo>> by_agent;
  for (auto& kernel : select_kernels(find_kernels(*server, cluster), which))
    by_agent[kernel.agent].push_back(std::move(kernel));
  for (const auto& [agent, kernels] : by_agent) {
    const Get get{.space = kernel::kernels_space,
                  .templates = {Payload(encoded(Template{{{Value("agent")}, {Any{}}, {Value(agent)}, {Any{}}}}))},
                  .take = false,
                  .wait = false};
    const Answer present = server->call(get, interruptible());
    List ids;
    for (const auto& kernel : kernels) ids.items.emplace_back(kernel.id);
    if (!std::get<Found>(present).items.empty()) {
      ask_agent(*server, agent, "stop", Map{{{"kernels", Value(ids)}}});
    } else {
      Calls(context.options(), kernels).call("stop", std::vector<Map>(kernels.size(), Map{{{"now", Value(true)}}}));
    }
    for (const auto& kernel : kernels)
      if (!context.json) fmt::print("stopped {}\n", kernel.id);
  }
  server->close();
}

}  // namespace

void add_kernel_commands(CLI::App& app, Context& context) {
  auto* kernels = app.add_subcommand("kernels", "Start, list and stop kernels");
  kernels->require_subcommand(1);

  auto wanted = std::make_shared<Start>();
  auto* start_command =
      add_command(*kernels, "start", "Start kernels on this machine, and the local server if there is none", context);
  start_command->add_option("-n,--kernels", wanted->kernels, "How many")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  start_command->add_option("--cluster", wanted->cluster, "Name of the cluster they belong to");
  start_command->add_option("--python", wanted->python, "Interpreter or venv whose packages they see");
  start_command->callback([wanted, &context] {
    catch_interrupts();
    start(context, *wanted);
  });

  auto cluster = std::make_shared<std::string>();
  auto* list_command =
      add_command(*kernels, "list", "List the kernels that live, in the order of their start", context);
  list_command->add_option("--cluster", *cluster, "Only those of this cluster");
  list_command->callback([cluster, &context] {
    catch_interrupts();
    list(context, *cluster);
  });

  auto which = std::make_shared<std::string>("all");
  auto* stop_command = add_command(*kernels, "stop", "Stop kernels for good", context);
  stop_command->add_option("which", *which, "all, a number of `parvis kernels list`, or the beginning of an id")
      ->capture_default_str();
  stop_command->add_option("--cluster", *cluster, "Only those of this cluster");
  stop_command->callback([which, cluster, &context] {
    catch_interrupts();
    stop(context, *which, *cluster);
  });
  add_call_commands(app, context);
}

}  // namespace parvis::cli
