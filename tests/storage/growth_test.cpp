// The map grows under load, ends at its limit, and takes work there; groups share transactions.
#include <atomic>
#include <future>
#include <thread>

#include <catch2/catch.hpp>

#include "support.hpp"

using namespace parvis;
using namespace parvis::storage;
using namespace parvis::storage::test;

TEST_CASE("a tiny map grows while others read", "[growth]") {
  TemporaryFolder folder;
  LmdbOptions options = options_for(folder.data());
  options.map_initial = 64 << 10;
  options.map_growth = 1.1;
  const auto store = open_lmdb(options);
  std::atomic<int> wrong{0};
  std::atomic<int> answered{0};
  Records expected;
  std::mt19937_64 random(5);
  for (RecordId id = 1; id <= 1500; ++id) {
    expected[id] = random_blob(id % 40 == 0 ? 600'000 : random() % 20'000, id);
    const Blob whole = expected[id];
    store->commit({put(id, whole)}, [&](const Result& result) { wrong += result.outcome != Outcome::ok; });
    const RecordId older = 1 + random() % id;
    store->read(older, 0, ~std::size_t{0}, [&, other = expected[older]](const Result& result, const Blob& bytes) {
      wrong += !(result.outcome == Outcome::missing || bytes == other);
      ++answered;
    });
    if (id % 100 == 0) commit(*store, {});  // lets some reads come after their writes
  }
  CHECK(recover(*store) == expected);
  store->close();
  CHECK(wrong == 0);
  CHECK(answered == 1500);
}

TEST_CASE("at its limit puts are refused, takes work, and puts work again", "[growth]") {
  TemporaryFolder folder;
  LmdbOptions options = options_for(folder.data());
  options.map_limit = 4 << 20;
  auto store = open_lmdb(options);
  bool nearly_full = false;
  RecordId id = 0;
  Result result;
  while (result.outcome == Outcome::ok && id < 10'000) {
    nearly_full = nearly_full || store->usage().nearly_full;
    ++id;
    result = commit(*store, {put(id, random_blob(20'000, id))});
    std::this_thread::sleep_for(std::chrono::milliseconds(1));  // usage is measured ten times a second
  }
  CHECK(result.outcome == Outcome::full);
  CHECK(nearly_full);
  CHECK_THAT(result.text, Catch::Contains("limit"));
  CHECK(recover(*store).size() == id - 1);
  SECTION("a body too large for what is left is refused whole") {
    CHECK(commit(*store, {put(id + 1, random_blob(5 << 20, 1))}).outcome == Outcome::full);
    CHECK(recover(*store).size() == id - 1);
  }
  for (RecordId taken = 1; taken < id; ++taken) {
    INFO("record " << taken);
    REQUIRE(commit(*store, {erase(taken)}).outcome == Outcome::ok);
  }
  CHECK(recover(*store).empty());
  for (RecordId again = id + 10; again < id + 50; ++again) {
    REQUIRE(commit(*store, {put(again, random_blob(20'000, again))}).outcome == Outcome::ok);
  }
  store.reset();
  CHECK(recover(*open_lmdb(options)).size() == 40);
}

TEST_CASE("hundreds of takes at the limit, each with a note of who took", "[growth]") {
  TemporaryFolder folder;
  LmdbOptions options = options_for(folder.data());
  options.map_limit = 2 << 20;
  const auto store = open_lmdb(options);
  REQUIRE(commit(*store, {put(1, "session")}).outcome == Outcome::ok);
  RecordId id = 2;
  for (const std::size_t size : {100'000, 2500}) {  // large ones until they are refused, then small ones
    while (commit(*store, {put(id, random_blob(size, id))}).outcome == Outcome::ok) REQUIRE(++id < 100'000);
  }
  Records left = recover(*store);
  for (const auto& [taken, bytes] : left) {
    if (taken == 1) continue;
    INFO("record " << taken);
    REQUIRE(commit(*store, {put(1, "session holds " + std::to_string(taken))}).outcome == Outcome::ok);
    REQUIRE(commit(*store, {erase(taken), put(1, "session")}).outcome == Outcome::ok);
  }
  CHECK(recover(*store).size() == 1);
}

TEST_CASE("pages of erased records are used again: the file does not grow for ever", "[growth]") {
  TemporaryFolder folder;
  LmdbOptions options = options_for(folder.data());
  options.map_limit = 24 << 20;
  const auto store = open_lmdb(options);
  for (RecordId id = 1; id <= 150; ++id) {
    const Result result = commit(*store, {put(id, random_blob(2'000'000, id)), erase(id - 1)});
    INFO(id << ": " << result.text);
    REQUIRE(result.outcome == Outcome::ok);
  }
  CHECK(recover(*store).size() == 1);
}

TEST_CASE("what was written ahead and is not committed gives its room back", "[growth]") {
  TemporaryFolder folder;
  LmdbOptions options = options_for(folder.data());
  options.map_limit = 24 << 20;
  const auto store = open_lmdb(options);
  for (RecordId id = 1; id <= 50; ++id) {
    std::promise<Result> written;
    store->write_ahead({random_blob(2'000'000, id)}, [&](const Result& result) { written.set_value(result); });
    const Result result = written.get_future().get();
    INFO(id << ": " << result.text);
    REQUIRE(result.outcome == Outcome::ok);
    REQUIRE(commit(*store, {put(1, random_blob(300'000, id))}).outcome == Outcome::ok);
  }
  CHECK(recover(*store).size() == 1);
}

TEST_CASE("many batches that wait for one sync share the next", "[growth]") {
  TemporaryFolder folder;
  const auto store = open_lmdb(options_for(folder.data()));
  Count started;
  Count go;
  store->commit({put(1, "x")}, [&](const Result&) {
    started.add();
    go.wait_for(1);
  });
  started.wait_for(1);
  const std::uint64_t before = store->usage().transactions;
  for (RecordId id = 2; id <= 5001; ++id) store->commit({put(id, "x")}, [](const Result&) {});
  go.add();
  CHECK(recover(*store).size() == 5001);
  const Usage usage = store->usage();
  CHECK(usage.batches == 5001);
  CHECK(usage.transactions - before == 1);
}

TEST_CASE("a large body is erased in slices, and its room comes back", "[growth]") {
  TemporaryFolder folder;
  const auto store = open_lmdb(options_for(folder.data()));
  constexpr std::uint64_t size = 150'000'000;
  REQUIRE(commit(*store, {put(1, random_blob(size, 1))}).outcome == Outcome::ok);
  store->close();
  CHECK(store->usage().batches == 1);
  const auto again = open_lmdb(options_for(folder.data()));
  CHECK(again->usage().bytes_used > size);
  const std::uint64_t before = again->usage().transactions;
  REQUIRE(commit(*again, {erase(1)}).outcome == Outcome::ok);
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (again->usage().bytes_used > 1'000'000 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  CHECK(again->usage().bytes_used <= 1'000'000);
  CHECK(again->usage().transactions - before >= 3);
}
