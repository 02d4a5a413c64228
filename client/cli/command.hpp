// What the commands of `parvis` share: where to connect, how to answer, which exit status means what. One thread.
#pragma once

#include <CLI/CLI.hpp>

#include <memory>
#include <string>

#include "client/session.hpp"

namespace parvis::cli {

// Exit statuses, also in `parvis --help`.
enum Exit : int { ok = 0, no_match = 1, usage = 2, timed_out = 3, failed = 4, interrupted = 130 };

struct Context {
  std::string address;     // --address; empty: $PARVIS_ADDRESS, else the local server
  std::string token_file;  // --token-file; empty: the local server's
  bool json = false;
  int exit = ok;  // what main() returns when no error was thrown

  [[nodiscard]] client::Options options() const;
  [[nodiscard]] std::shared_ptr<client::Session> connect(bool start_server = false) const;
};

// SIGINT sets a flag and ends waits; nothing is lost by it.
void catch_interrupts();
bool was_interrupted();
void forget_interrupt();
client::Wait interruptible(bool confirm = true);

// The options that all commands have, before and behind their name: --address, --token-file, --json.
void add_common_options(CLI::App& app, Context& context);
// A command with these.
CLI::App* add_command(CLI::App& app, const char* name, const char* help, Context& context);

// Each adds its family of commands to the application; they keep references to `context`.
void add_server_commands(CLI::App& app, Context& context);
void add_space_commands(CLI::App& app, Context& context);
void add_query_commands(CLI::App& app, Context& context);
void add_change_commands(CLI::App& app, Context& context);
void add_watch_command(CLI::App& app, Context& context);
void add_named_spaces(CLI::App& app, Context& context);
void add_top_command(CLI::App& app, Context& context);
void add_completion_command(CLI::App& app, Context& context);  // of all that were added
void add_backup_commands(CLI::App& app, Context& context);
void add_kernel_commands(CLI::App& app, Context& context);

}  // namespace parvis::cli
