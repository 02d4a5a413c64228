#include "client/cli/command.hpp"

#include <csignal>
#include <cstring>
#include <fstream>

#include <fmt/format.h>
#include <unistd.h>

namespace parvis::cli {

namespace {
volatile std::sig_atomic_t interrupt_seen = 0;

std::string token_in(const std::string& path) {
  std::ifstream file(path);
  std::string token;
  if (!(file >> token))
    throw Error(ErrorCode::unauthorized, fmt::format("no token can be read from {}: {}", path, std::strerror(errno)));
  return token;
}
}  // namespace

client::Options Context::options() const {
  client::Options options;
  options.address = address;
  if (!token_file.empty()) options.token = token_in(token_file);
  options.name = fmt::format("parvis {}", getpid());
  return options;
}

std::shared_ptr<client::Session> Context::connect(bool start_server) const {
  auto wanted = options();
  wanted.start_server = start_server;
  return client::Session::connect(wanted);
}

void add_common_options(CLI::App& app, Context& context) {
  app.add_option("--address", context.address,
                 "Server: unix:///path or tcp://host:port (default: $PARVIS_ADDRESS, else the local one)");
  app.add_option("--token-file", context.token_file,
                 "File that holds the server's token (default: the local server's)");
  app.add_flag("--json", context.json, "Answers as JSON, one line each");
}

CLI::App* add_command(CLI::App& app, const char* name, const char* help, Context& context) {
  auto* command = app.add_subcommand(name, help);
  add_common_options(*command, context);
  return command;
}

void catch_interrupts() {
  struct sigaction action {};
  action.sa_handler = [](int) { interrupt_seen = 1; };  // no SA_RESTART: waits end with EINTR
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);  // a reader that went away is a failed write: what was taken is given back
}

bool was_interrupted() { return interrupt_seen != 0; }
void forget_interrupt() { interrupt_seen = 0; }
client::Wait interruptible(bool confirm) { return {.on_signal = was_interrupted, .confirm = confirm}; }

}  // namespace parvis::cli
