// Operations over raw sockets: what docs/protocol.md promises of each, and of what happens when connections break.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "tests/server/support.hpp"

using namespace parvis;
using namespace parvis::test;

TEST_CASE("out, rd, in over a Unix socket and over TCP") {
  TestServer server;
  auto a = RawClient::unix_socket(server.path());
  auto b = RawClient::tcp(server.port());
  a.open();
  b.open(test_token());
  a.call<Done>(1, out({"task", 7}));
  CHECK(tuple_in(b.call<Found>(1, rd({"task"}))) == Tuple{{"task", 7}});
  CHECK(b.call<Done>(2, count({"task"})).number == 1);
  CHECK(tuple_in(b.call<Found>(3, get({"task"}))) == Tuple{{"task", 7}});
  b.send(0, Confirm{3, {}});
  CHECK(a.call<Done>(2, count({"task"})).number == 0);
  auto none = get({"task"});
  none.wait = false;
  CHECK(a.call<Found>(3, none).items.empty());
}

TEST_CASE("a blocked in gets a ticket and is woken by the out it waits for") {
  TestServer server;
  auto taker = RawClient::unix_socket(server.path());
  auto giver = RawClient::unix_socket(server.path());
  taker.open();
  giver.open();
  taker.send(1, get({"x", 1}));
  CHECK(taker.expect<Waiting>(1).ticket != 0);
  giver.call<Done>(1, out({"x", 2}));
  CHECK(taker.silent());
  giver.call<Done>(2, out({"x", 1}));
  CHECK(tuple_in(taker.expect<Found>(1)) == Tuple{{"x", 1}});
}

TEST_CASE("a wait ends at its timeout, by cancel, and by refuse, and nothing is lost") {
  TestServer server;
  auto client = RawClient::unix_socket(server.path());
  client.open();
  auto brief = get({"never"});
  brief.timeout_us = 1000;
  client.send(1, brief);
  auto [id, message] = client.receive();
  while (std::holds_alternative<Waiting>(message)) std::tie(id, message) = client.receive();
  CHECK(std::get<Failed>(message).code == ErrorCode::timeout);
  client.send(2, get({"never"}));
  client.expect<Waiting>(2);
  client.send(0, Cancel{2});
  CHECK(client.expect<Failed>(2).code == ErrorCode::timeout);
  client.call<Done>(3, out({"kept"}));
  client.call<Found>(4, get({"kept"}));
  client.send(0, Refuse{4});
  for (;;) {  // the refusal may be answered, too
    auto [number, answer] = (client.send(5, count({"kept"})), client.receive());
    if (number != 5) continue;
    CHECK(std::get<Done>(answer).number == 1);
    break;
  }
}

TEST_CASE("many operations in one go are answered, each under its number") {
  TestServer server;
  auto client = RawClient::unix_socket(server.path());
  client.open();
  ByteVector stream;
  for (std::uint64_t i = 1; i <= 2000; ++i)
    REQUIRE(wire::pack_into(stream, i, wire::Message(out({"n", static_cast<std::int64_t>(i)}))));
  REQUIRE(wire::pack_into(stream, 2001, wire::Message(count({"n"}))));
  client.send_bytes(stream);
  for (std::uint64_t i = 1; i <= 2000; ++i) client.expect<Done>(i);
  CHECK(client.expect<Done>(2001).number == 2000);
}

TEST_CASE("large tuples come back as they went, past small messages") {
  TestServer server;
  auto client = RawClient::unix_socket(server.path());
  client.open();
  const Blob big = Blob::take(ByteVector(40 << 20, std::byte{0x5a}));
  client.call<Done>(1, out({"big", Value(big)}));
  client.call<Done>(2, out({"small"}));
  client.send(3, rd({"big"}));
  client.send(4, rd({"small"}));
  std::map<std::uint64_t, Found> got;
  while (got.size() < 2) {
    auto [id, message] = client.receive();
    got[id] = std::get<Found>(message);
  }
  CHECK(tuple_in(got[3]) == Tuple{{"big", Value(big)}});
}

TEST_CASE("a connection that broke is resumed, and what is sent again takes effect once") {
  TestServer server;
  auto first = RawClient::unix_socket(server.path());
  first.open();
  first.call<Done>(1, out({"a"}));
  const auto made = first.call<Done>(2, out({"once"}));
  first.send(3, get({"a"}));
  first.expect<Found>(3);  // and never confirmed
  first.close();
  auto second = RawClient::unix_socket(server.path());
  second.open({}, first.resume());
  CHECK(second.session == first.session);
  CHECK(second.call<Done>(2, out({"once"})).number == made.number);
  CHECK(tuple_in(second.call<Found>(3, get({"a"}))) == Tuple{{"a"}});
  CHECK(second.call<Done>(4, count({"once"})).number == 1);
}

TEST_CASE("the newer connection of a session wins") {
  TestServer server;
  auto old = RawClient::unix_socket(server.path());
  old.open();
  auto fresh = RawClient::unix_socket(server.path());
  fresh.open({}, old.resume());
  CHECK(old.expect<wire::Ended>(0).text.find("resumed") != std::string::npos);
  CHECK(old.at_end());
  fresh.call<Done>(1, out({"still here"}));
}

TEST_CASE("goodbye returns what was not confirmed, and the end of the stream says it is done") {
  TestServer server;
  auto leaver = RawClient::unix_socket(server.path());
  auto other = RawClient::unix_socket(server.path());
  leaver.open();
  other.open();
  leaver.call<Done>(1, out({"t"}));
  leaver.call<Found>(2, get({"t"}));
  leaver.send(0, wire::Bye{});
  CHECK(leaver.at_end());
  const auto found = other.call<Found>(1, get({"t"}));
  CHECK(found.items.at(0).attempts == 1);
  auto again = RawClient::unix_socket(server.path());
  const auto answer = again.greet({}, leaver.resume());
  CHECK(!std::get<wire::Welcome>(answer).resumed);
}

