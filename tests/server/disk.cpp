// The server and a disk that fails: what clients are told, what goes on, what is there after a restart. And what is
// answered before the sync.
#include <catch2/catch.hpp>
#include <csignal>
#include <cstring>
#include <fstream>

#include "tests/server/served.hpp"
#include "tests/support/small_disk.hpp"

using namespace parvis;
using namespace parvis::test;

namespace {

Spaces make(const std::string& space, Durability durability) { return {Spaces::What::make, space, durability}; }

std::int64_t number_in(const Found& found) { return tuple_in(found).items.at(1).get<std::int64_t>(); }

}  // namespace

TEST_CASE("P2: in a relaxed space, what was acknowledged survives kill -9 without a hole, once") {
  TempFolder folder;
  const auto home = folder.path() / "home";
  std::uint64_t last = 0;
  wire::Resume resume;
  for (int round = 0; round < 3; ++round) {
    Served server(home);
    auto client = connect(home);
    client.open();
    client.call<Listing>(1, make("r", Durability::relaxed));
    const auto before = client.call<Done>(2, count({"n"}, "r")).number;
    CHECK(before >= last);
    std::uint64_t id = 2;
    for (; id < 102; ++id) client.call<Done>(id + 1, out({"n", static_cast<std::int64_t>(before + id - 2)}, "r"));
    last = before + 100;
    resume = client.resume();
    server.process.end(SIGKILL);
    Served again(home);
    auto back = connect(home);
    back.open({}, resume);
    CHECK(back.call<Done>(102, out({"n", static_cast<std::int64_t>(last - 1)}, "r")).number > 0);  // sent again
    CHECK(back.call<Done>(103, count({"n"}, "r")).number == last);
    again.process.end(SIGTERM);
  }
  Served server(home);
  auto client = connect(home);
  client.open();
  for (std::uint64_t i = 0; i < last; ++i) {
    REQUIRE(number_in(client.call<Found>(i + 1, get({"n"}, "r"))) == static_cast<std::int64_t>(i));
  }
}

TEST_CASE("P1: a claim answered before its sync holds over kill -9") {
  TempFolder folder;
  const auto home = folder.path() / "home";
  wire::Resume resume;
  TransactionId claim = 0;
  {
    Served server(home);
    auto client = connect(home);
    client.open();
    client.call<Done>(1, out({"job", 1}));
    Get take = get({"job"});
    take.begin = true;
    claim = client.call<Found>(2, take).transaction;
    REQUIRE(claim != 0);
    resume = client.resume();
    server.process.end(SIGKILL);
  }
  Served server(home);
  auto client = connect(home);
  client.open({}, resume);
  CHECK(client.call<Done>(3, count({"job"})).number == 0);
  client.call<Done>(4, Commit{claim, {}, false, {}, {}});
  server.process.end(SIGKILL);
  Served again(home);
  auto last = connect(home);
  last.open();
  CHECK(last.call<Done>(1, count({"job"})).number == 0);
}

TEST_CASE("P1: a disk that fails ends all writing in plain words; reads go on, and nothing acknowledged is lost") {
  const std::string fault = GENERATE("write", "sync");
  INFO(fault);
  TempFolder folder;
  const auto home = folder.path() / "home";
  const auto switch_file = folder.path() / "fail";
  {
    Served server(home, {},
                  {"LD_PRELOAD=" PARVIS_BIN "/libdiskfault.so", "PARVIS_TEST_FAULT=" + fault,
                   "PARVIS_TEST_FAULT_WHEN=" + switch_file.string(),
                   "ASAN_OPTIONS=verify_asan_link_order=0"});  // the library comes before the runtime
    auto client = connect(home);
    client.open();
    for (std::uint64_t id = 1; id <= 20; ++id) client.call<Done>(id, out({"kept", static_cast<std::int64_t>(id)}));
    std::ofstream(switch_file) << "now";
    const Failed failed = client.call<Failed>(21, out({"lost"}));
    CHECK(failed.code == ErrorCode::storage_error);
    CHECK_THAT(failed.text, Catch::Contains("journal") && Catch::Contains("restarted"));
    client.close();
    auto reader = connect(home);
    reader.open();
    CHECK(number_in(reader.call<Found>(1, rd({"kept"}))) == 1);
    CHECK(reader.call<Done>(2, count({"kept"})).number == 20);
    std::filesystem::remove(switch_file);
    CHECK(reader.call<Failed>(3, out({"never"})).code == ErrorCode::storage_error);
  }
  Served server(home);
  auto client = connect(home);
  client.open();
  CHECK(client.call<Done>(1, count({"kept"})).number == 20);
  CHECK(client.call<Done>(2, count({"never"})).number == 0);
  client.call<Done>(3, out({"kept", 21}));
}

TEST_CASE("P1: a full disk refuses puts, takes work, and nothing acknowledged is lost") {
  const TempFolder folder;
  const SmallDisk disk(folder.path(), "24m");
  const auto home = folder.path() / "home";
  if (!disk) return;
  std::uint64_t stored = 0;
  {
    Served server(home);
    auto client = connect(home);
    client.open();
    for (std::uint64_t id = 1; id < 3000; ++id) {
      client.send(id, out({"data", std::string(20'000, 'x')}));
      auto [number, answer] = client.receive();
      if (const auto* failed = std::get_if<Failed>(&answer)) {
        CHECK(failed->code == ErrorCode::storage_full);
        CHECK_THAT(failed->text, Catch::Contains("full"));
        break;
      }
      ++stored;
    }
    REQUIRE(stored > 10);
    REQUIRE(stored < 2900);
    // Refused early, or by a commit that failed: then the space was read anew, and the client comes back.
    client.send(5000, get({"data"}));
    auto [number, answer] = client.receive();
    if (std::holds_alternative<wire::Ended>(answer)) {
      const auto resume = client.resume();
      client = connect(home);
      client.open({}, resume);
      answer = client.call<Found>(5000, get({"data"}));
    }
    REQUIRE(std::holds_alternative<Found>(answer));
    CHECK(std::get<Found>(answer).items.size() == 1);
    client.send(0, Confirm{5000, {}});
    --stored;
    client.send(0, wire::Bye{});
    CHECK(client.at_end());
    server.process.end(SIGKILL);
  }
  Served server(home);
  auto client = connect(home);
  client.open();
  CHECK(client.call<Done>(1, count({"data"})).number == stored);
  for (std::uint64_t id = 2; id <= stored + 1; ++id) {
    REQUIRE(client.call<Found>(id, get({"data"})).items.size() == 1);
    client.send(0, Confirm{id, {}});
  }
  const std::uint64_t end = stored + 2;
  CHECK(client.call<Done>(end, count({"data"})).number == 0);
}

TEST_CASE("a file system that is mounted read-only is said so") {
  const TempFolder folder;
  const SmallDisk disk(folder.path(), "24m");
  const auto home = folder.path() / "home";
  if (!disk) return;
  {
    Served server(home);
    auto client = connect(home);
    client.open();
    client.call<Done>(1, out({"kept"}));
    server.process.end(SIGTERM);
  }
  if (!disk.remount(true)) {
    WARN("skipped: this system does not remount: " << std::strerror(errno));
    return;
  }
  Process server(Served::arguments({}), home);
  CHECK_THAT(server.read_all(), Catch::Contains("read-only") && Catch::Contains(home.string()));
  CHECK(WEXITSTATUS(server.wait()) == 1);
  REQUIRE(disk.remount(false));
  Served again(home);
  auto client = connect(home);
  client.open();
  CHECK(client.call<Done>(1, count({"kept"})).number == 1);
}
