// Slow, silent, greedy and lying peers of a real server: it keeps within its bounds, and the others go on.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <random>
#include <stdexcept>
#include <thread>

#include "tests/server/served.hpp"
#include "tuplespace/wire/home.hpp"

using namespace parvis;
using namespace parvis::test;

namespace {

constexpr std::size_t mb = 1 << 20;

struct House {
  explicit House(std::vector<std::string> limits = {}) : server(home(), options(std::move(limits))) {}
  [[nodiscard]] std::filesystem::path home() const { return folder.path() / "home"; }
  static std::vector<std::string> options(std::vector<std::string> limits) {
    std::vector<std::string> all;
    for (auto& limit : limits) {
      all.emplace_back("--limit");
      all.push_back(std::move(limit));
    }
    return all;
  }
  TempFolder folder;
  Served server;
};

// As many as the system lets this process and the server have, up to `wanted`, welcomed many at a time.
std::vector<RawClient> crowd(const std::filesystem::path& home, std::size_t wanted) {
  rlimit descriptors{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &descriptors) == 0);
  descriptors.rlim_cur = descriptors.rlim_max;
  REQUIRE(setrlimit(RLIMIT_NOFILE, &descriptors) == 0);
  wanted = std::min<std::size_t>(wanted, descriptors.rlim_cur - 200);
  const auto token = wire::read_token(home);
  std::vector<RawClient> clients;
  while (clients.size() < wanted) {
    const std::size_t first = clients.size(), last = std::min(first + 250, wanted);
    std::vector<wire::ClientHandshake> handshakes;
    for (std::size_t i = first; i < last; ++i) {
      clients.push_back(connect_tcp(home));
      handshakes.emplace_back(token, "crowd", std::nullopt, false);
      clients[i].send(0, handshakes.back().hello());
    }
    for (std::size_t i = first; i < last; ++i)
      clients[i].send(0, handshakes[i - first].challenge(clients[i].expect<wire::Challenge>(0)));
    for (std::size_t i = first; i < last; ++i) handshakes[i - first].welcome(clients[i].expect<wire::Welcome>(0));
  }
  return clients;
}

Found received(RawClient& client, std::uint64_t id) {
  for (;;) {
    auto [number, message] = client.receive();
    if (number == id && std::holds_alternative<Found>(message)) return std::get<Found>(message);
    if (std::holds_alternative<Failed>(message)) FAIL(std::get<Failed>(message).text);
  }
}

