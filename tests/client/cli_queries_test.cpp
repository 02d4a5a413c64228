// The commands that ask and change: scan, aggregate, explain, waiters, update, collect, watch, top, quotas, settle.
#include <catch2/catch.hpp>

#include <signal.h>

#include <nlohmann/json.hpp>

#include <algorithm>

#include "tests/client/cli.hpp"

using namespace parvis;
using namespace parvis::test;

namespace {

std::uint64_t waiters(const Space& space) {
  for (const auto& info : space.spaces())
    if (info.name == space.name()) return info.waiters;
  return 0;
}

}  // namespace

TEST_CASE("scan prints all, in order, and leaves them") {
  const Home home;
  const TestServer server(home);
  const auto space = server.space();
  std::vector<Tuple> tuples;
  for (int n = 0; n < 2500; ++n) tuples.push_back({{Value("n"), Value(n)}});
  space.out_many(tuples);
  const auto all = run({"scan", "..."});
  CHECK(all.status == 0);
  CHECK(std::count(all.out.begin(), all.out.end(), '\n') == 2500);
  CHECK(all.out.starts_with("(\"n\", 0)\n(\"n\", 1)\n"));
  CHECK(run({"scan", "n", "5..6", "--json"}).out == "[\"n\",5]\n[\"n\",6]\n");
  CHECK(run({"scan", "n", "?int", "-n", "2", "--or", "other"}).out == "(\"n\", 0)\n(\"n\", 1)\n");
  CHECK(run({"scan", "other"}).out.empty());
  CHECK(space.count(rest) == 2500);
}

TEST_CASE("aggregate sums up, group by group") {
  const Home home;
  const TestServer server(home);
  const auto space = server.space();
  for (int n = 0; n < 6; ++n) space.out("cost", n % 2 == 0 ? "a" : "b", n);
  CHECK(run({"aggregate", "cost", "..."}).out == "(6,)\n");
  CHECK(run({"aggregate", "cost", "?", "?int", "--by", "1", "--count", "--sum", "2", "--min", "2", "--max", "2"}).out ==
        "(\"a\", 3, 6, 0, 4)\n(\"b\", 3, 9, 1, 5)\n");
  CHECK(run({"aggregate", "cost", "?", "?int", "--sum", "2", "--json"}).out == "[15]\n");
  CHECK(run({"aggregate", "cost", "?", "?int", "--sum", "1"}).status == 4);
}

TEST_CASE("update changes in place, collect moves") {
  const Home home;
  const TestServer server(home);
  const auto space = server.space();
  space.out("hits", 1);
  CHECK(run({"update", "hits", "?int", "--add", "1=5"}).out == "(\"hits\", 6)\n");
  CHECK(run({"update", "hits", "?int", "--subtract", "1=2", "--set", "0=misses"}).out == "(\"misses\", 4)\n");
  const auto none = run({"update", "hits", "?int", "--add", "1=1"});
  CHECK(none.status == 1);
  CHECK(none.out.empty());
  CHECK(run({"update", "hits", "?int", "--add", "1=1", "-t", "0.05"}).status == 3);
  CHECK(run({"update", "hits", "?int"}).status == 2);
  const auto wrong = run({"update", "hits", "?int", "--add", "five"});
  CHECK(wrong.status == 2);
  has(wrong.err, "POSITION=WORD");
  CHECK(run({"collect", "misses", "...", "--to", "archive", "--copy"}).out == "1\n");
  CHECK(run({"collect", "misses", "...", "--to", "archive"}).out == "1\n");
  CHECK(run({"count", "..."}).out == "0\n");
  CHECK(run({"count", "...", "-s", "archive"}).out == "2\n");
  CHECK(run({"collect", "misses"}).status == 2);
}

TEST_CASE("explain says what is wrong with the nearest") {
  const Home home;
  const TestServer server(home);
  const auto space = server.space();
  const auto nothing = run({"explain", "task", "?int"});
  CHECK(nothing.status == 1);
  has(nothing.err, "nothing");
  space.out("task", 7.5);
  const auto near = run({"explain", "task", "?int"});
  CHECK(near.status == 0);
  has(near.out, "(\"task\", 7.5)\n    ");
  has(run({"explain", "task", "?int", "--json"}).out, "\"position\":1");
}

