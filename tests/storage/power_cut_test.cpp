// P1 again, for loss of power: every write the store made is recorded; then the disk is imagined at random moments,
// with each page that no sync had covered kept, dropped or torn; and each of these disks must open and show a state
// that was acknowledged, or one of a batch that was on its way.
#include <fstream>

#include <catch2/catch.hpp>

#include "faulty_disk.hpp"
#include "history.hpp"

using namespace parvis;
using namespace parvis::storage;
using namespace parvis::storage::test;

namespace {

constexpr std::size_t page_bytes = 4096;

// A disk during the replay of events: what is safe, and what is only in its cache.
class ImaginedDisk {
 public:
  void play(const Event& event) {
    switch (event.kind) {
      case Event::Kind::write:
        return pending_.push_back(&event);
      case Event::Kind::write_through:
        return put(event.offset, event.bytes);
      case Event::Kind::resize:
        return safe_.resize(std::max<std::size_t>(safe_.size(), event.offset));
      case Event::Kind::sync:
        for (const Event* write : pending_) put(write->offset, write->bytes);
        return pending_.clear();
    }
  }

  ByteVector after_power_cut(std::mt19937& random) const {
    ImaginedDisk image = *this;
    for (const Event* write : pending_) {
      for (std::size_t at = 0; at < write->bytes.size(); at += page_bytes) {
        const ByteSpan page = ByteSpan(write->bytes).subspan(at, std::min(page_bytes, write->bytes.size() - at));
        const unsigned fate = random() % 3;
        if (fate == 0) image.put(write->offset + at, page);
        if (fate == 1)
          image.put(write->offset + at, page.first(std::min<std::size_t>(page.size(), 512 * (random() % 8))));
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

struct Acknowledged {
  std::size_t events = 0;  // that had happened
  std::uint64_t batch = 0;
};

void write_file(const std::filesystem::path& path, ByteSpan bytes) {
  std::ofstream out(path, std::ios::binary);
  out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  REQUIRE(out.good());
}

}  // namespace

TEST_CASE("P1: power is cut at a random moment", "[power]") {
  TemporaryFolder folder;
  const std::uint64_t batches = 90;
  std::vector<Acknowledged> acknowledged{{0, 0}};
  record_events();
  {
    const auto store = open_lmdb(options_for(folder.data()));
    for (std::uint64_t n = 1; n <= batches; ++n) {
      store->commit(batch_of(n), [&, n](const Result&) { acknowledged.push_back({events_so_far(), n}); });
      if (n % 3 == 0) recover(*store);
    }
    store->close();
  }
  const std::vector<Event> events = take_events();
  REQUIRE(acknowledged.size() == batches + 1);
  std::mt19937 random(11);
  // Before the folder was complete it is one that was never opened: nothing to test.
  const std::size_t start = acknowledged[1].events - 3;
  for (int cut = 0; cut < 150; ++cut) {
    const std::size_t moment = start + random() % (events.size() - start);
    ImaginedDisk disk;
    for (std::size_t i = 0; i <= moment; ++i) disk.play(events[i]);
    TemporaryFolder after;
    std::filesystem::create_directory(after.data());
    std::filesystem::copy(folder.data() / "META", after.data() / "META");
    write_file(after.data() / "data.mdb", disk.after_power_cut(random));
    std::uint64_t least = 0;
    for (const Acknowledged& one : acknowledged) {
      if (one.events <= moment + 1) least = one.batch;
    }
    const auto store = open_lmdb(options_for(after.data()));
    const Records records = recover(*store);
    const std::uint64_t found = progress_of(records);
    INFO("cut " << cut << " after event " << moment << ": acknowledged " << least << ", found " << found);
    CHECK(found >= least);
    CHECK(records == state_after(found));
  }
}
