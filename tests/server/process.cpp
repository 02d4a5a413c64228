// The server as a process: its folder, its options, its end, and what it remembers after it was killed.
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <catch2/catch.hpp>

#include <csignal>
#include <fstream>
#include <sstream>

#include "tests/server/served.hpp"
#include "tuplespace/wire/home.hpp"

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

TEST_CASE("P10: socket and token are the user's alone, in a folder of mode 0700 that tells where to connect") {
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

TEST_CASE("P10: what it must not or cannot serve it refuses, and says why in one line") {
  TempFolder folder;
  const auto refuses = [&](std::vector<std::string> options, const char* why) {
    Process server(Served::arguments(std::move(options)), folder.path() / "home");
    CHECK_THAT(server.read_all(), Catch::Contains(why));
    CHECK(server.wait() != 0);
  };
  refuses({"--listen", "tcp://0.0.0.0:0"}, "tls://");
  refuses({"--listen", "tls://0.0.0.0:0"}, "not built yet");
  refuses({"--listen", "tcp://[::]:0"}, "tls://");
  refuses({"--log", "loud"}, "debug, info, warn or error");
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

TEST_CASE("P2: a session that a client was told of is there after kill -9, whenever that comes") {
  TempFolder folder;
  const auto home = folder.path() / "home";
  std::vector<wire::Resume> told;
  {
    Served server(home);
    for (int i = 0; i < 40; ++i) {
      auto client = connect(home);
      client.open();
      told.push_back(client.resume());
    }
    server.process.end(SIGKILL);  // at once after the last welcome
  }
  Served server(home);
  for (const auto& resume : told) {
    auto client = connect(home);
    client.open({}, resume);
    CHECK(client.session == resume.session);
  }
}

TEST_CASE("a server that is asked to stop waits for nobody who does not answer, and ends in order") {
  TempFolder folder;
  const auto home = folder.path() / "home";
  Served server(home);
  std::vector<RawClient> idle;
  for (int i = 0; i < 20; ++i) idle.push_back(connect(home));
  for (auto& client : idle) client.open();
  idle[0].send(1, get({"nothing"}));
  idle[0].expect<Waiting>(1);
  kill(server.process.pid(), SIGTERM);
  const auto log = server.process.read_all();  // none of the clients reads or closes
  CHECK(WEXITSTATUS(server.process.wait()) == 0);
  CHECK_THAT(log, Catch::Contains("stopping reason=terminated connections=20") && Catch::Contains("info stopped"));
  CHECK_THAT(idle[0].expect<wire::Ended>(0).text, Catch::Contains("the server stops: terminated"));
  Served again(home);
  auto client = connect(home);
  client.open({}, idle[0].resume());
  CHECK(client.session == idle[0].session);
}

TEST_CASE("the log tells the story of a crash") {
  TempFolder folder;
  const auto home = folder.path() / "home";
  {
    Served server(home, {"--log", "debug"});
    auto client = connect(home);
    client.open();
    client.call<Done>(1, out({"a"}));
    client.call<Done>(2, out({"b"}));
    client.close();
    auto stranger = connect(home);
    stranger.send_bytes("what = \"this\"?\n but no protocol at all, whatever one may call it\n");
    CHECK(stranger.at_end());
    server.process.read_until("refused");
    const auto log = server.process.read_until("session_lost");
    CHECK_THAT(log, Catch::Contains("info starting version=") && Catch::Contains("data=" + home.string()));
    CHECK_THAT(log, Catch::Contains("info recovered tuples=0") && Catch::Contains("epoch=1"));
    CHECK_THAT(log, Catch::Contains("debug session_opened session=") && Catch::Contains("(raw)\""));
    CHECK_THAT(log, Catch::Contains("debug session_lost"));
    CHECK_THAT(log, Catch::Contains("warn refused peer=\"unix pid ") && Catch::Contains(" reason=\""));
    server.process.end(SIGKILL);
  }
  Served server(home);
  const auto log = server.process.read_until(" serves ");
  CHECK_THAT(log, Catch::Contains("info recovered tuples=2") && Catch::Contains("epoch=2"));
}

TEST_CASE("a supervisor is told when the server serves, and when it stops") {
  TempFolder folder;
  const auto path = (folder.path() / "notify").string();
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_un at{};
  at.sun_family = AF_UNIX;
  path.copy(at.sun_path, sizeof at.sun_path - 1);
  REQUIRE(bind(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0);
  const auto next = [&] {
    std::string text(1000, '\0');
    const ssize_t n = recv(fd, text.data(), text.size(), MSG_DONTWAIT);
    text.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
    return text;
  };
  Served server(folder.path() / "home", {}, {"NOTIFY_SOCKET=" + path});
  CHECK_THAT(next(), Catch::Contains("READY=1"));
  CHECK(server.process.end(SIGTERM) == 0);
  CHECK_THAT(next(), Catch::Contains("STOPPING=1"));
  close(fd);
}