TEST_CASE("P8: what a dead process had taken is back at once, long before its session's grace") {
  Limits limits;
  limits.grace = std::chrono::hours(1);
  TestServer server(limits);
  auto watcher = RawClient::unix_socket(server.path());
  watcher.open();
  watcher.call<Done>(1, out({"claimed"}));
  int taken[2];
  REQUIRE(pipe(taken) == 0);
  const pid_t child = fork();
  if (child == 0) {
    auto victim = RawClient::unix_socket(server.path());
    victim.open();
    victim.call<Found>(1, get({"claimed"}));
    const bool told = write(taken[1], "x", 1) == 1;
    if (told) pause();
    _exit(1);
  }
  char byte = 0;
  REQUIRE(read(taken[0], &byte, 1) == 1);
  CHECK(watcher.call<Done>(2, count({"claimed"})).number == 0);
  kill(child, SIGKILL);
  REQUIRE(waitpid(child, nullptr, 0) == child);
  watcher.send(3, get({"claimed"}));
  auto [id, message] = watcher.receive();
  if (std::holds_alternative<Waiting>(message)) std::tie(id, message) = watcher.receive();
  CHECK(std::get<Found>(message).items.at(0).attempts == 1);
  close(taken[0]);
  close(taken[1]);
}

TEST_CASE("P8: what a process had taken is back when it dies, also when its connection had ended well before") {
  Limits limits;
  limits.grace = std::chrono::hours(1);
  TestServer server(limits);
  for (std::size_t i = 0; i <= net::most_watched; ++i) {  // who says goodbye is not watched
    auto client = RawClient::unix_socket(server.path());
    client.open().send(0, wire::Bye{});
    CHECK(client.at_end());
  }
  auto watcher = RawClient::unix_socket(server.path());
  watcher.open().call<Done>(1, out({"claimed"}));
  int left[2];
  REQUIRE(pipe(left) == 0);
  const pid_t child = fork();
  if (child == 0) {
    {
      auto victim = RawClient::unix_socket(server.path());
      victim.open().call<Found>(1, get({"claimed"}));
    }
    const bool told = write(left[1], "x", 1) == 1;
    if (told) pause();
    _exit(1);
  }
  char byte = 0;
  REQUIRE(read(left[0], &byte, 1) == 1);
  std::uint64_t number = 1;
  const auto later = std::chrono::steady_clock::now() + std::chrono::milliseconds(400);
  while (std::chrono::steady_clock::now() < later)  // it may come back, as long as it lives
    CHECK(watcher.call<Done>(++number, count({"claimed"})).number == 0);
  kill(child, SIGKILL);
  REQUIRE(waitpid(child, nullptr, 0) == child);
  watcher.send(++number, get({"claimed"}));
  auto [id, message] = watcher.receive();
  if (std::holds_alternative<Waiting>(message)) std::tie(id, message) = watcher.receive();
  CHECK(std::get<Found>(message).items.at(0).attempts == 1);
  close(left[0]);
  close(left[1]);
}

TEST_CASE("a full disk fails what could not be written; the clients resume and go on") {
  TestServer server;
  auto client = RawClient::unix_socket(server.path());
  client.open();
  client.call<Done>(1, out({"before"}));
  server.store.next = storage::Outcome::full;
  const auto failed = client.call<Failed>(2, out({"lost"}));
  CHECK(failed.code == ErrorCode::storage_full);
  CHECK(failed.text == "the test's disk is full");
  CHECK(client.at_end());
  auto again = RawClient::unix_socket(server.path());
  again.open({}, client.resume());
  CHECK(again.session == client.session);
  CHECK(again.call<Done>(3, count({"lost"})).number == 0);
  CHECK(tuple_in(again.call<Found>(4, get({"before"}))) == Tuple{{"before"}});
}

TEST_CASE("a disk that stays full is tried again, with a pause between") {
  TestServer server;
  auto client = RawClient::unix_socket(server.path());
  client.open();
  client.call<Done>(1, out({"before"}));
  server.store.full_times = 3;
  server.store.next = storage::Outcome::full;
  CHECK(client.call<Failed>(2, out({"lost"})).code == ErrorCode::storage_full);
  const std::size_t first = server.store.attempts().size() - 1;
  auto again = RawClient::unix_socket(server.path());
  again.open({}, client.resume());
  again.send(3, out({"kept"}));
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (server.store.next == storage::Outcome::full && std::chrono::steady_clock::now() < deadline)
    std::this_thread::yield();
  const auto attempts = server.store.attempts();
  REQUIRE(attempts.size() >= first + 3);
  for (std::size_t i = first; i < first + 2; ++i) CHECK(attempts[i + 1] - attempts[i] > std::chrono::milliseconds(900));
}

TEST_CASE("after the disk has failed nothing is written, and reads show what is durable") {
  TestServer server;
  auto client = RawClient::unix_socket(server.path());
  client.open();
  client.call<Done>(1, out({"durable"}));
  server.store.next = storage::Outcome::failed;
  CHECK(client.call<Failed>(2, out({"lost"})).code == ErrorCode::storage_error);
  CHECK(client.at_end());
  auto again = RawClient::unix_socket(server.path());
  again.open({}, client.resume());
  CHECK(again.call<Failed>(3, out({"more"})).code == ErrorCode::storage_error);
  CHECK(again.call<Failed>(4, get({"durable"})).code == ErrorCode::storage_error);
  CHECK(tuple_in(again.call<Found>(5, rd({"durable"}))) == Tuple{{"durable"}});
  CHECK(again.call<Done>(6, count({"lost"})).number == 0);
}
