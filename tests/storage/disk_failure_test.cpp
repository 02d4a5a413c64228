// EIO, failed syncs, and writes that find no room: what is said, what stays readable, what goes on.
#include <cerrno>

#include <catch2/catch.hpp>

#include "faulty_disk.hpp"
#include "support.hpp"

using namespace parvis;
using namespace parvis::storage;
using namespace parvis::storage::test;

namespace {

const Records good{{1, text("one")}, {2, random_blob(700'000, 2)}};

std::unique_ptr<Store> store_with_good_records(const TemporaryFolder& folder) {
  auto store = open_lmdb(options_for(folder.data()));
  REQUIRE(commit(*store, {put(1, "one"), put(2, good.at(2))}).outcome == Outcome::ok);
  return store;
}

}  // namespace

TEST_CASE("a journal that fails ends all writing, and reads show the last durable state", "[disk]") {
  const Call call = GENERATE(Call::write, Call::sync);
  INFO("call " << static_cast<int>(call));
  TemporaryFolder folder;
  auto store = store_with_good_records(folder);
  const Batch change{put(1, "changed"), erase(2), put(3, "three")};
  {
    const Fault fault({call, EIO, 0, 1, "journal"});
    const Result result = commit(*store, change);
    CHECK(failed_calls() == 1);
    CHECK(result.outcome == Outcome::failed);
    CHECK_THAT(result.text, Catch::Contains((folder.data() / "journal.").string()) && Catch::Contains("restarted"));
  }
  // The disk works again, and yet: whoever was told of a failure must not see later writes succeed.
  CHECK(commit(*store, {put(4, "four")}).outcome == Outcome::failed);
  CHECK(commit(*store, {put(4, random_blob(600'000, 4))}).outcome == Outcome::failed);
  CHECK(commit(*store, {erase(1)}).outcome == Outcome::failed);
  CHECK(str(read(*store, 1, 0, 100).bytes) == "one");
  CHECK(read(*store, 2, 650'000, 100).bytes == good.at(2).slice(650'000, 100));
  CHECK(read(*store, 3, 0, 1).result.outcome == Outcome::missing);
  CHECK(recover(*store) == good);
  (void)store->usage();
  store.reset();
  store = open_lmdb(options_for(folder.data()));
  const Records after = recover(*store);  // what met the failure is there whole, or not at all
  CHECK((after == good || after == Records{{1, text("changed")}, {3, text("three")}}));
  CHECK(commit(*store, {put(4, "four")}).outcome == Outcome::ok);
}

TEST_CASE("P1: when LMDB cannot follow, what the journal made durable stays, and nothing more is written", "[disk]") {
  const Call call = GENERATE(Call::write, Call::write_meta, Call::sync);
  INFO("call " << static_cast<int>(call));
  TemporaryFolder folder;
  auto store = store_with_good_records(folder);
  const Records changed{{1, text("changed")}, {3, text("three")}};
  {
    const Fault fault({call, EIO, 0, 1, "data.mdb"});
    CHECK(commit(*store, {put(1, "changed"), erase(2), put(3, "three")}).outcome == Outcome::ok);
    CHECK(recover(*store) == changed);  // makes LMDB follow at once
    CHECK(failed_calls() == 1);
  }
  const Result refused = commit(*store, {put(4, "four")});
  CHECK(refused.outcome == Outcome::failed);
  CHECK_THAT(refused.text, Catch::Contains((folder.data() / "data.mdb").string()) && Catch::Contains("restarted"));
  CHECK(str(read(*store, 1, 0, 100).bytes) == "changed");
  CHECK(read(*store, 2, 0, 1).result.outcome == Outcome::missing);
  CHECK(recover(*store) == changed);
  store.reset();
  store = open_lmdb(options_for(folder.data()));
  CHECK(recover(*store) == changed);
  CHECK(commit(*store, {put(4, "four")}).outcome == Outcome::ok);
}

TEST_CASE("P1: a disk that is full for a while when LMDB follows loses nothing and comes back by itself", "[disk]") {
  TemporaryFolder folder;
  auto store = store_with_good_records(folder);
  const Records changed{{1, text("changed")}, {3, text("three")}};
  {
    const Fault fault({Call::write, ENOSPC, 0, 1 << 30, "data.mdb"});
    CHECK(commit(*store, {put(1, "changed"), erase(2), put(3, "three")}).outcome == Outcome::ok);
    CHECK(recover(*store) == changed);
    CHECK(failed_calls() > 0);
    const Result refused = commit(*store, {put(4, "four")});
    CHECK(refused.outcome == Outcome::full);
    CHECK_THAT(refused.text, Catch::Contains((folder.data() / "data.mdb").string()));
    CHECK(str(read(*store, 1, 0, 100).bytes) == "changed");
  }
  SECTION("when there is room again") { CHECK(commit(*store, {put(4, "four")}).outcome == Outcome::ok); }
  SECTION("after a restart") {
    store.reset();
    store = open_lmdb(options_for(folder.data()));
    CHECK(recover(*store) == changed);
    CHECK(commit(*store, {put(4, "four")}).outcome == Outcome::ok);
  }
  CHECK(recover(*store).size() == 3);
}

TEST_CASE("a failure while a large body is written leaves nothing of it", "[disk]") {
  TemporaryFolder folder;
  auto store = store_with_good_records(folder);
  {
    const Fault fault({Call::sync, EIO, 2, 1, "data.mdb"});
    CHECK(commit(*store, {put(3, random_blob(40 << 20, 3))}).outcome == Outcome::failed);
  }
  CHECK(recover(*store) == good);
  store.reset();
  CHECK(recover(*open_lmdb(options_for(folder.data()))) == good);
}

TEST_CASE("a write without room refuses that batch alone", "[disk]") {
  const int error = GENERATE(ENOSPC, EDQUOT);
  TemporaryFolder folder;
  auto store = store_with_good_records(folder);
  {
    const Fault fault({Call::write, error});
    const Result result = commit(*store, {put(1, "changed"), put(3, "three")});
    CHECK(result.outcome == Outcome::full);
    CHECK_THAT(result.text, Catch::Contains((folder.data() / "data.mdb").string()) && Catch::Contains("take"));
    CHECK(recover(*store) == good);
  }
  CHECK(commit(*store, {put(3, "three")}).outcome == Outcome::ok);
  CHECK(recover(*store).size() == 3);
}

TEST_CASE("of a group that does not fit, what fits is written", "[disk]") {
  TemporaryFolder folder;
  auto store = store_with_good_records(folder);
  std::vector<Outcome> outcomes;
  {
    Count started;
    Count go;
    commit(*store, {put(5, "x")});
    recover(*store);
    store->commit({}, [&](const Result&) {
      started.add();
      go.wait_for(1);
    });
    started.wait_for(1);
    // The next three are one group. The journal has no room, its transaction fails, then that of the first batch alone;
    // the others get through.
    const Fault fault({Call::write, ENOSPC, 0, 3});
    const auto keep = [&](const Result& result) { outcomes.push_back(result.outcome); };
    store->commit({put(6, "six")}, keep);
    store->commit({put(7, "seven")}, keep);
    store->commit({erase(1)}, keep);
    go.add();
    recover(*store);
    CHECK(failed_calls() == 3);
  }
  CHECK(outcomes == std::vector<Outcome>{Outcome::full, Outcome::ok, Outcome::ok});
  CHECK(recover(*store) == Records{{2, good.at(2)}, {5, text("x")}, {7, text("seven")}});
}
