// The command line against a real server: what it prints, which status it ends with, and that nothing is lost.
#include <catch2/catch.hpp>

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "tests/client/cli.hpp"

using namespace parvis;
using namespace parvis::test;
using namespace std::chrono_literals;

namespace {

bool blocked(const Space& space) {
  for (const auto& info : space.spaces()) {
    if (info.name == space.name()) return info.waiters > 0;
  }
  return false;
}

}  // namespace

TEST_CASE("out, rd, count, in, inp: one line a tuple, and statuses that say what happened") {
  const Home home;
  const TestServer server(home);
  CHECK(run({"out", "task", "7", "\"x y\"", "2.5"}).status == 0);
  CHECK(run({"rd", "task", "?int", "?", "..."}).out == "(\"task\", 7, \"x y\", 2.5)\n");
  CHECK(run({"count", "task", "..."}).out == "1\n");
  CHECK(run({"in", "task", "5..9", "x*", "?float"}).out == "(\"task\", 7, \"x y\", 2.5)\n");
  const auto none = run({"inp", "task", "..."});
  CHECK(none.status == 1);
  CHECK(none.out.empty());
  CHECK(none.err.empty());
  CHECK(run({"rdp", "task", "..."}).status == 1);
}

TEST_CASE("--json is for programs") {
  const Home home;
  const TestServer server(home);
  server.space().out("all", nullptr, true, -5, 2.5, "x", UINT64_MAX, std::tuple(1), std::vector<std::string>{"a"},
                     ByteVector{std::byte{1}, std::byte{2}}, std::vector<std::int32_t>{1},
                     std::map<std::string, int>{{"k", 1}});
  const auto outcome = run({"rd", "--json", "all", "..."});
  CHECK(outcome.status == 0);
  CHECK(outcome.out ==
        "[\"all\",null,true,-5,2.5,\"x\",{\"$int\":\"18446744073709551615\"},{\"$tuple\":[1]},[\"a\"],"
        "{\"$bytes\":\"AQI=\"},{\"$array\":{\"dtype\":\"<i4\",\"elements\":\"AQAAAA==\",\"shape\":[1]}},{\"k\":1}]\n");
  CHECK(run({"spaces", "--json"}).out.find("\"name\":\"default\"") != std::string::npos);
}

TEST_CASE("wrong usage is told with the command it was meant for") {
  const auto none = run({"kernels"});
  CHECK(none.status == 2);
  CHECK(none.err == "parvis kernels: needs one of start, list, stop; `parvis kernels --help` tells more\n");
  const auto strange = run({"kernels", "lisst"});
  CHECK(strange.status == 2);
  CHECK(strange.err.find("parvis kernels: does not know 'lisst'; it needs one of start, list, stop") == 0);
  const auto number = run({"kernels", "start", "-n", "x"});
  CHECK(number.status == 2);
  CHECK(number.err.find("parvis kernels start: --kernels: Value x not in range 1 to 4096; `") == 0);
}

TEST_CASE("a timeout is status 3, wrong usage 2, an error 4") {
  const Home home;
  {
    const TestServer server(home);
    const auto late = run({"in", "none", "-t", "0.05"});
    CHECK(late.status == 3);
    CHECK(late.err.find("Timeout") != std::string::npos);
    const auto unknown = run({"nonsense"});
    CHECK(unknown.status == 2);
    CHECK(unknown.err.find("'nonsense'") != std::string::npos);
    const auto bare = run({});
    CHECK(bare.status == 2);
    CHECK(bare.err.find("Subcommands:") != std::string::npos);
    CHECK(run({"--address", server.address(), "inp", "x"}).status == 1);
    CHECK(run({"in", "x", "--nonsense"}).status == 2);
    for (const std::string command : {"out", "in", "count", "scan", "watch", "explain"}) {
      const auto fieldless = run({command});  // would wait for an empty tuple, or count them
      CHECK(fieldless.status == 2);
      CHECK(fieldless.err.find("parvis " + command + ": which fields?") != std::string::npos);
    }
    CHECK(run({"count", "--or"}).status == 0);  // two empty templates, and meant
    const auto unreadable = run({"out", "[1,"});
    CHECK(unreadable.status == 4);
    CHECK(unreadable.err.find("[1,") != std::string::npos);
    CHECK(run({"out", "x", "--token-file", "/nonexistent"}).status == 4);
  }
  const auto nobody = run({"rdp", "x"});
  CHECK(nobody.status == 4);
  CHECK(nobody.err.find("start one with `parvis serve`") != std::string::npos);
  CHECK(std::count(nobody.err.begin(), nobody.err.end(), '\n') == 1);
}

