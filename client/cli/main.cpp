// parvis: the command line, and the server behind `parvis serve`. Wires nothing but options to functions.
#include <cstdio>
#include <exception>
#include <string>

#include <fmt/format.h>

#include "client/cli/command.hpp"

namespace {

constexpr const char* description =
    "Parvis: a persistent tuple space with Python kernels around it.\n"
    "\n"
    "  parvis serve &                    start the local server (Python's parvis.connect() does it by itself)\n"
    "  parvis out task 7 '\"x y\"'         put the tuple (\"task\", 7, \"x y\")\n"
    "  parvis in task '?int' '?str'      take the oldest that matches, waiting for it\n"
    "  parvis rd task '?' '...'          look at one and leave it there\n"
    "  parvis kernels start -n 2         start two Python kernels\n"
    "  parvis exec -k 0 '6 * 7'          run code in the first of them";

constexpr const char* footer =
    "Words of tuples and templates: 7 an int, 3.5 a float, true, nil, \"text\" or any other word a str, [1, 2] a "
    "list;\n"
    "?int ?str … a field of that type, ? any field, 3..9 a range, pre* a prefix, a|b one of, ... any further fields.\n"
    "Exit status: 0 done, 1 no match (inp, rdp), 2 wrong usage, 3 timeout, 4 an error, 130 interrupted.\n"
    "`parvis COMMAND --help` tells more.";

// Names the command that was meant, what was wrong with it and, where a further word is missing, which there are.
std::string complaint(const CLI::App* app, const CLI::Error& error) {
  std::string name = app->get_name();
  while (!app->get_subcommands().empty()) {
    app = app->get_subcommands().front();
    name += " " + app->get_name();
  }
  std::string words;
  for (const CLI::App* further : app->get_subcommands([](const CLI::App*) { return true; }))
    words += (words.empty() ? "" : ", ") + further->get_name();
  std::string what = error.what();
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::RequiredError) && !words.empty()) {
    const auto strange = app->remaining();
    what = (strange.empty() ? "needs" : "does not know '" + strange.front() + "'; it needs") + (" one of " + words);
  }
  return fmt::format("{}: {}; `{} --help` tells more\n", name, what, name);
}

int run(int argc, char** argv) {
  CLI::App app{description, "parvis"};
  app.failure_message(complaint);
  app.footer(footer);
  app.set_version_flag("--version", "parvis " PARVIS_VERSION);
  app.require_subcommand(1);
  parvis::cli::Context context;
  parvis::cli::add_common_options(app, context);
  parvis::cli::add_server_commands(app, context);
  parvis::cli::add_space_commands(app, context);
  parvis::cli::add_query_commands(app, context);
  parvis::cli::add_change_commands(app, context);
  parvis::cli::add_watch_command(app, context);
  parvis::cli::add_named_spaces(app, context);
  parvis::cli::add_top_command(app, context);
  parvis::cli::add_backup_commands(app, context);
  parvis::cli::add_kernel_commands(app, context);
  parvis::cli::add_completion_command(app, context);
  if (argc == 1) {
    fmt::print(stderr, "{}", app.help());
    return parvis::cli::usage;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // CLI11 would only say that a subcommand is missing.
    if (app.get_subcommands().empty() && !app.remaining().empty()) {
      fmt::print(stderr, "parvis: there is no command or option '{}'; `parvis --help` lists what there is\n",
                 app.remaining().front());
      return parvis::cli::usage;
    }
    return app.exit(error) == 0 ? parvis::cli::ok : parvis::cli::usage;
  }
  return context.exit;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const parvis::client::Interrupted&) {
    return parvis::cli::interrupted;
  } catch (const parvis::Error& error) {
    fmt::print(stderr, "parvis: {}: {}\n", parvis::name_of(error.code()), error.what());
    return error.code() == parvis::ErrorCode::timeout ? parvis::cli::timed_out : parvis::cli::failed;
  } catch (const std::exception& error) {
    fmt::print(stderr, "parvis: {}\n", error.what());
    return parvis::cli::failed;
  }
}
