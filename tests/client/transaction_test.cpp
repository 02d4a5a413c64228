// Transactions see what they have put; leases; several templates.
#include <catch2/catch.hpp>

#include "tests/client/server.hpp"

using namespace parvis;
using namespace parvis::test;
using namespace std::chrono_literals;

namespace {

bool ends_in_conflict(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.code() == ErrorCode::conflict;
  }
  return false;
}

}  // namespace

TEST_CASE("a transaction sees what it has put, after the older tuples of the server") {
  const Home home;
  const TestServer server(home);
  const auto space = server.space();
  space.out("v", 1);
  auto tx = space.transaction();
  tx.out("v", 2);
  OutOptions first;
  first.priority = 1;
  tx.out_with(first, "v", 3);
  CHECK(tx.count("v", any) == 3);
  CHECK(space.count("v", any) == 1);
  CHECK(tx.rd<int>("v", formal) == std::tuple(1));
  CHECK(tx.read_many(9, {}, "v", any).size() == 3);
  CHECK(tx.in<int>("v", formal) == std::tuple(1));
  CHECK(tx.in<int>("v", formal) == std::tuple(3));
  CHECK(tx.inp<int>("v", formal) == std::optional(std::tuple(2)));
  CHECK(!tx.inp("v", any));
  CHECK(tx.take_many(2, 10ms, "v", any).empty());
  tx.out("w", 4);
  tx.commit();
  CHECK(space.count("v", any) == 0);
  CHECK(space.in<int>("w", formal) == std::tuple(4));
}

TEST_CASE("a put that cannot be read as asked stays in its transaction") {
  const Home home;
  const TestServer server(home);
  auto tx = server.space().transaction();
  tx.out("v", "text");
  CHECK_THROWS_AS(tx.in<int>("v", of<std::string>), Error);
  CHECK(tx.count("v", any) == 1);
}

TEST_CASE("a transaction works in several spaces") {
  const Home home;
  const TestServer server(home);
  const auto space = server.space();
  const auto other = space.named("other");
  other.out("job", 1);
  auto tx = space.transaction();
  const auto there = tx.named("other");
  CHECK(there.in<int>("job", formal) == std::tuple(1));
  there.out("done", 1);
  tx.out("note", 1);
  CHECK(there.rdp("done", any));
  CHECK(!tx.rdp("done", any));
  tx.commit();
  CHECK(other.count("done", any) == 1);
  CHECK(space.count("note", any) == 1);
  CHECK(ends_in_conflict([&] { (void)there.rdp("done", any); }));
}

TEST_CASE("a commit for which there is no room leaves the transaction open") {
  const Home home;
  const TestServer server(home);
  const auto space = server.space();
  SpaceOptions small;
  small.quota_tuples = 2;
  space.make(small);
  space.out("job", 1);
  space.out("other", 1);
  auto tx = space.transaction();
  CHECK(tx.in<int>("job", formal) == std::tuple(1));
  for (int i = 0; i < 2; ++i) tx.out("result", i);
  CHECK_THROWS_WITH(tx.commit(), Catch::Matchers::Contains("quota_tuples = 2"));
  SECTION("it can be committed when there is room") {
    CHECK(space.inp("other", any));
    tx.commit();
    CHECK(space.count("result", any) == 2);
  }
  SECTION("it can be aborted") {
    tx.abort();
    CHECK(space.inp("job", any));
  }
  SECTION("going out of scope it is aborted") {
    { const auto gone = std::move(tx); }
    CHECK(space.in<int>("job", formal) == std::tuple(1));
  }
}

TEST_CASE("after the end of a transaction every operation is a conflict") {
  const Home home;
  const TestServer server(home);
  const auto space = server.space();
  space.out("v", 1);
  auto ended = space.transaction(1s);
  CHECK(ended.in<int>("v", formal) == std::tuple(1));
  CHECK(space.in_for<int>(patience, "v", formal) == std::tuple(1));  // it is back: the lease is over
  for (auto* tx : {&ended}) {
    CHECK(ends_in_conflict([&] { (void)tx->rdp("v", any); }));
    CHECK(ends_in_conflict([&] { (void)tx->inp("v", any); }));
    CHECK(ends_in_conflict([&] { (void)tx->in("v", any); }));
    CHECK(ends_in_conflict([&] { (void)tx->count("v", any); }));
    CHECK(ends_in_conflict([&] { tx->renew(5s); }));
    CHECK(ends_in_conflict([&] { tx->commit(); }));
    CHECK(ends_in_conflict([&] { tx->out("v", 1); }));
  }
}

TEST_CASE("any of several templates") {
  const Home home;
  const TestServer server(home);
  const auto space = server.space();
  space.out("b", 2);
  space.out("a", 1);
  const AnyOf both{{template_of("a", of<int>), template_of("b", any)}};
  CHECK(space.count(both) == 2);
  CHECK(from_value<int>(space.in(both).items.at(1)) == 2);
  CHECK(from_value<int>(space.inp(both)->items.at(1)) == 1);
  CHECK(!space.rdp(both));
}