std::string frame(std::uint64_t id, const wire::Message& message) {
  ByteVector bytes;
  if (!wire::pack_into(bytes, id, message)) throw std::logic_error("too long for one frame");  // in any thread
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

TEST_CASE("P8: what a stopped client had taken is back after heartbeat and grace, and it is told when it goes on") {
  House house({"heartbeat=400", "grace=200"});
  auto other = connect(house.home());
  other.open().call<Done>(1, out({"work"}));
  int taken[2], told[2];
  REQUIRE(pipe(taken) == 0);
  REQUIRE(pipe(told) == 0);
  const pid_t child = fork();
  if (child == 0) {
    auto victim = connect(house.home());
    victim.open().call<Found>(1, get({"work"}));
    if (write(taken[1], "x", 1) != 1) _exit(1);
    raise(SIGSTOP);
    const bool gone = victim.at_end();  // it may not go on as if nothing had happened
    _exit(write(told[1], gone ? "y" : "n", 1) == 1 ? 0 : 1);
  }
  char byte = 0;
  REQUIRE(read(taken[0], &byte, 1) == 1);
  other.send(2, get({"work"}));
  CHECK(received(other, 2).items.at(0).attempts == 1);  // the process lives, and has lost its claim
  kill(child, SIGCONT);
  REQUIRE(read(told[0], &byte, 1) == 1);
  CHECK(byte == 'y');
  REQUIRE(waitpid(child, nullptr, 0) == child);
  for (const int fd : {taken[0], taken[1], told[0], told[1]}) close(fd);
}

TEST_CASE("P8: what a client held whose network has gone (half-open TCP) is back after heartbeat and grace") {
  House house({"heartbeat=400", "grace=200"});
  auto other = connect(house.home());
  other.open().call<Done>(1, out({"work"}));
  auto lost = connect_tcp(house.home());
  lost.open(wire::read_token(house.home())).call<Found>(1, get({"work"}));
  other.send(2, get({"work"}));  // from `lost` nothing comes any more, not even the end
  CHECK(received(other, 2).items.at(0).attempts == 1);
}

TEST_CASE("P9: who sends a byte now and then is served when the frame is whole, or ended when it was no client") {
  House house({"hello_timeout=1000"});
  auto drip = connect(house.home());
  auto stranger = connect(house.home());
  auto other = connect(house.home());
  drip.open();
  other.open();
  std::uint64_t sequence = 0;
  for (const char byte : frame(1, out({"slow"}))) {
    drip.send_bytes({&byte, 1});
    stranger.send_bytes(std::string_view("\x2c", 1));
    other.call<Done>(++sequence, out({"fast"}));
  }
  drip.expect<Done>(1);
  CHECK(stranger.at_end());
}

TEST_CASE("P9: who never reads is paused, not buffered, and the others go on") {
  House house({"send_queue_bytes=1M"});
  auto other = connect(house.home());
  other.open();
  const std::string text(1000, 'x');
  for (std::uint64_t i = 1; i <= 2000; ++i) other.send(i, out({"many", text}));
  for (std::uint64_t i = 1; i <= 2000; ++i) other.expect<Done>(i);
  const auto before = house.server.process.memory_bytes();

  auto greedy = rd({"many"});
  greedy.max = 2000;  // 2 MB of answer for 40 bytes
  std::string requests;
  for (std::uint64_t i = 1; i <= 1500; ++i) requests += frame(i, greedy);
  std::vector<RawClient> greeds;
  for (int i = 0; i < 4; ++i) {
    greeds.push_back(connect(house.home()));
    greeds.back().open();
    greeds.back().send_bytes(requests);  // 12 GB in all
  }
  for (std::uint64_t i = 2001; i < 2100; ++i) {
    other.call<Done>(i, count({"many"}));
    CHECK(house.server.process.memory_bytes() < before + 100 * mb);
  }
  for (std::uint64_t i = 1; i <= 10; ++i) CHECK(received(greeds[0], i).items.size() == 2000);
}

TEST_CASE("P9: ten thousand idle connections cost little, and do not slow the others") {
  House house({"heartbeat=600000"});
  auto other = connect(house.home());
  other.open();
  const auto before = house.server.process.memory_bytes();
  auto idle = crowd(house.home(), 9'900);
  INFO(idle.size() << " connections, " << before << " bytes before");
  CHECK(house.server.process.memory_bytes() < before + idle.size() * 24 * 1024 * block_factor);
  for (std::uint64_t i = 1; i <= 100; ++i) other.call<Done>(i, out({"fine"}));
  CHECK(idle.front().call<Done>(1, count({"fine"})).number == 100);
  CHECK(idle.back().call<Done>(1, count({"fine"})).number == 100);
}

TEST_CASE("P9: who connects and says nothing costs one descriptor") {
  House house;
  auto other = connect(house.home());
  other.open();
  const auto descriptors = [&] {
    const std::filesystem::directory_iterator open("/proc/" + std::to_string(house.server.process.pid()) + "/fd");
    return std::distance(begin(open), end(open));
  };
  const auto before = descriptors();
  std::vector<RawClient> silent;
  for (int i = 0; i < 100; ++i) silent.push_back(connect(house.home()));
  auto last = connect(house.home());  // accepted behind them; its process is watched as well
  last.open();
  CHECK(descriptors() == before + 102);
}

#ifndef __SANITIZE_ADDRESS__  // whose companion for undefined behaviour needs a descriptor to look at an exception
TEST_CASE("P9: who could not be watched, for want of a descriptor, is refused with the reason") {
  House house;
  auto first = connect(house.home());  // so that the server has begun, and what it opens to begin with is closed
  first.open();
  first.call<Done>(1, out({"fine"}));
  const auto pid = house.server.process.pid();
  rlim_t open = 0, highest = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd")) {
    highest = std::max<rlim_t>(highest, std::stoul(entry.path().filename()));
    ++open;
  }
  const rlimit limit{highest + 10, highest + 10};
  REQUIRE(prlimit(pid, RLIMIT_NOFILE, &limit, nullptr) == 0);
  std::vector<RawClient> silent;
  for (; open + 1 < limit.rlim_cur; ++open) silent.push_back(connect(house.home()));
  auto last = connect(house.home());
  last.send(0, wire::ClientHandshake({}, "last", {}, true).hello());
  const auto refused = last.expect<Failed>(0);
  CHECK(refused.code == ErrorCode::limit_exceeded);
  CHECK_THAT(refused.text, Catch::Contains("descriptor"));
  silent.clear();
  auto next = connect(house.home());
  next.open();
  CHECK(next.call<Done>(1, count({"fine"})).number == 1);
}
#endif

TEST_CASE("P9: a hundred thousand blocked operations cost little; one more is refused, and each is still found") {
  House house({"waiters=100000", "heartbeat=60000"});
  auto waiting = connect(house.home());
  auto other = connect(house.home());
  waiting.open();
  other.open();
  const auto before = house.server.process.memory_bytes();
  constexpr std::uint64_t many = 100'000;
  std::thread sender([&] {
    for (std::uint64_t i = 1; i <= many; ++i)
      waiting.send_bytes(frame(i, get({"never", static_cast<std::int64_t>(i)})));
  });
  for (std::uint64_t i = 1; i <= many; ++i) waiting.expect<Waiting>(i);
  sender.join();
  CHECK(house.server.process.memory_bytes() < before + many * 2000 * block_factor);
  CHECK_THAT(waiting.call<Failed>(many + 1, get({"never"})).text, Catch::Contains("waiters = 100000"));
  other.call<Done>(1, out({"never", 77'777}));
  CHECK(tuple_in(waiting.expect<Found>(77'777)) == Tuple{{"never", 77'777}});
}

TEST_CASE("P9: a flood of connections meets the limit with one clear error each, and ends with the flood") {
  House house({"connections=50"});
  std::vector<RawClient> inside;
  for (int i = 0; i < 50; ++i) {
    inside.push_back(connect(house.home()));
    inside.back().open();
  }
  for (int i = 0; i < 500; ++i) {
    auto flood = connect(house.home());
    CHECK_THAT(flood.expect<Failed>(0).text, Catch::Contains("limit connections = 50"));
    CHECK(flood.at_end());
  }
  inside[0].call<Done>(1, out({"undisturbed"}));
  inside.erase(inside.begin() + 1, inside.end());
  for (;;) {  // until the server has seen that they left
    auto late = connect(house.home());
    if (std::holds_alternative<wire::Welcome>(late.greet())) break;
  }
}

TEST_CASE("P9: messages that arrive in part are bounded for all connections together") {
  House house({"message_bytes=16M", "tuple_bytes=16M"});
  auto small = connect(house.home());
  small.open();
  const auto before = house.server.process.memory_bytes();
  ByteVector half;
  {
    wire::Cutter cutter(std::make_shared<const wire::Outgoing>(
        wire::pack(1, wire::Message(out({Value(Blob::take(ByteVector(15 * mb, std::byte{1})))})))));
    std::vector<ByteSpan> parts;
    while (half.size() < 12 * mb && cutter.next(parts)) {
      for (const auto part : parts) half.insert(half.end(), part.begin(), part.end());
      parts.clear();
    }
  }
  std::vector<RawClient> hoards;
  std::size_t refusals = 0;
  for (int i = 0; i < 12; ++i) {
    hoards.push_back(connect(house.home()));
    hoards.back().open();
    hoards.back().send_bytes(half);
  }
  while (refusals < 9) {  // of twelve times 12 MiB two fit into 2 * 16 MiB, and a third lies within its error
    for (auto& hoard : hoards) {
      if (hoard.silent()) continue;
      CHECK_THAT(hoard.expect<Failed>(0).text, Catch::Contains("message_bytes = 16777216"));
      hoard.close();
      ++refusals;
    }
    hoards.erase(std::remove_if(hoards.begin(), hoards.end(), [](auto& h) { return h.closed(); }), hoards.end());
    std::this_thread::yield();
  }
  CHECK(house.server.process.memory_bytes() < before + 80 * mb * block_factor);
  small.call<Done>(1, out({"fine"}));
}

TEST_CASE("P9: out is refused beyond the memory limit, small as the tuples may be") {
  House house({"memory_bytes=32M"});
  auto client = connect(house.home());
  client.open();
  const auto before = house.server.process.memory_bytes();
  Out many;
  many.space = "s";
  many.tuples.assign(50'000, Payload(encoded(Tuple{})));  // two bytes each, and their place in every table
  std::uint64_t sequence = 0;
  for (;;) {
    client.send(++sequence, many);
    auto [id, message] = client.receive();
    if (const auto* failed = std::get_if<Failed>(&message)) {
      CHECK(failed->code == ErrorCode::limit_exceeded);
      CHECK_THAT(failed->text, Catch::Contains("memory_bytes = 33554432"));
      break;
    }
    REQUIRE(sequence < 1000);
  }
  CHECK(house.server.process.memory_bytes() < before + 200 * mb * block_factor);
  Get take = get({});
  take.max = 1000;
  CHECK(client.call<Found>(++sequence, take).items.size() == 1000);  // takes go on
}

TEST_CASE("P9: random bytes and mutated frames end their own connection at most") {
  House house;
  auto bystander = connect(house.home());
  bystander.open();
  const auto before = house.server.process.memory_bytes();
  const unsigned seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  const std::vector<std::string> frames{frame(1, out({"a", 1, Tuple{{"b", 2.5}}})),
                                        frame(2, rd({"a"})),
                                        frame(3, count({"a"})),
                                        frame(4, Spaces{}),
                                        frame(5, Begin{}),
                                        frame(0, Confirm{1, {2, 3}}),
                                        frame(0, wire::Ping{})};
  for (std::uint64_t round = 1; round <= 300; ++round) {
    auto hostile = connect(house.home());
    if (round % 4 != 0) hostile.open();
    std::string bytes;
    for (int i = 0; i < 20; ++i) bytes += frames[random() % frames.size()];
    if (round % 3 == 0) std::generate(bytes.begin(), bytes.end(), [&] { return static_cast<char>(random()); });
    else
      for (int i = 0; i < 5; ++i) bytes[random() % bytes.size()] = static_cast<char>(random());
    hostile.send_bytes(bytes);
    hostile.close();
    bystander.call<Done>(round, out({"undisturbed", static_cast<std::int64_t>(round)}));
  }
  CHECK(house.server.process.memory_bytes() < before + 100 * mb);
  CHECK(bystander.call<Done>(301, count({"undisturbed"})).number == 300);
}

TEST_CASE("P9: what is nested too deep or unpacks to much is refused alone") {
  House house;
  auto client = connect(house.home());
  client.open();
  const auto before = house.server.process.memory_bytes();
  std::uint64_t sequence = 0;
  const auto refused = [&](const std::string& tuple) {
    client.call<Failed>(++sequence, Out{"s", {Payload(Blob::copy(as_bytes(tuple)))}, -1, false, 0, 0, {}, 0});
  };
  std::string nested = "\x01";
  for (int i = 0; i < 10'000; ++i) nested += "\x06\x01";  // a list in a list in a list ...
  refused(nested + std::string(1, '\0'));
  refused(std::string("\x01\x06\xff\xff\xff\xff\x0f", 7));  // four thousand million values in seven bytes
  refused(std::string("\x01\x09\x03<f8\x01\x80\x80\x80\x80\x80\x20\x00", 14));  // an array of 2^40 elements without any
  refused(std::string("\x01\x05\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 11));
  std::string empties("\x01\x06\xa0\x8d\x06", 5);  // a hundred thousand nils: a tuple, and 100 KB of memory
  empties.append(100'000, '\0');
  client.call<Done>(++sequence, Out{"s", {Payload(Blob::copy(as_bytes(empties)))}, -1, false, 0, 0, {}, 0});
  CHECK(house.server.process.memory_bytes() < before + 50 * mb);
}

TEST_CASE("P10: bytes of who has not authenticated reach nothing, and a proof is good for one connection") {
  House house;
  const auto token = wire::read_token(house.home());
  auto other = connect(house.home());
  other.open();
  auto early = connect_tcp(house.home());
  early.send_bytes(frame(1, out({"smuggled"})));
  CHECK(early.expect<Failed>(0).code == ErrorCode::protocol_error);
  CHECK(early.at_end());

  wire::ClientHandshake handshake(token, "overheard", std::nullopt, false);
  const auto hello = handshake.hello();
  auto honest = connect_tcp(house.home());
  honest.send(0, hello);
  const auto proof = handshake.challenge(honest.expect<wire::Challenge>(0));
  honest.send(0, proof);
  handshake.welcome(honest.expect<wire::Welcome>(0));
  auto replay = connect_tcp(house.home());
  replay.send(0, hello);
  replay.expect<wire::Challenge>(0);
  replay.send(0, proof);
  CHECK(replay.expect<Failed>(0).code == ErrorCode::unauthorized);
  CHECK(replay.at_end());

  auto guess = connect_tcp(house.home());
  CHECK(std::get<Failed>(guess.greet(wire::Token{})).code == ErrorCode::unauthorized);
  auto smuggler = connect_tcp(house.home());
  smuggler.send_bytes(frame(0, hello) + frame(0, proof) + frame(1, out({"smuggled"})));
  smuggler.expect<wire::Challenge>(0);
  CHECK(smuggler.expect<Failed>(0).code == ErrorCode::unauthorized);
  CHECK(other.call<Done>(1, count({"smuggled"})).number == 0);
  CHECK(other.call<Done>(2, count({})).number == 0);
}
