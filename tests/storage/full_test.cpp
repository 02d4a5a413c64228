// A file system that is really full: a tmpfs of some megabytes, mounted for the test.
#include <cerrno>
#include <cstring>
#include <fstream>
#include <future>
#include <optional>
#include <thread>

#include <catch2/catch.hpp>

#include "faulty_disk.hpp"
#include "support.hpp"
#include "tests/support/small_disk.hpp"

using namespace parvis;
using namespace parvis::storage;
using namespace parvis::storage::test;
using parvis::test::SmallDisk;

namespace {

RecordId fill_store(Store& store, std::size_t size) {
  RecordId id = 1;
  while (commit(store, {put(id, random_blob(size, id))}).outcome == Outcome::ok) REQUIRE(++id < 100'000);
  return id - 1;
}

}  // namespace

TEST_CASE("a full disk: puts are refused, erasing works to the last record, then puts work again", "[full]") {
  const std::size_t size = GENERATE(1500U, 30'000U, 600'000U);
  const TemporaryFolder folder;
  const SmallDisk disk(folder.path(), "8m");
  if (!disk) return;
  auto store = open_lmdb(options_for(folder.data()));
  const RecordId stored = fill_store(*store, size);
  CHECK(stored > 5);
  disk.fill();
  CHECK(store->usage().nearly_full);
  SECTION("at once") {}
  SECTION("after a restart on the full disk") {
    store.reset();
    store = open_lmdb(options_for(folder.data()));
  }
  const Result refused = commit(*store, {put(stored + 1, random_blob(100'000, 1))});
  CHECK(refused.outcome == Outcome::full);
  CHECK_THAT(refused.text, Catch::Contains("full") && Catch::Contains(folder.data().string()));
  CHECK(recover(*store).size() == stored);
  for (RecordId id = 1; id <= stored; ++id) {
    INFO("record " << id << " of " << stored);
    REQUIRE(commit(*store, {erase(id)}).outcome == Outcome::ok);
  }
  CHECK(recover(*store).empty());
  disk.relieve();
  CHECK(commit(*store, {put(stored + 2, random_blob(100'000, 2))}).outcome == Outcome::ok);
}

TEST_CASE("a full disk with gaps: what fits into none is refused, and the reserve stays for erasing", "[full]") {
  const TemporaryFolder folder;
  const SmallDisk disk(folder.path(), "8m");
  if (!disk) return;
  const auto store = open_lmdb(options_for(folder.data()));
  const RecordId stored = fill_store(*store, 30'000);
  disk.fill();
  for (RecordId id = 1; id <= stored; id += 2) REQUIRE(commit(*store, {erase(id)}).outcome == Outcome::ok);
  for (RecordId id = stored + 1; id < stored + 10; ++id) {
    const Result refused = commit(*store, {put(id, random_blob(600'000, id))});
    CHECK(refused.outcome == Outcome::full);
    CHECK_THAT(refused.text, Catch::Contains("full"));
  }
  CHECK(commit(*store, {put(stored + 10, random_blob(30'000, 1))}).outcome == Outcome::ok);
  disk.fill();
  for (RecordId id = 1; id <= stored + 10; ++id) REQUIRE(commit(*store, {erase(id)}).outcome == Outcome::ok);
  CHECK(recover(*store).empty());
}

TEST_CASE("on a full disk what is put may take the room of what was erased just before", "[full]") {
  const TemporaryFolder folder;
  const SmallDisk disk(folder.path(), "8m");
  if (!disk) return;
  const auto store = open_lmdb(options_for(folder.data()));
  RecordId next = fill_store(*store, 30'000) + 1;
  disk.fill();
  for (RecordId oldest = 1; oldest < 100; oldest += 2) {
    REQUIRE(commit(*store, {erase(oldest), erase(oldest + 1)}).outcome == Outcome::ok);
    const Result result = commit(*store, {put(next++, random_blob(30'000, oldest))});
    INFO(oldest << ": " << result.text);
    CHECK(result.outcome == Outcome::ok);
  }
}

TEST_CASE("a full disk whose blocks cannot be set aside: refused, and all is well once there is room", "[full]") {
  const TemporaryFolder folder;
  const SmallDisk disk(folder.path(), "8m");
  if (!disk) return;
  std::optional<Fault> fault(std::in_place, Failing{Call::set_aside, EOPNOTSUPP, 0, 1 << 30, "data.mdb"});
  const auto store = open_lmdb(options_for(folder.data()));
  const RecordId stored = fill_store(*store, 600'000);
  CHECK(stored > 5);
  const Result refused = commit(*store, {put(stored + 1, random_blob(600'000, 1))});
  CHECK(refused.outcome == Outcome::full);
  CHECK_THAT(refused.text, Catch::Contains("full"));
  CHECK(recover(*store).size() == stored);
  fault.reset();
  REQUIRE(disk.grow("16m"));
  for (RecordId id = 1; id <= stored; ++id) REQUIRE(commit(*store, {erase(id)}).outcome == Outcome::ok);
  CHECK(commit(*store, {put(stored + 2, random_blob(600'000, 2))}).outcome == Outcome::ok);
}

TEST_CASE("what has no room is not written ahead, and leaves the room it had", "[full]") {
  const TemporaryFolder folder;
  const SmallDisk disk(folder.path(), "24m");
  if (!disk) return;
  const auto store = open_lmdb(options_for(folder.data()));
  const auto ahead = [&](std::size_t size) {
    std::promise<Result> written;
    store->write_ahead({random_blob(size, 1)}, [&](const Result& result) { written.set_value(result); });
    return written.get_future().get();
  };
  CHECK(ahead(60'000'000).outcome != Outcome::failed);
  const Result refused = commit(*store, {put(1, random_blob(60'000'000, 1))});
  CHECK(refused.outcome == Outcome::full);
  CHECK_THAT(refused.text, Catch::Contains("full"));
  const auto deadline = std::chrono::steady_clock::now() + patience;
  RecordId id = 0;  // what was begun is given up in the background
  while (commit(*store, {put(++id, random_blob(6'000'000, 2))}).outcome == Outcome::full &&
         std::chrono::steady_clock::now() < deadline) {
  }
  CHECK(recover(*store) == Records{{id, random_blob(6'000'000, 2)}});
}

TEST_CASE("a disk filled by others stops puts early, and usage says so", "[full]") {
  const TemporaryFolder folder;
  const SmallDisk disk(folder.path(), "8m");
  if (!disk) return;
  const auto store = open_lmdb(options_for(folder.data()));
  CHECK(!store->usage().nearly_full);
  disk.fill();
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!store->usage().nearly_full && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  CHECK(store->usage().nearly_full);
}

TEST_CASE("no room even to begin is said so", "[full]") {
  const TemporaryFolder folder;
  const SmallDisk disk(folder.path(), "64k");
  if (!disk) return;
  disk.fill();
  CHECK_THAT(error_of([&] { open_lmdb(options_for(folder.data())); }), Catch::Contains(folder.data().string()));
}
