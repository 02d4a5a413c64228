// docs/protocol.md cannot lie: each of its golden blocks is decoded, and encoded again.
#include <fmt/format.h>
#include <catch2/catch.hpp>

#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>

#include "tuplespace/model/codec.hpp"
#include "tuplespace/wire/message.hpp"

namespace wire = parvis::wire;
using namespace parvis;

namespace {

struct Example {
  std::uint64_t id;
  wire::Message message;
};

template <std::size_t N>
std::array<std::byte, N> filled(int first) {
  std::array<std::byte, N> bytes;
  for (std::size_t i = 0; i < N; ++i) bytes[i] = static_cast<std::byte>(first + static_cast<int>(i));
  return bytes;
}

// Takes the next ("hello", ?int) and puts it back with one more.
Statement counting(const Payload& pattern) {
  const Payload one(encoded(Template{{Pattern{Value(1)}}, false}));
  Action add;
  add.what = Action::What::update;
  add.changes = {Change{1, Change::How::add, one}};
  return {{Branch{{Condition{Condition::What::in, "greetings", pattern}}, {add}}}, true, -1, 0, 0};
}

std::map<std::string, Example> examples() {
  const Payload hello(encoded(Tuple{{"hello", 42}}));
  const Payload pattern(encoded(Template{{Pattern{Value("hello")}, Pattern{Formal{Type::integer}}}, false}));
  Get get;
  get.space = "greetings";
  get.templates = {pattern};
  get.timeout_us = 2'500'000;
  wire::Welcome welcome;
  welcome.proof = filled<32>(0x60);
  welcome.session = 300;
  welcome.secret = filled<16>(0xa0);
  welcome.epoch = 1;
  welcome.heartbeat_ms = 10'000;
  welcome.grace_ms = 30'000;
  welcome.tuple_bytes = 1 << 30;
  return {
      {"hello", {0, wire::Hello{"parvis", 1, 1, filled<32>(0), "me"}}},
      {"challenge", {0, wire::Challenge{1, filled<32>(0x20), "parvis 0.1.0", true}}},
      {"proof", {0, wire::Proof{filled<32>(0x40), 0, {}}}},
      {"welcome", {0, welcome}},
      {"confirm", {0, Confirm{7, {9, 12}}}},
      {"cancel", {0, Cancel{8}}},
      {"refuse", {0, Refuse{8}}},
      {"ping", {0, wire::Ping{}}},
      {"pong", {0, wire::Pong{}}},
      {"bye", {0, wire::Bye{}}},
      {"failed", {8, Failed{ErrorCode::timeout, "no match"}}},
      {"ended", {0, wire::Ended{"the server stops"}}},
      {"out", {1, Out{"greetings", {hello}, -1, false, 0, 0, {}, 0}}},
      {"done", {1, Done{4711}}},
      {"get", {2, get}},
      {"found", {2, Found{0, {Item{4711, 0, hello}}}}},
      {"waiting", {2, Waiting{1, 17}}},
      {"count", {3, Count{"greetings", {pattern}}}},
      {"begin", {4, Begin{30'000'000}}},
      {"commit", {5, Commit{9, {Put{"greetings", hello, -1, 1, 0, {}}}, true, {4711}, {4712}}}},
      {"abort", {6, Abort{9}}},
      {"renew", {7, Renew{9, 30'000'000, {}}}},
      {"spaces", {8, Spaces{Spaces::What::make, "scratch", Durability::volatile_, -1, -1}}},
      {"listing", {8, Listing{{SpaceInfo{"greetings", Durability::durable, 1, 10, 0, 0, 0, 0}}}}},
      {"scan", {9, Scan{"greetings", {pattern}, 1000, 0, 0}}},
      {"page", {9, Page{{Item{4711, 0, hello}}, 4711, 5000, true}}},
      {"aggregate", {10, Aggregate{"greetings", {pattern}, {0}, {{Aggregate::Function::sum, 1}}}}},
      {"collect", {11, Collect{"greetings", "archive", {pattern}, false}}},
      {"statement", {12, counting(pattern)}},
      {"ran", {12, Ran{0, {Item{4711, 0, hello}}, {Item{4711, 0, Payload(encoded(Tuple{{"hello", 43}}))}}, {}}}},
      {"watch", {13, Watch{"greetings", {pattern}, 0x1f, false, 7, 1000, true, -1}}},
      {"events", {13, Events{{Event{7, Event::Kind::put, Item{4711, 0, hello}}}, 8, false}}},
      {"explain", {14, Explain{"greetings", pattern, 10}}},
      {"waiters", {15, ListWaiters{"greetings", 1000}}},
      {"call", {1, wire::Call{hello}}},
      {"output", {1, wire::Output{hello}}},
      {"answer", {1, wire::Reply{hello}}},
  };
}

std::map<std::string, std::string> blocks() {
  std::ifstream file(PARVIS_SOURCE "/docs/protocol.md");
  std::map<std::string, std::string> found;
  const std::string fence = "```golden ";
  std::string line, name;
  while (std::getline(file, line)) {
    if (line.starts_with(fence)) name = line.substr(fence.size());
    else if (line.starts_with("```")) name.clear();
    else if (!name.empty()) found[name] += line + " ";
  }
  return found;
}

ByteVector bytes_of(const std::string& hex) {
  ByteVector bytes;
  std::istringstream words(hex);
  for (std::string word; words >> word;) bytes.push_back(static_cast<std::byte>(std::stoul(word, nullptr, 16)));
  return bytes;
}

std::string hex_of(ByteSpan bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i)
    text += fmt::format("{:02x}{}", static_cast<unsigned>(bytes[i]), i % 32 == 31 ? "\n" : " ");
  return text;
}

wire::Incoming joined(ByteSpan bytes) {
  wire::Assembler assembler{Limits{}};
  assembler.authenticated();
  std::optional<wire::Incoming> got;
  while (!bytes.empty()) {
    const auto space = assembler.space();
    const auto n = std::min(space.size(), bytes.size());
    std::copy_n(bytes.begin(), n, space.begin());
    bytes = bytes.subspan(n);
    assembler.received(n, [&](wire::Incoming&& m) { got = std::move(m); });
  }
  REQUIRE(got);
  return *got;
}

}  // namespace

TEST_CASE("the examples of docs/protocol.md are what is sent and understood") {
  const auto documented = blocks();
  const auto expected = examples();
  for (const auto& [name, hex] : documented) {
    INFO("block " << name);
    REQUIRE(expected.contains(name));
  }
  for (const auto& [name, example] : expected) {
    ByteVector frame;
    REQUIRE(wire::pack_into(frame, example.id, example.message));
    INFO("golden " << name << "\n" << hex_of(frame));
    REQUIRE(documented.contains(name));
    const auto bytes = bytes_of(documented.at(name));
    REQUIRE(hex_of(bytes) == hex_of(frame));
    const auto incoming = joined(bytes);
    CHECK(incoming.id == example.id);
    ByteVector again;
    REQUIRE(wire::pack_into(again, incoming.id, wire::unpack(incoming)));
    CHECK(again == bytes);
  }
}

// Writes the blocks anew after a change of the protocol on purpose: test_wire "[.golden]"
TEST_CASE("print the golden blocks", "[.golden]") {
  for (const auto& [name, example] : examples()) {
    ByteVector frame;
    REQUIRE(wire::pack_into(frame, example.id, example.message));
    fmt::print("{}\n{}\n\n", name, hex_of(frame));
  }
}
