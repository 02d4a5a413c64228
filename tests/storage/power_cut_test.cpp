// P1 again, for loss of power: every write the store made is recorded; then the disk is imagined after each of them,
// with every page that no sync had covered kept, dropped or torn; and each of these disks must open and show a state
// that was acknowledged, or one of a batch that was on its way.
#include <algorithm>
#include <fstream>

#include <catch2/catch.hpp>

#include "faulty_disk.hpp"
#include "history.hpp"

using namespace parvis;
using namespace parvis::storage;
using namespace parvis::storage::test;

namespace {

constexpr std::size_t page_bytes = 4096;
constexpr std::size_t sector_bytes = 512;  // written whole, or not at all

// One file during the replay of events: what is safe, and what is only in the disk's cache.
class ImaginedFile {
 public:
  explicit ImaginedFile(ByteVector content = {}) : safe_(std::move(content)) {}

  void play(const Event& event) {
    switch (event.kind) {
      case Event::Kind::write: return pending_.push_back(&event);
      case Event::Kind::write_through: return put(event.offset, event.bytes);
      case Event::Kind::resize: return safe_.resize(std::max<std::size_t>(safe_.size(), event.offset));
      case Event::Kind::sync:
        for (const Event* write : pending_) put(write->offset, write->bytes);
        return pending_.clear();
    }
  }

  // Each page of what no sync has covered is kept, dropped, or torn at a sector.
  ByteVector after_power_cut(std::mt19937& random) const {
    ImaginedFile image = *this;
    for (const Event* write : pending_) {
      for (std::uint64_t at = write->offset, end = at + write->bytes.size(); at < end;) {
        const std::uint64_t page_end = std::min<std::uint64_t>(end, at / page_bytes * page_bytes + page_bytes);
        const std::uint64_t torn_at = at / page_bytes * page_bytes + random() % 8 * sector_bytes;
        const unsigned fate = random() % 3;
        const std::uint64_t kept = fate == 0 ? page_end : fate == 1 ? std::clamp(torn_at, at, page_end) : at;
        image.put(at, ByteSpan(write->bytes).subspan(at - write->offset, kept - at));
        at = page_end;
      }
    }
    return image.safe_;
  }

 private:
  void put(std::uint64_t offset, ByteSpan bytes) {
    if (safe_.size() < offset + bytes.size()) safe_.resize(offset + bytes.size());
    std::copy(bytes.begin(), bytes.end(), safe_.begin() + static_cast<std::ptrdiff_t>(offset));
  }

  ByteVector safe_;
  std::vector<const Event*> pending_;
};
using ImaginedDisk = std::map<std::string, ImaginedFile>;

struct Acknowledged {
  std::size_t events = 0;  // that had happened
  std::uint64_t batch = 0;
};

ByteVector content_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  return {as_bytes(text).begin(), as_bytes(text).end()};
}

void write_file(const std::filesystem::path& path, ByteSpan bytes) {
  std::ofstream out(path, std::ios::binary);
  out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  REQUIRE(out.good());
}

LmdbOptions with_small_journal(const std::filesystem::path& folder) {
  LmdbOptions options = options_for(folder);
  options.journal_bytes = 256 << 10;  // so that its parts are used again and again
  return options;
}

constexpr std::uint64_t batches = 90;

// Writes the history; some batches need not be durable at once.
std::vector<Acknowledged> write_history(const std::filesystem::path& folder) {
  std::vector<Acknowledged> acknowledged{{0, 0}};
  const auto store = open_lmdb(with_small_journal(folder));
  for (std::uint64_t n = 1; n <= batches; ++n) {
    const auto keep = [&acknowledged, n](const Result&) { acknowledged.push_back({events_so_far(), n}); };
    Batch batch = batch_of(n);
    if (n % 2 == 0) write_ahead(*store, batch);
    const std::optional<Result> here = n % 5 == 0 ? store->commit_here(batch) : std::nullopt;
    if (here) keep(*here);
    else store->commit(std::move(batch), keep, n % 4 == 0 ? Sync::soon : Sync::now);
    if (n % 3 == 0) commit(*store, {});
    if (n % 30 == 0) recover(*store);
  }
  store->close();
  return acknowledged;
}

void check_after_cut(const std::filesystem::path& folder, std::uint64_t least) {
  std::uint64_t found = 0;
  {
    const auto store = open_lmdb(with_small_journal(folder));
    const Records records = recover(*store);
    found = progress_of(records);
    INFO("acknowledged " << least << ", found " << found);
    CHECK(found >= least);
    CHECK(records == state_after(found));
    // What comes now must not meet remains of what was lost.
    CHECK(commit(*store, batch_of(found + 1)).outcome == Outcome::ok);
  }
  CHECK(recover(*open_lmdb(with_small_journal(folder))) == state_after(found + 1));
}

}  // namespace

namespace {

// Looks at the disk after every `step` writes; 0: at a hundred of them.
void cut_power(std::mt19937& random, std::size_t step) {
  TemporaryFolder folder;
  open_lmdb(with_small_journal(folder.data()))->close();
  ImaginedDisk before;
  for (const auto& entry : std::filesystem::directory_iterator(folder.data())) {
    const std::string name = entry.path().filename();
    if (name == "data.mdb" || name.starts_with("journal.")) before.emplace(name, content_of(entry.path()));
  }
  REQUIRE(before.size() == 5);
  record_events();
  const std::vector<Acknowledged> acknowledged = write_history(folder.data());
  const std::vector<Event> events = take_events();
  REQUIRE(acknowledged.size() == batches + 1);
  if (step == 0) step = 1 + events.size() / 100;
  for (std::size_t moment = random() % step; moment < events.size(); moment += step) {
    ImaginedDisk disk = before;
    for (std::size_t i = 0; i <= moment; ++i) disk.at(events[i].file).play(events[i]);
    TemporaryFolder after;
    std::filesystem::create_directory(after.data());
    std::filesystem::copy(folder.data() / "META", after.data() / "META");
    for (const auto& [name, file] : disk) write_file(after.data() / name, file.after_power_cut(random));
    std::uint64_t least = 0;
    for (const Acknowledged& one : acknowledged) {
      if (one.events <= moment + 1) least = one.batch;
    }
    INFO("cut after event " << moment << " of " << events.size());
    check_after_cut(after.data(), least);
  }
}

}  // namespace

TEST_CASE("P1: power is cut between any two writes", "[power]") {
  std::mt19937 random(GENERATE(11U, 12U));
  cut_power(random, 0);
}

TEST_CASE("P1: power is cut after every single write (a minute)", "[.every-cut]") {
  std::mt19937 random(13);
  cut_power(random, 1);
}
