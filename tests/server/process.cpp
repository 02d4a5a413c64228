// The server as a process: its folder, its options, its end, and what it remembers after it was killed.
#include <catch2/catch.hpp>
#include <sys/stat.h>

#include <csignal>
#include <fstream>
#include <sstream>

#include "tests/server/served.hpp"

using namespace parvis;
using namespace parvis::test;

TEST_CASE("P1, P2: what was acknowledged survives kill -9, and what is sent again takes effect once") {
  TempFolder folder;
  const auto home = folder.path() / "home";
  wire::Resume resume;
  std::uint64_t first = 0;
  {
    Served server(home);
    auto client = connect(home);
    client.open();
    first = client.call<Done>(1, out({"kept", 1})).number;
    client.call<Done>(2, out({"taken"}));
    client.call<Found>(3, get({"taken"}));
    resume = client.resume();
    server.process.end(SIGKILL);
  }
  Served server(home);
  auto client = connect(home);
  client.open({}, resume);
  CHECK(client.session == resume.session);
  CHECK(client.call<Done>(1, out({"kept", 1})).number == first);
  CHECK(client.call<Done>(4, count({"kept"})).number == 1);
  CHECK(tuple_in(client.call<Found>(3, get({"taken"}))) == Tuple{{"taken"}});
  client.send(0, wire::Bye{});
  CHECK(client.at_end());
}

TEST_CASE("the server's folder is private, and tells where it listens") {
  TempFolder folder;
  const auto home = folder.path() / "home";
  Served server(home);
  const auto mode = [](const std::filesystem::path& path) {
    struct stat status {};
    REQUIRE(stat(path.c_str(), &status) == 0);
    return status.st_mode & 0777;
  };
  CHECK(mode(home) == 0700);
  CHECK(mode(wire::token_path(home)) == 0600);
  CHECK(mode(wire::socket_path(home)) == 0600);
  const auto addresses = wire::read_addresses(home);
  REQUIRE(addresses.size() == 2);
  CHECK(addresses[0].path == wire::socket_path(home).string());
  auto client = RawClient::tcp(addresses[1].port);
  client.open(wire::read_token(home));
  client.call<Done>(1, out({"over tcp"}));

  Process second(Served::arguments({}), home);
  CHECK_THAT(second.read_all(), Catch::Contains(home.string()));
  CHECK(WEXITSTATUS(second.wait()) == 1);
  client.call<Done>(2, out({"undisturbed"}));

  CHECK(server.process.end(SIGTERM) == 0);
  CHECK(client.at_end());
  CHECK(!std::filesystem::exists(wire::addresses_path(home)));
  CHECK(!std::filesystem::exists(wire::socket_path(home)));
}

TEST_CASE("what it cannot serve it says in one line") {
  TempFolder folder;
  const auto refuses = [&](std::vector<std::string> options, const char* why) {
    Process server(Served::arguments(std::move(options)), folder.path() / "home");
    CHECK_THAT(server.read_all(), Catch::Contains(why));
    CHECK(server.wait() != 0);
  };
  refuses({"--listen", "tcp://0.0.0.0:0"}, "tls://");
  refuses({"--listen", "tls://0.0.0.0:0"}, "not built yet");
  refuses({"--listen", "nonsense"}, "unix:///path/to/socket");
  refuses({"--limit", "tuple_byte=1"}, "tuple_bytes");
  refuses({"--limit", "tuple_bytes=x"}, "whole number");
  refuses({"--durability", "solid"}, "durable, relaxed or volatile");
  std::ofstream(folder.path() / "file") << "x";
  refuses({"--data", (folder.path() / "file").string()}, "file");
}

TEST_CASE("a server that nobody uses ends by itself when asked to") {
  TempFolder folder;
  const auto home = folder.path() / "home";
  Served server(home, {"--idle-exit", "1"});
  {
    auto client = connect(home);
    client.open();
    client.send(0, wire::Bye{});
    CHECK(client.at_end());
  }
  CHECK(server.process.wait() == 0);
}

TEST_CASE("the client written from docs/protocol.md alone works") {
  TempFolder folder;
  const auto home = folder.path() / "home";
  Served server(home);
  Process client({"/usr/bin/python3", PARVIS_SOURCE "/examples/protocol_client.py"}, home);
  CHECK(client.read_all() == "('hello', 42)\n");
  CHECK(client.wait() == 0);
}
