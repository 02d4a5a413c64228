#include "kernel/options.hpp"

#include <CLI/CLI.hpp>

#include "kernel/shared/names.hpp"
#include "tuplespace/wire/home.hpp"

namespace parvis::kernel {

std::optional<Options> parse_options(int argc, char** argv, int& status) {
  Options options;
  std::string home;
  bool plain = false, no_farm = false;
  CLI::App app("A Parvis kernel: a Python session that any number of users share, and a worker for the task farm.\n"
               "Kernels are usually started by `parvis kernels start` or parvis.Cluster(n).");
  app.set_version_flag("--version", PARVIS_VERSION);
  app.add_option("--id", options.id, "Its name in the space: 16 hex digits; made when not given");
  app.add_option("--cluster", options.cluster, "The cluster whose tasks it takes, beside those for any kernel");
  app.add_option("--index", options.index, "Its place in the cluster");
  app.add_option("--agent", options.agent, "Id of the supervisor that started it");
  app.add_option("--home", home, "The data folder (default: $PARVIS_HOME, else ~/.local/state/parvis)");
  app.add_option("--address", options.address,
                 "The server: unix:///path or tcp://host:port (default: $PARVIS_ADDRESS, else the local one)");
  app.add_option("--listen", options.listen,
                 "Where it listens itself, e.g. tcp://127.0.0.1:0 (default: a Unix socket in the data folder)");
  app.add_option(
      "--python", options.python,
      "The Python to use: an interpreter or a venv folder (default: $VIRTUAL_ENV, else " PARVIS_DEFAULT_PYTHON ")");
  app.add_option("--output-bytes", options.output_bytes, "How much of each output stream of one request is kept")
      ->capture_default_str();
  app.add_flag("--no-ipython", plain, "Plain Python even where IPython is installed");
  app.add_flag("--no-farm", no_farm, "Take no tasks from the farm");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    status = app.exit(error);
    return {};
  }
  options.home = home.empty() ? wire::home_folder() : std::filesystem::absolute(home);
  if (options.id.empty()) options.id = random_hex(16);
  options.ipython = !plain;
  options.farm = !no_farm;
  return options;
}

}  // namespace parvis::kernel
