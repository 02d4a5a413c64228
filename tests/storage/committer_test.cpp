// Group commit without a disk: a writer that the test holds up at will.
#include <catch2/catch.hpp>

#include "storage/committer.hpp"
#include "storage/worker.hpp"
#include "support.hpp"

using namespace parvis;
using namespace parvis::storage;
using namespace parvis::storage::test;

namespace {

class HeldWriter final : public GroupWriter {
 public:
  std::vector<Result> write(std::span<const Batch> group) override {
    std::unique_lock lock(mutex_);
    sizes_.push_back(group.size());
    changed_.notify_all();
    changed_.wait(lock, [this] { return !held_; });
    std::vector<Result> results(group.size());
    for (std::size_t i = 0; i < group.size(); ++i) {
      if (group[i].empty()) results[i] = {Outcome::full, "an empty batch, for this test"};
    }
    return results;
  }
  Result sync() override {
    const std::lock_guard lock(mutex_);
    ++syncs_;
    return {};
  }

  void hold(bool held) {
    const std::lock_guard lock(mutex_);
    held_ = held;
    changed_.notify_all();
  }
  void wait_for_groups(std::size_t count) {
    std::unique_lock lock(mutex_);
    REQUIRE(changed_.wait_for(lock, patience, [&] { return sizes_.size() >= count; }));
  }
  int syncs() {
    const std::lock_guard lock(mutex_);
    return syncs_;
  }
  std::vector<std::size_t> sizes() {
    const std::lock_guard lock(mutex_);
    return sizes_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool held_ = true;
  int syncs_ = 0;
  std::vector<std::size_t> sizes_;
};

}  // namespace

TEST_CASE("what arrives during a write is the next group, whole", "[committer]") {
  HeldWriter writer;
  Committer committer(writer);
  Count done;
  const auto count = [&](const Result&) { done.add(); };
  REQUIRE(committer.submit({put(1, "x")}, count));
  writer.wait_for_groups(1);
  for (RecordId id = 2; id <= 1001; ++id) REQUIRE(committer.submit({put(id, "x")}, count));
  CHECK(committer.bytes_queued() == 1001 * 9);
  writer.hold(false);
  done.wait_for(1001);
  CHECK(writer.sizes() == std::vector<std::size_t>{1, 1000});
  committer.drain();
  CHECK(committer.bytes_queued() == 0);
  CHECK(committer.batches() == 1001);
}

TEST_CASE("a group ends at its size; a large batch stands alone", "[committer]") {
  HeldWriter writer;
  Committer committer(writer);
  const auto nothing = [](const Result&) {};
  const Blob half = Blob::take(ByteVector(Committer::max_group_bytes / 2));
  const Blob large = Blob::take(ByteVector(Committer::max_group_bytes * 3));
  committer.submit({}, nothing);
  writer.wait_for_groups(1);
  committer.submit({put(1, "x")}, nothing);
  committer.submit({put(2, large)}, nothing);
  committer.submit({put(3, "x")}, nothing);
  committer.submit({put(4, half)}, nothing);
  committer.submit({put(5, half)}, nothing);
  writer.hold(false);
  committer.close();
  CHECK(writer.sizes() == std::vector<std::size_t>{1, 1, 1, 2, 1});
}

TEST_CASE("each batch hears its own result", "[committer]") {
  HeldWriter writer;
  writer.hold(false);
  Committer committer(writer);
  std::vector<Outcome> outcomes;
  const auto keep = [&](const Result& result) { outcomes.push_back(result.outcome); };
  committer.submit({put(1, "x")}, keep);
  committer.submit({}, keep);
  committer.submit({erase(1)}, keep);
  committer.close();
  CHECK(outcomes == std::vector<Outcome>{Outcome::ok, Outcome::full, Outcome::ok});
  CHECK(committer.batches() == 2);
  CHECK(!committer.submit({put(1, "x")}, keep));
}

TEST_CASE("a batch that need not be durable at once is written at once and shares the next sync", "[committer]") {
  HeldWriter writer;
  writer.hold(false);
  Committer committer(writer);
  Count written;
  Count durable;
  const auto on_written = [&](const Result&) { written.add(); };
  const auto on_durable = [&](const Result&) { durable.add(); };
  committer.submit({put(1, "x")}, on_durable, Sync::soon, on_written);
  written.wait_for(1);
  committer.submit({put(2, "x")}, on_durable, Sync::now, on_written);
  durable.wait_for(2);
  CHECK(writer.syncs() <= 2);  // 2: this thread slept longer than a batch may wait
  committer.submit({put(3, "x")}, on_durable, Sync::soon);
  durable.wait_for(3);  // by the timer alone
  committer.submit({put(4, "x")}, on_durable, Sync::soon);
  committer.drain();
  CHECK(committer.batches() == 4);
  committer.submit({put(5, "x")}, on_durable, Sync::soon);
  committer.close();
  CHECK(committer.batches() == 5);
  CHECK(committer.bytes_queued() == 0);
}

TEST_CASE("a caller's thread commits where the disk is quick and nothing is under way", "[committer]") {
  HeldWriter writer;
  writer.hold(false);
  Committer committer(writer);
  const auto nothing = [](const Result&) {};
  Batch batch{put(1, "x")};
  CHECK(!committer.commit_here(batch));  // nobody knows yet whether the disk is quick
  std::optional<Result> here;
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!here && std::chrono::steady_clock::now() < deadline) {  // this writer is quick, but this thread may be slow
    committer.submit({put(2, "x")}, nothing);
    committer.drain();
    here = committer.commit_here(batch);
  }
  REQUIRE(here);
  CHECK(here->outcome == Outcome::ok);
  CHECK(committer.bytes_queued() == 0);
  Batch refused;
  if (const auto result = committer.commit_here(refused)) CHECK(result->outcome == Outcome::full);

  const std::size_t groups = writer.sizes().size();
  writer.hold(true);
  std::optional<Result> held;
  std::thread other([&] { held = committer.commit_here(batch); });
  committer.submit({put(3, "x")}, nothing);
  writer.wait_for_groups(groups + 1);
  CHECK(!committer.commit_here(batch));  // whether here or on its own thread, something is under way
  writer.hold(false);
  other.join();
  committer.drain();
  if (held) CHECK(held->outcome == Outcome::ok);
  Batch large{put(4, Blob::take(ByteVector(Committer::max_bytes_here + 1)))};
  CHECK(!committer.commit_here(large));
  committer.close();
  CHECK(!committer.commit_here(batch));
  CHECK(committer.bytes_queued() == 0);
}

TEST_CASE("a worker runs its jobs in order and all of them", "[committer]") {
  std::vector<int> order;
  Worker worker("test");
  for (int i = 0; i < 1000; ++i) REQUIRE(worker.post([&order, i] { order.push_back(i); }));
  worker.drain();
  CHECK(order.size() == 1000);
  CHECK(std::is_sorted(order.begin(), order.end()));
  REQUIRE(worker.post([&] { order.clear(); }));
  worker.close();
  CHECK(order.empty());
  CHECK(!worker.post([] {}));
}
