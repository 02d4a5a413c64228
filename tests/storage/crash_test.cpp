// P1: what was acknowledged survives kill -9, whenever it comes; and no batch is ever there in part.
#include <thread>

#include <catch2/catch.hpp>

#include "child.hpp"
#include "history.hpp"

using namespace parvis;
using namespace parvis::storage;
using namespace parvis::storage::test;

TEST_CASE("P1: a writer killed at random points loses nothing it acknowledged", "[crash]") {
  TemporaryFolder folder;
  std::mt19937 random(7);
  std::uint64_t before = 0;
  for (int round = 0; round < 25; ++round) {
    std::uint64_t acknowledged = before;
    {
      Child writer(folder.data().string(), "write");
      const std::uint64_t enough = before + random() % 60;
      while (acknowledged < enough) {
        const std::string line = writer.line();
        REQUIRE(!line.empty());
        acknowledged = std::stoull(line);
      }
      for (unsigned spin = random() % 200'000; spin > 0; --spin) (void)random();  // some way into the next commit
      writer.kill();
      for (const std::string& line : writer.rest()) acknowledged = std::stoull(line);
    }
    const auto store = open_lmdb(options_for(folder.data()));
    const Records records = recover(*store);
    const std::uint64_t found = progress_of(records);
    INFO("round " << round << ": acknowledged " << acknowledged << ", found " << found);
    CHECK(found >= acknowledged);
    CHECK(records == state_after(found));
    before = found;
  }
  CHECK(before > 50);
}

TEST_CASE("bodies of batches that never came are collected", "[crash]") {
  TemporaryFolder folder;
  for (int round = 0; round < 5; ++round) {
    Child writer(folder.data().string(), "write");
    for (int i = 0; i < 40; ++i) REQUIRE(!writer.line().empty());
    writer.kill();
  }
  const auto store = open_lmdb(options_for(folder.data()));
  std::uint64_t live = 0;
  Batch everything;
  for (const auto& [id, record] : recover(*store)) {
    live += record.size();
    everything.push_back(erase(id));
  }
  CHECK(live > 0);
  commit(*store, std::move(everything));
  // Erasing what is left in slices is the store's own affair; it is over when the file holds next to nothing.
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (store->usage().bytes_used > 200'000 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  CHECK(store->usage().bytes_used <= 200'000);
}
