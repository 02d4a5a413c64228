// What every store must do, whatever is behind it. A new store joins by a line in `make`.
#include <atomic>
#include <thread>

#include <catch2/catch.hpp>

#include "support.hpp"

using namespace parvis;
using namespace parvis::storage;
using namespace parvis::storage::test;

namespace {

// A store, and how to come back to its records later.
class Subject {
 public:
  virtual ~Subject() = default;
  virtual Store& store() = 0;
  virtual void reopen() = 0;
};

class MemorySubject final : public Subject {
 public:
  Store& store() override { return *store_; }
  void reopen() override {}  // keeps its records as long as the process

 private:
  std::unique_ptr<Store> store_ = make_memory_store();
};

class LmdbSubject final : public Subject {
 public:
  LmdbSubject() { reopen(); }
  Store& store() override { return *store_; }
  void reopen() override {
    store_.reset();
    store_ = open_lmdb(options_for(folder_.data()));
  }

 private:
  TemporaryFolder folder_;
  std::unique_ptr<Store> store_;
};

std::unique_ptr<Subject> make(const std::string& name) {
  if (name == "memory") return std::make_unique<MemorySubject>();
  return std::make_unique<LmdbSubject>();
}
#define EVERY_STORE                                    \
  const std::string name = GENERATE("memory", "lmdb"); \
  INFO("store: " << name);                             \
  const std::unique_ptr<Subject> subject = make(name)

}  // namespace

TEST_CASE("a new store is empty", "[contract]") {
  EVERY_STORE;
  CHECK(recover(subject->store()).empty());
}

TEST_CASE("what was committed is recovered, in order of ids", "[contract]") {
  EVERY_STORE;
  CHECK(commit(subject->store(), {put(7, "seven"), put(3, "three")}).outcome == Outcome::ok);
  CHECK(commit(subject->store(), {put(5, "")}).outcome == Outcome::ok);
  CHECK(commit(subject->store(), {put(~RecordId{0}, "last"), put(0, "first")}).outcome == Outcome::ok);
  subject->reopen();
  const Records expected{
      {0, text("first")}, {3, text("three")}, {5, text("")}, {7, text("seven")}, {~RecordId{0}, text("last")}};
  CHECK(recover(subject->store()) == expected);
  CHECK(recover(subject->store()) == expected);
}

TEST_CASE("an empty batch is answered", "[contract]") {
  EVERY_STORE;
  CHECK(commit(subject->store(), {}).outcome == Outcome::ok);
}

TEST_CASE("putting replaces, erasing erases, erasing nothing is no error", "[contract]") {
  EVERY_STORE;
  commit(subject->store(), {put(1, "a"), put(2, "b"), put(3, "c")});
  CHECK(commit(subject->store(), {put(2, "a longer b"), erase(3), erase(99)}).outcome == Outcome::ok);
  CHECK(commit(subject->store(), {put(1, "")}).outcome == Outcome::ok);
  subject->reopen();
  CHECK(recover(subject->store()) == Records{{1, text("")}, {2, text("a longer b")}});
}

