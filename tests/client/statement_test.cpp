// Guarded statements, update, swap and put-unless, as a C++ program writes them.
#include <catch2/catch.hpp>

#include <future>

#include "tests/client/server.hpp"

using namespace parvis;
using namespace parvis::test;
using namespace std::chrono_literals;

namespace {

namespace s = parvis::statements;

Tuple tuple(const std::string& name, std::int64_t number) { return Tuple{{Value(name), Value(number)}}; }

}  // namespace

TEST_CASE("a counter, and what a statement says about itself") {
  const Home home;
  const TestServer server(home);
  const auto space = server.space();
  space.out("counter", 1);
  const Var n("n");
  const auto ran = space.run(s::when(s::take("counter", n)).then(s::put("counter", n + 1)));
  CHECK(ran.branch == 0);
  CHECK(ran.tuples == std::vector<Tuple>{tuple("counter", 1)});
  CHECK(from_value<int>(ran[n]) == 1);
  CHECK(ran.put.size() == 1);
  CHECK(space.in<int>("counter", formal) == std::tuple(2));
}

TEST_CASE("alternatives, absence, else, and not waiting") {
  const Home home;
  const TestServer server(home);
  const auto space = server.space();
  const Var name("name");
  const auto claim = s::when(s::take("task", name), s::absent("lock", name)).then(s::put("lock", name));
  CHECK(!space.runp(claim));
  CHECK(space.runp(claim, s::otherwise(s::put("idle")))->branch == 1);
  space.out("task", "x");
  space.out("task", "x");
  CHECK(space.runp(claim, s::otherwise())->branch == 0);
  CHECK(space.runp(claim, s::otherwise())->branch == 1);
  CHECK_THROWS_AS(space.run_for(10ms, claim), Error);
}

TEST_CASE("arithmetic on variables") {
  const Home home;
  const TestServer server(home);
  const auto space = server.space();
  const Var n("n"), m("m");
  space.out("in", 7, 3);
  space.run(s::when(s::take("in", n, m))
                .then(s::put("out", n + 1, 10 - n, n - m, 2 * n * 3, m - n * 2, min(n, 5), max(m, n))));
  CHECK(space.in<int, int, int, int, int, int, int>("out", formal, formal, formal, formal, formal, formal, formal) ==
        std::tuple(8, 3, 4, 42, -11, 5, 7));
}

TEST_CASE("a future statement waits for all of its tuples at once, and dropped it never runs") {
  const Home home;
  const TestServer server(home);
  const auto space = server.space(), other = server.space();
  const auto both = s::when(s::take("a", any), s::take("b", any)).then(s::put("ran"));
  auto future = space.async_run(both);
  other.out("a", 1);
  CHECK(!future.get_for(20ms));
  CHECK(other.rdp("a", any));
  other.out("b", 2);
  CHECK(future.get().tuples == std::vector<Tuple>{tuple("a", 1), tuple("b", 2)});
  CHECK(other.in("ran").items.size() == 1);
  { const auto dropped = space.async_run(both); }
  CHECK(eventually([&] {
    for (const auto& info : other.spaces())
      if (info.waiters != 0) return false;
    return true;
  }));
  other.out("a", 1);
  other.out("b", 2);
  CHECK(other.count("ran") == 0);
}

TEST_CASE("update, swap and put-unless") {
  const Home home;
  const TestServer server(home);
  const auto space = server.space();
  space.out("n", 1);
  CHECK(space.update(template_of("n", of<int>), s::add(1, 5)) == tuple("n", 6));
  CHECK(space.update(template_of("n", of<int>), s::multiply(1, 2), s::set(0, "m")) == tuple("m", 12));
  CHECK(!space.update(template_of("n", of<int>), s::add(1, 5)));
  CHECK(space.swap(template_of("m", any), tuple("m", 1)) == tuple("m", 12));
  CHECK(!space.swap(template_of("x", any), tuple("m", 2)));
  CHECK(space.out_if_absent(tuple("leader", 1), template_of("leader", any)));
  CHECK(!space.out_if_absent(tuple("leader", 2), template_of("leader", any)));
  CHECK(!space.out_if_absent(tuple("leader", 1)));
  CHECK(space.count("leader", any) == 1);
}

TEST_CASE("other spaces, moving and copying") {
  const Home home;
  const TestServer server(home);
  const auto space = server.space();
  const auto other = space.named("other");
  const Var n("n");
  other.out("seed", 1);
  space.out("row", 1);
  space.out("row", 2);
  space.run(s::when(s::take("seed", n).from("other"))
                .then(s::put("grown", n).to("other"), s::move(template_of("row", n), "other"),
                      s::copy(template_of("row", 2), "other")));
  CHECK(other.count("grown", 1) == 1);
  CHECK(other.count("row", any) == 2);
  CHECK(space.count("row", any) == 1);
  CHECK(space.collect("other", "row", any) == 1);
  CHECK(space.copy_collect("other", "row", any) == 0);
  CHECK(other.count("row", any) == 3);
}
