// check, dump and restore as a user meets them.
#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "client/cli/dump_file.hpp"
#include "tests/client/cli.hpp"
#include "tuplespace/model/codec.hpp"
#include "tuplespace/model/error.hpp"
#include "tuplespace/model/text.hpp"

using namespace parvis;
using namespace parvis::test;
using Catch::Contains;
using namespace std::chrono_literals;

namespace {

struct Collected : cli::DumpVisitor {
  void space(const SpaceInfo& info) override { spaces.push_back(info); }
  void tuple(Put&& put) override {
    tuples.push_back(spaces.back().name + to_text(decode_tuple(put.tuple.blob())));
    puts.push_back(std::move(put));
  }
  std::vector<SpaceInfo> spaces;
  std::vector<std::string> tuples;
  std::vector<Put> puts;
};

Put put_of(const std::string& text) { return {.tuple = encoded(parse_tuple(text))}; }

void write_dump(const std::string& path) {
  cli::DumpWriter writer(path);
  SpaceInfo info;
  info.name = "jobs";
  info.durability = Durability::relaxed;
  info.quota_tuples = 500;
  writer.space(info);
  writer.tuple(put_of("(\"job\", 1)"));
  writer.tuple(put_of("(\"job\", 2, [1, 2.5, nil])"));
  info = {};
  info.name = "empty";
  writer.space(info);
  writer.finish();
}

std::string refusal(const std::string& path) {
  cli::DumpVisitor nobody;
  try {
    cli::read_dump(path, nobody);
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::storage_error);
    CHECK_THAT(error.what(), Contains(path));
    return error.what();
  }
  return {};
}

}  // namespace

TEST_CASE("a dump holds spaces and tuples, in order, and appears when it is complete") {
  const Home home;
  const std::string path = home.path() / "some.dump";
  write_dump(path);
  CHECK(!std::filesystem::exists(path + ".new"));
  Collected found;
  cli::read_dump(path, found);
  REQUIRE(found.spaces.size() == 2);
  CHECK(found.spaces[0].durability == Durability::relaxed);
  CHECK(found.spaces[0].quota_tuples == 500);
  CHECK(found.tuples == std::vector<std::string>{"jobs(\"job\", 1)", "jobs(\"job\", 2, [1, 2.5, nil])"});
  {
    cli::DumpWriter unfinished(path);
    unfinished.space({});
  }
  CHECK(refusal(path).empty());  // the one of before stays
}

TEST_CASE("a dump tells how its tuples were put; those whose lease has ended since are left out") {
  const Home home;
  const std::string path = home.path() / "some.dump";
  cli::DumpWriter writer(path);
  writer.space({.name = "s"});
  Put put = put_of("(1,)");
  put.priority = -7;
  put.lease_us = 3'600'000'000;
  put.delay_us = 1'800'000'000;
  put.group = encoded(parse_tuple("(\"key\",)"));
  writer.tuple(put);
  put.lease_us = 0;
  writer.tuple(put);
  writer.finish();
  Collected found;
  cli::read_dump(path, found);
  REQUIRE(found.puts.size() == 1);
  CHECK(found.tuples.front() == "s(1,)");
  CHECK(found.puts.front().priority == -7);
  CHECK(to_text(decode_tuple(found.puts.front().group.blob())) == "(\"key\",)");
  CHECK((found.puts.front().lease_us > 3'000'000'000 && found.puts.front().lease_us <= 3'600'000'000));
  CHECK((found.puts.front().delay_us > 1'000'000'000 && found.puts.front().delay_us <= 1'800'000'000));
}

TEST_CASE("a dump of version 1 can be restored") {
  const Home home;
  const std::string path = home.path() / "some.dump";
  write_dump(path);
  std::string bytes = (std::ostringstream() << std::ifstream(path, std::ios::binary).rdbuf()).str();
  bytes.replace(0, 14, "parvis dump 1\n");
  cli::DumpChecksum sum;
  sum.process_bytes(bytes.data(), bytes.size() - 21);
  for (unsigned i = 0; i < 4; ++i) bytes[bytes.size() - 4 + i] = static_cast<char>(sum.checksum() >> (8 * i));
  std::ofstream(path, std::ios::binary) << bytes;
  Collected found;
  cli::read_dump(path, found);
  CHECK(found.tuples.size() == 2);
}