TEST_CASE("help teaches, and ends with status 0") {
  CHECK(run({"--help"}).out.find("parvis out task 7") != std::string::npos);
  for (const std::string command :
       {"serve", "out", "in", "rd", "inp", "rdp", "count", "spaces", "exec", "push", "pull"}) {
    INFO(command);
    const auto help = run({command, "--help"});
    CHECK(help.status == 0);
    CHECK(help.out.size() > 200);
  }
  CHECK(run({"version"}).out == run({"--version"}).out);
}

TEST_CASE("P3: Ctrl-C on a blocked in loses nothing") {
  const Home home;
  const TestServer server(home);
  const auto space = server.space();
  for (int i = 0; i < 5; ++i) {
    Process in({program("parvis"), "in", "n", "?int"});
    CHECK(eventually([&] { return blocked(space); }));
    if (i % 2 == 0) space.out("n", i);  // the signal and the tuple cross
    in.signal(SIGINT);
    const auto line = in.read_all();
    const int status = in.wait();
    CHECK((status == 130 || (status == 0 && !line.empty())));
    if (status == 130) CHECK(line.empty());
    if (i % 2 == 0 && status == 130) CHECK(space.in_for<int>(patience, "n", formal) == std::tuple(i));
    CHECK(space.count("n", any) == 0);
  }
}

TEST_CASE("P3: what a closed pipe did not take is back in the space") {
  const Home home;
  const TestServer server(home);
  const auto space = server.space();
  Process in({program("parvis"), "in", "n", "?int"});
  CHECK(eventually([&] { return blocked(space); }));
  in.close_output();
  space.out("n", 1);
  CHECK(in.wait() == 4);
  CHECK(space.in_for<int>(patience, "n", formal) == std::tuple(1));
}

TEST_CASE("P3: an in that is killed while its reader does not read has taken nothing") {
  const Home home;
  const TestServer server(home);
  const auto space = server.space();
  space.out("large", std::string(1 << 20, 'x'));  // more than a pipe holds
  {
    Process in({program("parvis"), "in", "large", "?str"});
    CHECK(eventually([&] { return space.count("large", any) == 0; }));
    in.signal(SIGKILL);
    in.wait();
  }
  CHECK(eventually([&] { return space.count("large", any) == 1; }));
}

TEST_CASE("a pipeline ends well though its reader has seen enough") {
  const Home home;
  const TestServer server(home);
  server.space().out("n", 1);
  Process pipeline({"/bin/sh", "-c", program("parvis") + " rd n ?int | head -c 1"});
  CHECK(pipeline.read_all() == "(");
  CHECK(pipeline.wait() == 0);
}

TEST_CASE("a client starts the local server when it is asked to, and of many only one does") {
  const Home home;
  ::setenv("PARVIS_BIN", program("parvis").c_str(), 1);
  client::Options options;
  options.start_server = true;
  std::vector<std::thread> threads;
  std::atomic<int> connected = 0;
  std::vector<std::shared_ptr<client::Session>> sessions(4);
  for (auto& session : sessions) {
    threads.emplace_back([&] {
      session = client::Session::connect(options);
      ++connected;
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(connected == 4);
  for (const auto& session : sessions) CHECK(session->address() == sessions[0]->address());
  std::ifstream log(home.path() / "server.log");
  std::string text(std::istreambuf_iterator<char>(log), {});
  const auto at = text.find("pid=");
  REQUIRE(at != std::string::npos);
  CHECK(text.find("pid=", at + 1) == std::string::npos);
  sessions.clear();
  ::kill(static_cast<pid_t>(std::stol(text.substr(at + 4))), SIGTERM);
  ::unsetenv("PARVIS_BIN");
}
