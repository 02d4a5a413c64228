// What a client is told, and when: nothing that a crash could undo, nothing that was meant for another connection.
#include "tests/server/support.hpp"

using namespace parvis;
using namespace parvis::test;

namespace {

// Says hello and proves, and does not wait for the welcome.
void introduce(RawClient& client, std::optional<wire::Resume> resume = {}) {
  const wire::ClientHandshake handshake({}, "raw", resume, true);
  client.send(0, handshake.hello());
  auto copy = handshake;
  client.send(0, copy.challenge(client.expect<wire::Challenge>(0)));
}

}  // namespace

TEST_CASE("P2: nobody is told of a session before it is durable, so a killed server never forgets one") {
  TestServer server;
  {
    auto earlier = RawClient::unix_socket(server.path());  // what a new store writes for itself is written
    earlier.open().call<Done>(1, out({"here"}));
  }
  server.store.hold();
  auto client = RawClient::unix_socket(server.path());
  introduce(client);
  server.store.wait_for_held();
  CHECK(client.silent());
  server.kill();
  CHECK(client.at_end());  // it was never told: it knows of no session that is lost

  server.start();
  auto again = RawClient::unix_socket(server.path());
  again.open();
  const auto resume = again.resume();
  server.kill();
  server.start();
  auto later = RawClient::unix_socket(server.path());
  later.open({}, resume);
  CHECK(later.session == resume.session);
}

TEST_CASE("a new client is welcomed when its session is durable, a resumed one at once") {
  TestServer server;
  auto known = RawClient::unix_socket(server.path());
  known.open();
  server.store.hold();
  auto fresh = RawClient::unix_socket(server.path());
  introduce(fresh);
  server.store.wait_for_held();
  auto resumed = RawClient::unix_socket(server.path());
  introduce(resumed, known.resume());
  CHECK(resumed.expect<wire::Welcome>(0).resumed);
  CHECK(fresh.silent());
  server.store.let_go();
  CHECK(fresh.expect<wire::Welcome>(0).session != known.session);
  fresh.call<Done>(1, out({"fine"}));
}

TEST_CASE("a large tuple on its way to the disk stalls nobody, and fails alone") {
  Limits limits;
  limits.write_ahead_bytes = 1000;
  TestServer server(limits);
  auto large = RawClient::unix_socket(server.path());
  auto other = RawClient::unix_socket(server.path());
  large.open();
  other.open();
  const auto tuple = out({Value(std::string(2000, 'x'))});
  server.store.hold_ahead();
  large.send(1, tuple);
  server.store.wait_for_ahead();
  other.call<Done>(1, out({"small"}));
  CHECK(other.call<Done>(2, count({})).number == 1);
  CHECK(large.silent());
  server.store.end_ahead({storage::Outcome::full, "the test's disk is full"});
  CHECK_THAT(large.expect<Failed>(1).text, Catch::Contains("the test's disk is full"));
  other.call<Done>(3, out({"small"}));

  large.call<Done>(2, tuple);
  CHECK(other.call<Done>(4, count({})).number == 3);
  server.store.hold_ahead();
  large.send(3, tuple);
  server.store.wait_for_ahead();
  const auto resume = large.resume();
  server.kill();
  server.store.end_ahead({});
  server.start();
  auto again = RawClient::unix_socket(server.path());
  again.open({}, resume);
  again.call<Done>(3, tuple);  // once, though it was on its way
  CHECK(again.call<Done>(4, count({})).number == 4);
}

TEST_CASE("the loop waits for the disk itself while nobody is answered without it") {
  TestServer server;
  auto writer = RawClient::unix_socket(server.path());
  auto reader = RawClient::unix_socket(server.path());
  writer.open();
  reader.open();
  std::uint64_t number = 0;
  const auto asked_in = [&](int writes) {
    const int before = server.store.asked_here;
    for (int i = 0; i < writes; ++i) writer.call<Done>(++number, out({"a tuple"}));
    return server.store.asked_here - before;
  };
  asked_in(300);
  CHECK(asked_in(10) == 10);
  reader.call<Done>(1, count({"a tuple"}));
  CHECK(asked_in(200) == 0);
  asked_in(100);
  CHECK(asked_in(10) == 10);
}

TEST_CASE("who speaks before the welcome is refused, and who leaves before it leaves nothing") {
  TestServer server;
  server.store.hold();
  auto hasty = RawClient::unix_socket(server.path());
  introduce(hasty);
  server.store.wait_for_held();
  hasty.send(1, out({"too early"}));
  CHECK_THAT(hasty.expect<Failed>(0).text, Catch::Contains("before the welcome"));
  CHECK(hasty.at_end());
  auto gone = RawClient::unix_socket(server.path());
  introduce(gone);
  gone.close();
  server.store.let_go();
  auto other = RawClient::unix_socket(server.path());
  CHECK(other.open().call<Done>(1, count({"too early"})).number == 0);
}

TEST_CASE("a session that could not be written is not welcomed, and the next attempt is") {
  TestServer server;
  auto other = RawClient::unix_socket(server.path());
  other.open();
  server.store.next = storage::Outcome::full;
  auto client = RawClient::unix_socket(server.path());
  introduce(client);
  CHECK_THAT(client.expect<wire::Ended>(0).text, Catch::Contains("connect again"));
  auto again = RawClient::unix_socket(server.path());
  again.open().call<Done>(1, out({"fine"}));
}

TEST_CASE("P2: an answer that waits for the disk is for its connection alone, and is given again when asked for") {
  TestServer server;
  auto first = RawClient::unix_socket(server.path());
  first.open().call<Done>(1, out({"there"}));
  server.store.hold();
  first.send(2, out({"once"}));
  server.store.wait_for_held();
  first.send(3, rd({"there"}));
  first.send(4, get({"there"}));
  auto second = RawClient::unix_socket(server.path());
  second.open({}, first.resume());  // the newer connection wins; the older had nothing yet
  CHECK(first.expect<wire::Ended>(0).text.find("resumed") != std::string::npos);
  server.store.let_go();
  second.send(0, wire::Ping{});
  second.expect<wire::Pong>(0);
  const auto made = second.call<Done>(2, out({"once"}));  // the first answer is to what it asked, not a forgotten one
  CHECK(tuple_in(second.call<Found>(4, get({"there"}))) == Tuple{{"there"}});
  CHECK(second.call<Done>(2, out({"once"})).number == made.number);
  CHECK(second.call<Done>(5, count({"once"})).number == 1);
  CHECK(second.call<Done>(6, count({"there"})).number == 0);
}