TEST_CASE("waiters and top show who is blocked, the longest waiting first") {
  const Home home;
  const TestServer server(home);
  const auto space = server.space();
  Process in({program("parvis"), "in", "task", "?int"});
  CHECK(eventually([&] { return waiters(space) == 1; }));
  Process rd({program("parvis"), "rd", "other"});
  CHECK(eventually([&] { return waiters(space) == 2; }));
  const auto listed = run({"waiters"});
  CHECK(listed.status == 0);
  CHECK(listed.out.find("(\"task\", ?int)") < listed.out.find("(\"other\",)"));
  const auto json = run({"waiters", "--json", "-s", "default", "-n", "1"}).out;
  has(json, "\"take\":true");
  has(json, "\"cycle\":0");
  CHECK(std::count(json.begin(), json.end(), '\n') == 1);
  const auto top = run({"top", "--once"});
  CHECK(top.status == 0);
  has(top.out, "default");
  has(top.out, "(\"task\", ?int)");
  CHECK(top.out.find('\x1b') == std::string::npos);
  has(run({"top", "--once", "--json"}).out, "\"waiters\":[{");
  in.signal(SIGINT);
  rd.signal(SIGINT);
  CHECK(in.wait() == 130);
  CHECK(rd.wait() == 130);
}

TEST_CASE("top without a terminal prints one picture after the other, until Ctrl-C") {
  const Home home;
  const TestServer server(home);
  server.space().out("x");
  Process top({program("parvis"), "top", "--interval", "0.5"});
  int titles = 0;
  while (titles < 2) titles += top.read_line().starts_with("parvis top") ? 1 : 0;
  top.signal(SIGINT);
  CHECK(top.wait() == 0);
  CHECK(run({"top", "--interval", "0.1"}).status == 2);
}

TEST_CASE("watch prints events as they happen, and goes on from a number") {
  const Home home;
  const TestServer server(home);
  const auto space = server.space();
  CHECK(run({"watch", "...", "-t", "0.05"}).status == 3);  // from now on the space keeps its events
  space.out("a", 1);
  space.out("b", 1);
  space.out("a", 2);
  (void)space.in("a", 1);
  Process watch({program("parvis"), "watch", "a", "?int", "--from", "0", "-n", "3", "--json"});
  std::string seen = watch.read_all();
  CHECK(watch.wait() == 0);
  if (seen.starts_with("{\"gap\"")) seen.erase(0, seen.find('\n') + 1);  // what was before the first watch
  CHECK(std::count(seen.begin(), seen.end(), '\n') == 3);
  has(seen, "\"kind\":\"put\",\"seq\":");
  has(seen, "\"kind\":\"taken\"");
  const auto first = nlohmann::json::parse(seen.substr(0, seen.find('\n')));
  CHECK(first["tuple"] == nlohmann::json::parse("[\"a\",1]"));
  const auto next = std::to_string(first["seq"].get<std::uint64_t>() + 1);
  const auto later = run({"watch", "...", "--from", next, "--kind", "put", "-n", "2"});
  CHECK(later.status == 0);
  has(later.out, "put      (\"b\", 1)\n");
  has(later.out, "put      (\"a\", 2)\n");
  CHECK(run({"watch", "...", "--kind", "eaten"}).status == 2);
}

TEST_CASE("quotas: what is over fails, or waits for room") {
  const Home home;
  const TestServer server(home);
  has(run({"spaces", "make", "small", "--quota-tuples", "1"}).out, "at most 1 tuples");
  CHECK(run({"out", "-s", "small", "x"}).status == 0);
  const auto over = run({"out", "-s", "small", "y"});
  CHECK(over.status == 4);
  has(over.err, "LimitExceeded");
  Process patient({program("parvis"), "out", "-s", "small", "y", "--room", "30"});
  CHECK(run({"in", "-s", "small", "x"}).status == 0);
  CHECK(patient.wait() == 0);
  CHECK(run({"rdp", "-s", "small", "y"}).status == 0);
}

TEST_CASE("groups are handed out one at a time; inp --settle waits for the end of a claim") {
  const Home home;
  const TestServer server(home);
  const auto space = server.space();
  CHECK(run({"out", "job", "1", "--group", "g"}).status == 0);
  CHECK(run({"out", "job", "2", "--group", "g"}).status == 0);
  auto claim = space.transaction();
  CHECK(claim.in<int>("job", formal) == std::tuple(1));
  CHECK(run({"inp", "job", "?int"}).status == 1);
  Process settled({program("parvis"), "inp", "job", "?int", "--settle", "30"});
  claim.commit();
  CHECK(settled.read_line() == "(\"job\", 2)");
  CHECK(settled.wait() == 0);
}
