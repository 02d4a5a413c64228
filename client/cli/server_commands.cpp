// serve, agent, version.
#include <cstdlib>
#include <optional>
#include <vector>

#include "client/cli/command.hpp"
#include "client/cli/print.hpp"
#include "kernel/agent/agent.hpp"
#include "tuplespace/server/serve.hpp"

namespace parvis::cli {

namespace {

struct Serve {
  std::string data, durability = "durable", log = "info";
  std::vector<std::string> listen, limits;
  std::optional<int> idle_exit;
};

int serve(const Serve& wanted) {
  server::ServeOptions options;
  options.data = wanted.data;
  for (const auto& address : wanted.listen) options.listen.push_back(wire::Address::parse(address));
  options.durability = server::parse_durability(wanted.durability);
  options.log = server::parse_log_level(wanted.log);
  if (wanted.idle_exit) options.idle_exit = std::chrono::seconds(*wanted.idle_exit);
  for (const auto& limit : wanted.limits) server::set_limit(options.limits, limit);
  return server::serve(options);
}

void add_serve(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("serve", "Run the server in the foreground, until SIGTERM or Ctrl-C");
  auto wanted = std::make_shared<Serve>();
  command->add_option("--data", wanted->data, "Data folder (default: $PARVIS_HOME, else ~/.local/state/parvis)");
  command->add_option("--listen", wanted->listen,
                      "Address to listen on; may be repeated, replaces the defaults (a Unix socket in the data folder, "
                      "tcp://127.0.0.1:7711)");
  command
      ->add_option("--durability", wanted->durability,
                   "Of spaces made by their first use: durable, relaxed or volatile")
      ->capture_default_str();
  command->add_option("--idle-exit", wanted->idle_exit, "End when nobody has been attached for so many seconds");
  command->add_option("--limit", wanted->limits,
                      "Change a limit: name=value, e.g. tuple_bytes=2G; a wrong name lists them all");
  command->add_option("--log", wanted->log, "What the log tells: debug, info, warn or error")->capture_default_str();
  command->callback([wanted, &context] { context.exit = serve(*wanted); });
}

// Started by `parvis kernels start` and by Python's Cluster; for people who want the supervisor under one of their own.
void add_agent(CLI::App& app, Context& context) {
  auto* command = add_command(
      app, "agent", "Run a supervisor of kernels in the foreground (`parvis kernels start` does it for you)", context);
  auto options = std::make_shared<kernel::AgentOptions>();
  command->add_option("--id", options->id, "16 hex digits (default: made up)");
  command->add_option("--cluster", options->cluster, "Name of the cluster its kernels belong to");
  command->add_option("-n,--kernels", options->kernels, "How many kernels")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  command->add_option("--home", options->home, "Data folder (default: $PARVIS_HOME, else ~/.local/state/parvis)");
  command->add_option("--python", options->python, "Interpreter or venv whose packages the kernels see");
  command->add_option("--listen", options->listen,
                      "Where each kernel listens, e.g. tcp://127.0.0.1:0 (default: a Unix socket)");
  command->add_flag("--detach", options->detach, "Go into the background");
  command->callback([options, &context] {
    options->address = context.address;
    // The supervisor's sessions and its kernels find it there; never on a command line, where everybody reads it.
    if (!context.token_file.empty()) ::setenv("PARVIS_TOKEN", context.options().token.c_str(), 1);
    context.exit = kernel::run_agent(*options);
  });
}

}  // namespace

void add_server_commands(CLI::App& app, Context& context) {
  add_serve(app, context);
  add_agent(app, context);
  auto* version = app.add_subcommand("version", "Print the version");
  version->callback([&context] { context.exit = print_line("parvis " PARVIS_VERSION) ? ok : failed; });
}

}  // namespace parvis::cli
