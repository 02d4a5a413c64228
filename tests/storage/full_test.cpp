// A file system that is really full: a tmpfs of some megabytes, mounted for the test.
#include <sys/mount.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <thread>

#include <catch2/catch.hpp>

#include "support.hpp"

using namespace parvis;
using namespace parvis::storage;
using namespace parvis::storage::test;

namespace {

class SmallDisk {
 public:
  explicit SmallDisk(const char* size) {
    const std::string options = std::string("size=") + size;
    mounted_ = ::mount("tmpfs", folder_.path().c_str(), "tmpfs", 0, options.c_str()) == 0;
    if (!mounted_) WARN("skipped: mounting a small tmpfs needs root: " << std::strerror(errno));
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(folder_.path().c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  explicit operator bool() const { return mounted_; }
  [[nodiscard]] std::filesystem::path data() const { return folder_.data(); }
  void fill() const {  // somebody else takes all that is left
    std::ofstream hog(folder_.path() / "hog", std::ios::binary);
    const std::string block(4096, 'x');
    while (hog.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
    }
  }
  void relieve() const { std::filesystem::remove(folder_.path() / "hog"); }

 private:
  TemporaryFolder folder_;
  bool mounted_ = false;
};

RecordId fill_store(Store& store, std::size_t size) {
  RecordId id = 1;
  while (commit(store, {put(id, random_blob(size, id))}).outcome == Outcome::ok) REQUIRE(++id < 100'000);
  return id - 1;
}

}  // namespace

TEST_CASE("a full disk: puts are refused, erasing works to the last record, then puts work again", "[full]") {
  const std::size_t size = GENERATE(1500U, 30'000U, 600'000U);
  const SmallDisk disk("8m");
  if (!disk) return;
  auto store = open_lmdb(options_for(disk.data()));
  const RecordId stored = fill_store(*store, size);
  CHECK(stored > 5);
  disk.fill();
  CHECK(store->usage().nearly_full);
  SECTION("at once") {}
  SECTION("after a restart on the full disk") {
    store.reset();
    store = open_lmdb(options_for(disk.data()));
  }
  const Result refused = commit(*store, {put(stored + 1, random_blob(100'000, 1))});
  CHECK(refused.outcome == Outcome::full);
  CHECK_THAT(refused.text, Catch::Contains("full") && Catch::Contains(disk.data().string()));
  CHECK(recover(*store).size() == stored);
  for (RecordId id = 1; id <= stored; ++id) {
    INFO("record " << id << " of " << stored);
    REQUIRE(commit(*store, {erase(id)}).outcome == Outcome::ok);
  }
  CHECK(recover(*store).empty());
  disk.relieve();
  CHECK(commit(*store, {put(stored + 2, random_blob(100'000, 2))}).outcome == Outcome::ok);
}

TEST_CASE("a disk filled by others stops puts early, and usage says so", "[full]") {
  const SmallDisk disk("8m");
  if (!disk) return;
  const auto store = open_lmdb(options_for(disk.data()));
  CHECK(!store->usage().nearly_full);
  disk.fill();
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!store->usage().nearly_full && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  CHECK(store->usage().nearly_full);
}

TEST_CASE("no room even to begin is said so", "[full]") {
  const SmallDisk disk("64k");
  if (!disk) return;
  disk.fill();
  CHECK_THAT(error_of([&] { open_lmdb(options_for(disk.data())); }), Catch::Contains(disk.data().string()));
}
