// The wiring diagram of `parvis serve`.
#include "tuplespace/server/serve.hpp"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>
#include <boost/asio/signal_set.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <utility>

#include "storage/data_folder.hpp"
#include "storage/lmdb_store.hpp"
#include "tuplespace/server/home.hpp"
#include "tuplespace/server/server.hpp"
#include "tuplespace/server/supervisor.hpp"

namespace parvis::server {
namespace {

// What clients of the local server put into the folder before it runs for the first time: the lock and the log of its
// start, logs of kernels, a token.
constexpr std::array<std::string_view, 8> files_before_start{"start.lock", "server.log", "agents",      "logs",
                                                             "token",      "addresses",  "parvis.sock", "kernels"};

std::vector<wire::Address> listen(Server& server, const ServeOptions& options, const std::filesystem::path& home,
                                  Log& log) {
  std::vector<wire::Address> bound;
  for (const auto& address : options.listen) bound.push_back(server.listen(address));
  if (!options.listen.empty()) return bound;
  try {
    bound.push_back(server.listen(wire::Address::parse("unix://" + wire::socket_path(home).string())));
  } catch (const Error& error) {
    if (error.code() != ErrorCode::protocol_error) throw;
    log.warn("no_unix_socket", {{"reason", std::string_view(error.what())}});  // the folder's path is too long for one
  }
  wire::Address loopback;
  loopback.kind = wire::Address::Kind::tcp;
  loopback.host = "127.0.0.1";
  bound.push_back(server.listen(loopback, true));
  return bound;
}

// A full disk is no reason not to serve: its users make room by taking, and find the Unix socket without the file.
void publish(const std::filesystem::path& home, const std::vector<wire::Address>& addresses, Log& log) {
  try {
    write_addresses(home, addresses);
  } catch (const Error& error) {
    remove_addresses(home);
    log.warn(fmt::format("{}; clients find the Unix socket in the folder, other addresses must be told", error.what()));
  }
}

std::string texts(const std::vector<wire::Address>& addresses) {
  std::string all;
  for (const auto& address : addresses) all += (all.empty() ? "" : " ") + address.text();
  return all;
}

// The first signal asks for an orderly end, the second does not ask.
void stop_on_signals(boost::asio::signal_set& signals, Server& server, bool again = false) {
  signals.async_wait([&signals, &server, again](const boost::system::error_code& error, int signal) {
    if (error) return;
    if (again) return server.loop().stop();
    server.stop(signal == SIGINT ? "interrupted" : "terminated");
    stop_on_signals(signals, server, true);
  });
}

// Each connection is a descriptor or two; the usual soft limit of 1024 is for programs that use select(). What the
// system does not allow is noticed, and said, when a connection cannot be accepted.
void raise_descriptor_limit(const Limits& limits) {
  rlimit descriptors{};
  if (getrlimit(RLIMIT_NOFILE, &descriptors) != 0) return;
  const rlim_t wanted = std::min<rlim_t>(2 * limits.connections + net::most_watched + 64, descriptors.rlim_max);
  if (descriptors.rlim_cur >= wanted) return;
  descriptors.rlim_cur = wanted;
  (void)setrlimit(RLIMIT_NOFILE, &descriptors);
}

void log_recovery(Log& log, const Server& server, std::chrono::steady_clock::time_point begin) {
  const auto stats = server.stats();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  log.info("recovered", {{"tuples", stats.tuples},
                         {"tuple_bytes", stats.tuple_bytes},
                         {"sessions", stats.sessions},
                         {"seconds", fmt::format("{:.3f}", took.count())},
                         {"epoch", stats.epoch}});
}

int run(const ServeOptions& options, Log& log) {
  raise_descriptor_limit(options.limits);
  const auto home = options.data.empty() ? wire::home_folder() : std::filesystem::absolute(options.data);
  const auto begin = std::chrono::steady_clock::now();
  log.info("starting", {{"version", PARVIS_VERSION}, {"data", home.string()}});
  auto folder = std::make_shared<storage::DataFolder>(home, files_before_start);
  make_private(home);
  const wire::Token token = ensure_token(home);
  storage::LmdbOptions lmdb;
  lmdb.folder = home;
  const auto store = storage::open_lmdb(folder, lmdb);
  std::string broken;
  {
    Server server(*store, token, options, log);
    log_recovery(log, server, begin);
    boost::asio::signal_set signals(server.loop(), SIGTERM, SIGINT);
    stop_on_signals(signals, server);
    const auto addresses = listen(server, options, home, log);
    publish(home, addresses, log);
    log.info("serving", {{"data", home.string()}, {"pid", getpid()}, {"addresses", texts(addresses)}});
    tell_supervisor(fmt::format("READY=1\nSTATUS=serving {}\n", texts(addresses)), log);
    write_without_waiting(STDOUT_FILENO, fmt::format("parvis {} serves {}\n", PARVIS_VERSION, texts(addresses)));
    server.run();
    tell_supervisor("STOPPING=1\n", log);
    remove_addresses(home);
    broken = server.broken();
  }
  store->close();
  if (!broken.empty()) log.error("stopped", {{"reason", "the disk has failed: " + broken}});
  else log.info("stopped");
  return broken.empty() ? 0 : 1;
}

}  // namespace

int serve(const ServeOptions& options) {
  Log log(STDERR_FILENO, options.log);
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return run(options, log);
  } catch (const std::exception& error) {
    log.error("failed", {{"reason", std::string_view(error.what())}});
    return 1;
  }
}

}  // namespace parvis::server
