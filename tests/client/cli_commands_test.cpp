// The commands around the space: spaces, top, completion, what teaches.
#include <catch2/catch.hpp>

#include <signal.h>

#include "tests/client/cli.hpp"

using namespace parvis;
using namespace parvis::test;

namespace {

// What bash would offer behind these words.
std::string completed(const std::string& words) {
  Process bash({"/bin/bash", "-c",
                "parvis() { " + program("parvis") + " \"$@\"; }; eval \"$(parvis completion bash)\"; COMP_WORDS=(" +
                    words + "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _parvis; echo ${COMPREPLY[@]}"});
  return bash.read_all();
}

}  // namespace

TEST_CASE("several templates with --or, and options of out") {
  const Home home;
  const TestServer server(home);
  CHECK(run({"out", "a", "1"}).status == 0);
  CHECK(run({"out", "b", "2", "--priority", "1"}).status == 0);
  CHECK(run({"out", "later", "--delay", "3600"}).status == 0);
  CHECK(run({"count", "a", "?int", "--or", "b", "?int"}).out == "2\n");
  CHECK(run({"in", "a", "?int", "--or", "b", "?int"}).out == "(\"b\", 2)\n");
  CHECK(run({"in", "-t", "30", "--or", "a", "?int"}).out == "(\"a\", 1)\n");
  CHECK(run({"rdp", "later"}).status == 1);
  CHECK(run({"out", "brief", "--lease", "-1"}).status == 2);
  const auto wrong = run({"out", "a", "--or", "b"});
  CHECK(wrong.status == 2);
  has(wrong.err, "one template");
}

TEST_CASE("spaces are made, listed and dropped") {
  const Home home;
  const TestServer server(home);
  const auto made = run({"spaces", "make", "scratch", "--durability", "volatile"});
  CHECK(made.status == 0);
  has(made.out, "scratch");
  has(made.out, "volatile");
  CHECK(run({"out", "-s", "scratch", "x"}).status == 0);
  has(run({"spaces"}).out, "scratch");
  const auto listed = run({"spaces", "--json"}).out;
  has(listed, "\"name\":\"scratch\"");
  has(listed, "\"durability\":\"volatile\"");
  has(listed, "\"held\":0");
  CHECK(run({"spaces", "drop", "scratch"}).status == 0);
  CHECK(run({"spaces"}).out.find("scratch") == std::string::npos);
  CHECK(run({"spaces", "make"}).status == 2);
  CHECK(run({"spaces", "make", "x", "--durability", "eternal"}).status == 2);
}

TEST_CASE("every command has a help that teaches") {
  const auto overview = run({"--help"}).out;
  for (const std::string command : {"out", "in", "rd", "inp", "rdp", "count", "scan", "aggregate", "explain", "waiters",
                                    "update", "collect", "watch", "spaces", "top", "completion"}) {
    INFO(command);
    has(overview, "\n  " + command + " ");
    const auto help = run({command, "--help"});
    CHECK(help.status == 0);
    if (command != "waiters") has(help.out, "  parvis " + command);
  }
  has(run({"in", "--help"}).out, "Words of tuples and templates");
  has(run({"spaces", "make", "--help"}).out, "--quota-tuples");
}

TEST_CASE("completion knows the commands, their options, the spaces") {
  const Home home;
  const TestServer server(home);
  run({"spaces", "make", "physics"});
  has(completed("parvis spa"), "spaces");
  has(completed("parvis spaces ''"), "make drop");
  has(completed("parvis out --pri"), "--priority");
  has(completed("parvis rd --space phy"), "physics");
  has(completed("parvis kernels st"), "start");
  CHECK(run({"completion", "cmd.exe"}).status == 2);
}