TEST_CASE("the changes of one batch apply in their order", "[contract]") {
  EVERY_STORE;
  const Blob large = random_blob(700'000, 1);
  const Blob larger = random_blob(900'000, 2);
  CHECK(commit(subject->store(), {put(1, "x"), erase(1), put(2, "old"), put(2, "new"), put(4, large), put(4, larger),
                                  put(5, large), erase(5), put(6, large), put(6, "small")})
            .outcome == Outcome::ok);
  subject->reopen();
  CHECK(recover(subject->store()) == Records{{2, text("new")}, {4, larger}, {6, text("small")}});
}

TEST_CASE("Done run once each, in the order of commits, with what they promise", "[contract]") {
  EVERY_STORE;
  constexpr int batches = 3000;
  std::vector<int> order;  // filled on the store's thread, read after close()
  std::atomic<int> bad{0};
  for (int i = 0; i < batches; ++i) {
    subject->store().commit({put(static_cast<RecordId>(i), std::to_string(i))}, [&, i](const Result& result) {
      order.push_back(i);
      if (result.outcome != Outcome::ok) ++bad;
    });
  }
  subject->store().close();
  CHECK(bad == 0);
  REQUIRE(order.size() == batches);
  CHECK(std::is_sorted(order.begin(), order.end()));
  const Usage usage = subject->store().usage();
  CHECK(usage.batches == batches);
  CHECK(usage.bytes_queued == 0);
}

TEST_CASE("recover waits for what was committed before", "[contract]") {
  EVERY_STORE;
  std::atomic<int> done{0};
  for (RecordId id = 1; id <= 500; ++id) subject->store().commit({put(id, "x")}, [&](const Result&) { ++done; });
  CHECK(recover(subject->store()).size() == 500);
  CHECK(done == 500);
}

TEST_CASE("bodies of any size come back, whole and in part", "[contract]") {
  EVERY_STORE;
  const std::vector<std::size_t> sizes{0,       1,       2000,    4096,    262'144,   262'145,
                                       262'122, 524'244, 524'245, 786'366, 5'000'000, 9'000'001};
  Records expected;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    expected[i + 1] = random_blob(sizes[i], i);
    CHECK(commit(subject->store(), {put(i + 1, expected[i + 1])}).outcome == Outcome::ok);
  }
  subject->reopen();
  CHECK(recover(subject->store()) == expected);
  std::mt19937_64 random(4);
  for (const auto& [id, blob] : expected) {
    for (int i = 0; i < 8; ++i) {
      const std::uint64_t offset = random() % (blob.size() + 2);
      const std::size_t size = i == 0 ? 0 : random() % (blob.size() + 100);
      const ReadAnswer answer = read(subject->store(), id, offset, size);
      CHECK(answer.result.outcome == Outcome::ok);
      const std::size_t start = std::min<std::size_t>(offset, blob.size());
      CHECK(answer.bytes == blob.slice(start, std::min(size, blob.size() - start)));
    }
    CHECK(read(subject->store(), id, 0, ~std::size_t{0}).bytes == blob);
    CHECK(read(subject->store(), id, ~std::uint64_t{0}, 10).bytes.empty());
  }
}

TEST_CASE("what is written ahead is there when its batch is, beside what others commit, and else leaves nothing",
          "[contract]") {
  EVERY_STORE;
  Records expected;
  Count written;
  const auto ahead = [&](std::vector<Blob> records) {
    subject->store().write_ahead(std::move(records), [&written](const Result& result) {
      if (result.outcome == Outcome::ok) written.add();  // no CHECK: Catch wants those from one thread
    });
  };
  const Blob one = random_blob(20'000'000, 1), two = random_blob(9'000'001, 2), small = random_blob(100, 3);
  ahead({one, two, small});
  for (RecordId id = 1; id <= 20; ++id) {  // some of them large, and in LMDB between the others' pieces
    expected[id] = random_blob(id % 4 == 0 ? 600'000 : 500, id);
    CHECK(commit(subject->store(), {put(id, expected[id])}).outcome == Outcome::ok);
  }
  written.wait_for(1);
  CHECK(recover(subject->store()) == expected);
  const auto batch = [&] {
    return Batch{put(100, one), put(101, two), put(102, small), put(103, random_blob(1 << 20, 4))};
  };
  for (const Change& change : batch()) expected[change.id] = *change.record;
  CHECK(commit(subject->store(), batch()).outcome == Outcome::ok);
  ahead({random_blob(5'000'000, 5)});  // whose only keeper is gone when it is written
  written.wait_for(2);
  CHECK(read(subject->store(), 100, 10'000'000, 1000).bytes == one.slice(10'000'000, 1000));
  CHECK(commit(subject->store(), {put(100, one)}).outcome == Outcome::ok);  // the same blob, once more
  subject->reopen();
  CHECK(recover(subject->store()) == expected);
}

TEST_CASE("reading what is not there", "[contract]") {
  EVERY_STORE;
  commit(subject->store(), {put(1, "x"), put(2, random_blob(600'000, 1))});
  commit(subject->store(), {erase(1), erase(2)});
  for (const RecordId id : {1, 2, 3}) {
    const ReadAnswer answer = read(subject->store(), id, 0, 10);
    CHECK(answer.result.outcome == Outcome::missing);
    CHECK(!answer.result.text.empty());
    CHECK(answer.bytes.empty());
  }
}

TEST_CASE("reads see every batch that was answered", "[contract]") {
  EVERY_STORE;
  for (int i = 0; i < 200; ++i) {
    const std::string value = "value " + std::to_string(i);
    commit(subject->store(), {put(5, value)});
    CHECK(str(read(subject->store(), 5, 0, 100).bytes) == value);
  }
}

TEST_CASE("a random history ends as a map would", "[contract]") {
  EVERY_STORE;
  std::mt19937_64 random(GENERATE(1, 2, 3));
  Records model;
  for (int step = 0; step < 400; ++step) {
    Batch batch;
    for (std::size_t n = random() % 8; n > 0; --n) {
      const RecordId id = random() % 200;
      if (random() % 3 == 0) {
        batch.push_back(erase(id));
        model.erase(id);
      } else {
        const std::size_t size = random() % 50 == 0 ? random() % 1'000'000 : random() % 6000;
        batch.push_back(put(id, random_blob(size, random())));
        model[id] = *batch.back().record;
      }
    }
    subject->store().commit(std::move(batch), [](const Result&) {});
    if (step % 100 == 99) {
      CHECK(recover(subject->store()) == model);
      subject->reopen();
    }
  }
  CHECK(recover(subject->store()) == model);
}

TEST_CASE("close answers everything; then the store refuses", "[contract]") {
  EVERY_STORE;
  std::atomic<int> commits{0};
  std::atomic<int> reads{0};
  for (RecordId id = 1; id <= 200; ++id) subject->store().commit({put(id, "x")}, [&](const Result&) { ++commits; });
  for (RecordId id = 1; id <= 200; ++id) subject->store().read(id, 0, 1, [&](const Result&, const Blob&) { ++reads; });
  subject->store().close();
  CHECK(commits == 200);
  CHECK(reads == 200);
  subject->store().close();
  CHECK(!error_of([&] { subject->store().commit({put(1, "y")}, [](const Result&) {}); }).empty());
  CHECK(!error_of([&] { subject->store().read(1, 0, 1, [](const Result&, const Blob&) {}); }).empty());
}

TEST_CASE("usage may be asked from any thread while the store works", "[contract]") {
  EVERY_STORE;
  std::atomic<bool> stop{false};
  std::thread asker([&] {
    while (!stop) (void)subject->store().usage();
  });
  for (RecordId id = 1; id <= 300; ++id) commit(subject->store(), {put(id, random_blob(5000, id))});
  subject->store().close();
  stop = true;
  asker.join();
  CHECK(subject->store().usage().batches == 300);
}
