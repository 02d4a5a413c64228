// The journal by itself: what it finds again, what it drops as torn, and what it refuses as damaged.
#include <fstream>

#include <catch2/catch.hpp>

#include "storage/journal.hpp"
#include "support.hpp"

using namespace parvis;
using namespace parvis::storage;
using namespace parvis::storage::test;
using Catch::Contains;

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t segment_bytes = 64 << 10;

class JournalFolder {
 public:
  JournalFolder() { Journal::create(folder_.path(), segment_bytes); }
  [[nodiscard]] fs::path path() const { return folder_.path(); }
  [[nodiscard]] fs::path part(int index) const { return path() / ("journal." + std::to_string(index)); }

  [[nodiscard]] std::string content(int index) const {
    std::ifstream in(part(index), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void overwrite(int index, std::size_t at, std::string_view bytes) const {
    std::fstream file(part(index), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(at)).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }
  void damage(const std::string& text, int index = 0) const {
    const std::size_t at = content(index).find(text);
    REQUIRE(at != std::string::npos);
    overwrite(index, at, "#");
  }

 private:
  TemporaryFolder folder_;
};

std::uint64_t append(Journal& journal, const std::string& text, std::uint64_t applied = 0) {
  const Batch batch{put(1, text), erase(2)};
  return journal.append({&batch}, Journal::payload_of(batch), applied);
}

std::vector<std::string> replayed(const fs::path& folder, std::uint64_t applied = 0) {
  std::vector<std::string> texts;
  Journal journal(folder);
  journal.replay(applied, [&](Batch&& batch) {
    REQUIRE(batch.size() == 2);
    CHECK(batch[1].id == 2);
    CHECK(!batch[1].record);
    texts.push_back(str(*batch[0].record));
  });
  return texts;
}

std::string refusal(const fs::path& folder, std::uint64_t applied = 0) {
  const std::string text = error_of([&] { replayed(folder, applied); });
  CHECK_THAT(text, Contains(folder.string()) && Contains("backup"));
  return text;
}

// Entries "entry 1" … "entry 5", each synced.
void write_five(const fs::path& folder) {
  Journal journal(folder);
  journal.start(0);
  for (int n = 1; n <= 5; ++n) {
    CHECK(append(journal, "entry " + std::to_string(n)) == static_cast<std::uint64_t>(n));
    journal.sync();
  }
}

}  // namespace

TEST_CASE("entries come back in order, from the one after the last applied", "[journal]") {
  JournalFolder folder;
  CHECK(replayed(folder.path()).empty());
  write_five(folder.path());
  CHECK(replayed(folder.path()).size() == 5);
  CHECK(replayed(folder.path(), 3) == std::vector<std::string>{"entry 4", "entry 5"});
  CHECK(replayed(folder.path(), 5).empty());
  CHECK(replayed(folder.path(), 9).empty());
}

TEST_CASE("a started journal is empty, whatever stood in it", "[journal]") {
  JournalFolder folder;
  write_five(folder.path());
  Journal(folder.path()).start(5);
  CHECK(replayed(folder.path()).empty());
  CHECK(replayed(folder.path(), 5).empty());
}

TEST_CASE("parts are used again, and their old tails are never taken for entries", "[journal]") {
  JournalFolder folder;
  Journal journal(folder.path());
  journal.start(0);
  std::uint64_t applied = 0;
  std::uint64_t last = 0;
  for (int n = 1; n <= 400; ++n) {
    const std::string text(static_cast<std::size_t>(n) * 37 % 3000, 'x');
    const Batch batch{put(1, text), erase(2)};
    if (!journal.has_room_for(Journal::payload_of(batch))) {
      journal.sync();
      if (n % 5 == 0) CHECK(replayed(folder.path(), applied).size() == last - applied);
      applied = last;
    }
    last = append(journal, text, applied);
  }
  journal.sync();
  CHECK(replayed(folder.path(), applied).size() == last - applied);
  CHECK(replayed(folder.path(), last).empty());
}

TEST_CASE("a last entry that is torn is dropped", "[journal]") {
  JournalFolder folder;
  write_five(folder.path());
  folder.damage("entry 5");
  CHECK(replayed(folder.path()).size() == 4);
}

TEST_CASE("a hole before the end is refused, never skipped", "[journal]") {
  JournalFolder folder;
  write_five(folder.path());
  folder.damage("entry 3");
  CHECK_THAT(refusal(folder.path()), Contains("entry 3") && Contains("damaged or missing"));
  CHECK_THAT(refusal(folder.path(), 2), Contains("entry 3"));
  CHECK(replayed(folder.path(), 3).size() == 2);  // what LMDB holds is not needed any more
}

TEST_CASE("unsynced entries end at the first that is torn, though later ones survived", "[journal]") {
  JournalFolder folder;
  {
    Journal journal(folder.path());
    journal.start(0);
    append(journal, "entry 1");
    journal.sync();
    for (int n = 2; n <= 5; ++n) append(journal, "entry " + std::to_string(n));
  }
  folder.damage("entry 3");
  CHECK(replayed(folder.path()) == std::vector<std::string>{"entry 1", "entry 2"});
}

TEST_CASE("bytes of a user that look like an entry are none", "[journal]") {
  JournalFolder folder;
  std::string forged;
  {
    Journal journal(folder.path());
    journal.start(0);
    append(journal, "first");
    append(journal, "second");
    journal.sync();
    forged = folder.content(0).substr(4096, 200);
    journal.start(0);  // a new seed
    append(journal, "xx" + forged);
    journal.sync();
  }
  CHECK(replayed(folder.path()).size() == 1);
}

TEST_CASE("a part that is missing, cut or damaged in its head is refused", "[journal]") {
  JournalFolder folder;
  write_five(folder.path());
  SECTION("missing") {
    fs::remove(folder.part(2));
    CHECK_THAT(refusal(folder.path()), Contains("journal.2") && Contains("missing"));
  }
  SECTION("cut") {
    fs::resize_file(folder.part(1), 5000);
    CHECK_THAT(refusal(folder.path()), Contains("journal.1") && Contains("truncated"));
  }
  SECTION("head") {
    folder.overwrite(0, 30, "#");
    CHECK_THAT(refusal(folder.path()), Contains("journal.0") && Contains("head"));
  }
}