TEST_CASE("a dump that is cut, damaged, foreign or newer is refused") {
  const Home home;
  const std::string path = home.path() / "some.dump";
  write_dump(path);
  const auto size = std::filesystem::file_size(path);
  const auto overwrite = [&](std::streamoff at, const std::string& bytes) {
    std::fstream(path, std::ios::in | std::ios::out | std::ios::binary)
        .seekp(at)
        .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  };
  for (std::uintmax_t cut : {size - 1, size / 2, std::uintmax_t{3}}) {
    std::filesystem::resize_file(path, cut);
    CHECK_THAT(refusal(path), Contains("too early"));
  }
  write_dump(path);
  overwrite(static_cast<std::streamoff>(size) - 40, "#");
  CHECK_THAT(refusal(path), Contains("damaged"));
  write_dump(path);
  overwrite(0, "parvis dump 9\n");
  CHECK_THAT(refusal(path), Contains("newer"));
  overwrite(0, "tar");
  CHECK_THAT(refusal(path), Contains("not a dump"));
  CHECK_THAT(refusal(home.path() / "nowhere"), Contains("No such file"));
}

TEST_CASE("restore puts what a dump holds, or nothing of a damaged one") {
  const Home home;
  const std::string path = home.path() / "some.dump";
  const TestServer server(home);
  write_dump(path);
  const auto restored = run({"restore", path});
  CHECK_THAT(restored.out, Contains("2 tuples of 2 spaces"));
  CHECK(restored.status == 0);
  CHECK_THAT(run({"spaces"}).out, Contains("jobs") && Contains("relaxed") && Contains("empty"));
  CHECK(run({"in", "-s", "jobs", "job", "?int"}).out == "(\"job\", 1)\n");
  CHECK(run({"in", "-s", "jobs", "job", "..."}).out == "(\"job\", 2, [1, 2.5, nil])\n");
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 1);
  const auto refused = run({"restore", path});
  CHECK(refused.status == 4);
  CHECK_THAT(refused.err, Contains(path));
  CHECK(run({"count", "-s", "jobs", "..."}).out == "0\n");
}

TEST_CASE("what is dumped from a running server and restored stands in the other as it stood") {
  const Home home;
  const std::string path = home.path() / "all.dump";
  {
    const TestServer server(home);
    const auto space = server.space();
    const auto out = [&](int number, const OutOptions& options) { space.out_with(options, "v", number); };
    out(1, {});
    out(2, {.priority = 5});
    out(3, {.delay = 1h});
    out(4, {.lease = 1h});
    out(5, {.owned = true});
    for (int i = 6; i < 8; ++i) space.out_with({.group = Value("g")}, "g", i);
    space.out("claimed", 8);
    auto claim = space.transaction();
    CHECK(claim.in<int>("claimed", formal) == std::tuple(8));
    CHECK(run({"dump", "--to", path}).status == 0);
  }
  const Home other_home;
  const TestServer server(other_home);
  CHECK_THAT(run({"restore", path}).out, Contains("7 tuples of 1 spaces"));
  const auto space = server.space();
  CHECK(space.inp<int>("v", formal) == std::optional(std::tuple(2)));  // the priority
  CHECK(space.inp<int>("v", formal) == std::optional(std::tuple(1)));
  CHECK(space.inp<int>("v", formal) == std::optional(std::tuple(4)));
  CHECK(!space.inp("v", any));  // the delay; and what was owned went with its owner
  CHECK(space.inp<int>("claimed", formal) == std::optional(std::tuple(8)));
  auto first = space.transaction();
  CHECK(first.inp<int>("g", formal) == std::optional(std::tuple(6)));
  CHECK(!space.inp("g", any));  // the group
}

TEST_CASE("check tells a sound folder from one that is damaged, in use, or none") {
  const Home home;
  {
    TestServer server(home);
    CHECK(run({"out", "one", "1"}).status == 0);
    CHECK(run({"out", "two", "2"}).status == 0);
    const auto in_use = run({"check", home.path()});
    CHECK(in_use.status == 4);
    CHECK_THAT(in_use.err, Contains("in use") && Contains("stop"));
  }
  const auto sound = run({"check"});
  INFO(sound.err);
  CHECK(sound.status == 0);
  CHECK_THAT(sound.out, Contains("sound") && Contains("2 tuples"));
  CHECK_THAT(run({"check", home.path(), "--json"}).out, Contains("\"tuples\":2") && Contains("\"sound\":true"));
  {
    std::fstream file(home.path() / "journal.1", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(20).put('#');
  }
  const auto damaged = run({"check", home.path()});
  CHECK(damaged.status == 4);
  CHECK_THAT(damaged.err, Contains("journal.1") && Contains("damaged"));
  CHECK_THAT(run({"check", home.path() / "nowhere"}).err, Contains("not a Parvis data folder"));
  CHECK(!std::filesystem::exists(home.path() / "nowhere"));
}
