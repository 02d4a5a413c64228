// Strangers, liars and sluggards: each gets a clear answer, is closed alone, and nothing is lost.
#include "tests/server/support.hpp"

using namespace parvis;
using namespace parvis::test;

namespace {

std::string header(std::uint32_t length, int kind, std::uint64_t id, int flags = 0, int segments = 0) {
  std::string out;
  const auto put = [&](std::uint64_t n, int bytes) {
    for (; bytes > 0; --bytes, n >>= 8) out.push_back(static_cast<char>(n));
  };
  put(length, 4);
  put(static_cast<std::uint64_t>(kind), 1);
  put(static_cast<std::uint64_t>(flags), 1);
  put(static_cast<std::uint64_t>(segments), 2);
  put(id, 8);
  return out;
}

// Sends it on a connection of its own; the server must say why it refuses, and close.
void refused(TestServer& server, const std::string& bytes, const char* why, bool greeted = true) {
  INFO(why);
  auto client = RawClient::unix_socket(server.path());
  if (greeted) client.open();
  client.send_bytes(bytes);
  CHECK_THAT(client.expect<Failed>(0).text, Catch::Contains(why));
  CHECK(client.at_end());
}

}  // namespace

TEST_CASE("who does not know the token is refused") {
  TestServer server;
  auto wrong = wire::Token{};
  auto client = RawClient::tcp(server.port());
  const auto answer = client.greet(wrong);
  CHECK(std::get<Failed>(answer).code == ErrorCode::unauthorized);
  CHECK_THAT(std::get<Failed>(answer).text, Catch::Contains("wrong token"));
  CHECK(client.at_end());
  auto empty = RawClient::tcp(server.port());
  empty.send(0, wire::Hello{});
  CHECK(std::get<wire::Challenge>(empty.receive().second).token_needed);
  empty.send(0, wire::Proof{});
  CHECK(empty.expect<Failed>(0).code == ErrorCode::unauthorized);
  auto early = RawClient::tcp(server.port());
  early.send(1, out({"x"}));
  CHECK_THAT(early.expect<Failed>(0).text, Catch::Contains("first message"));
}

TEST_CASE("a session is not resumed with a wrong secret") {
  TestServer server;
  auto owner = RawClient::unix_socket(server.path());
  owner.open();
  auto thief = RawClient::unix_socket(server.path());
  const auto answer = thief.greet({}, wire::Resume{owner.session, {}});
  CHECK(std::get<Failed>(answer).code == ErrorCode::unauthorized);
  owner.call<Done>(1, out({"mine"}));
}

TEST_CASE("bytes that break the rules end that connection with the reason, and no other") {
  TestServer server;
  auto bystander = RawClient::unix_socket(server.path());
  bystander.open();
  refused(server, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "this is a Parvis server", false);
  refused(server, header(1025, 1, 0), "max_hello_bytes", false);
  refused(server, header(0, 1, 0), "", false);
  refused(server, header(0xffffffff, 16, 1), "max_fragment_bytes");
  refused(server, header(256 * 1024 + 1, 16, 1), "max_fragment_bytes");
  refused(server, header(12, 16, 1, 0, 1) + std::string(4, '\0') + std::string(7, '\0') + "\x80", "message_bytes");
  refused(server, header(0, 99, 1), "unknown kind of message 99");
  refused(server, header(0, 7, 1), "");
  refused(server, header(0, 16, 0), "id 0");
  refused(server, header(4, 34, 0) + "\xff\xff\xff\xff", "");
  bystander.call<Done>(1, out({"undisturbed"}));
}

TEST_CASE("a request that is wrong in itself fails alone, and its connection goes on") {
  Limits limits;
  limits.tuple_bytes = 1000;
  TestServer server(limits);
  auto client = RawClient::unix_socket(server.path());
  client.open();
  const auto lying = std::string("\x01s\x64", 3);  // 100 tuples that are not there
  client.send_bytes(header(static_cast<std::uint32_t>(lying.size()), 16, 1) + lying);
  CHECK(client.expect<Failed>(1).code == ErrorCode::protocol_error);
  const auto not_utf8 = std::string("\x01s\x01\x08\x01\x04\x01\xff\x01\x00\x00\x00", 12);
  client.send_bytes(header(static_cast<std::uint32_t>(not_utf8.size()), 16, 2) + not_utf8);
  CHECK(client.expect<Failed>(2).code == ErrorCode::protocol_error);
  const auto large = client.call<Failed>(3, out({std::string(2000, 'x')}));
  CHECK(large.code == ErrorCode::limit_exceeded);
  CHECK_THAT(large.text, Catch::Contains("tuple_bytes = 1000"));
  client.send(4, wire::Call{Payload(encoded(Tuple{{1}}))});
  CHECK_THAT(client.expect<Failed>(4).text, Catch::Contains("kernel"));
  client.call<Done>(5, out({"fine"}));
}

TEST_CASE("a frame that is cut off is no operation") {
  TestServer server;
  auto client = RawClient::unix_socket(server.path());
  client.open();
  ByteVector frame;
  REQUIRE(wire::pack_into(frame, 1, wire::Message(out({"half"}))));
  client.send_bytes(ByteSpan(frame).first(frame.size() - 1));
  client.close();
  auto other = RawClient::unix_socket(server.path());
  other.open();
  CHECK(other.call<Done>(1, count({"half"})).number == 0);
}

TEST_CASE("who does not authenticate in time is told and closed") {
  Limits limits;
  limits.hello_timeout = std::chrono::milliseconds(100);
  TestServer server(limits);
  auto client = RawClient::tcp(server.port());
  CHECK_THAT(client.expect<Failed>(0).text, Catch::Contains("hello_timeout = 100 ms"));
  CHECK(client.at_end());
}

TEST_CASE("who is silent is asked, then given up, and may resume") {
  Limits limits;
  limits.heartbeat = std::chrono::milliseconds(300);
  TestServer server(limits);
  auto client = RawClient::unix_socket(server.path());
  client.open();
  CHECK(client.at_end());  // pings went unanswered
  auto again = RawClient::unix_socket(server.path());
  again.open({}, client.resume());
  CHECK(again.session == client.session);
}

TEST_CASE("one connection too many is told so") {
  Limits limits;
  limits.connections = 1;
  TestServer server(limits);
  auto first = RawClient::unix_socket(server.path());
  first.open();
  auto second = RawClient::unix_socket(server.path());
  CHECK_THAT(second.expect<Failed>(0).text, Catch::Contains("limit connections = 1"));
  first.call<Done>(1, out({"fine"}));
}

TEST_CASE("P9: who does not read its answers is not read either, and gets them all when it does") {
  Limits limits;
  limits.send_queue_bytes = 1 << 20;
  TestServer server(limits);
  auto slow = RawClient::unix_socket(server.path());
  auto other = RawClient::unix_socket(server.path());
  slow.open();
  other.open();
  other.call<Done>(1, out({"big", Value(Blob::take(ByteVector(300'000, std::byte{1})))}));
  constexpr std::uint64_t requests = 3000;  // 900 MB of answers
  std::thread sender([&] {
    for (std::uint64_t i = 1; i <= requests; ++i) slow.send(i, rd({"big"}));
  });
  for (std::uint64_t i = 2; i < 50; ++i) other.call<Done>(i, count({"big"}));
  std::size_t answers = 0;
  while (answers < requests) answers += std::holds_alternative<Found>(slow.receive().second);
  sender.join();
  CHECK(answers == requests);
}
