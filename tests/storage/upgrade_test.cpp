// Folders that earlier versions wrote. format_1: LMDB alone, no journal (its pages without the zeros: the size of the
// file, 8 bytes, then for each page its number and length, 4 bytes each, and its bytes).
#include <fstream>

#include <catch2/catch.hpp>

#include "storage/little.hpp"
#include "support.hpp"

using namespace parvis;
using namespace parvis::storage;
using namespace parvis::storage::test;

namespace {

namespace fs = std::filesystem;

void unpack_format_1(const fs::path& folder) {
  const fs::path fixture = fs::path(PARVIS_STORAGE_FIXTURES) / "format_1";
  fs::create_directory(folder);
  fs::copy(fixture / "META", folder / "META");
  const std::string packed = text_of(fixture / "data.mdb.pages");
  const ByteSpan bytes = as_bytes(packed);
  std::ofstream out(folder / "data.mdb", std::ios::binary);
  for (std::size_t at = 8; at < bytes.size();) {
    const auto page = get_little<std::uint32_t>(bytes.data() + at);
    const auto size = get_little<std::uint32_t>(bytes.data() + at + 4);
    out.seekp(static_cast<std::streamoff>(page) * 4096).write(packed.data() + at + 8, size);
    at += 8 + size;
  }
  out.close();
  fs::resize_file(folder / "data.mdb", get_little<std::uint64_t>(bytes.data()));
}

Records records_of_format_1() {
  std::string large(600'000, '\0');
  large.replace(599'990, 10, "large body");
  Records records{{1, text("one")}, {2, text("two, replaced")}, {7, text("")}, {8, text(large)}};
  for (RecordId id = 101; id < 200; id += 2) records[id] = text("record " + std::to_string(id));
  return records;
}

}  // namespace

TEST_CASE("a folder of format 1 is opened, converted and goes on", "[upgrade]") {
  TemporaryFolder folder;
  unpack_format_1(folder.data());
  SECTION("at once") {}
  SECTION("after a conversion that was interrupted") {
    std::ofstream(folder.data() / "journal.0") << "half";
    std::ofstream(folder.data() / "journal.new") << "half";
  }
  Records expected = records_of_format_1();
  {
    const auto store = open_lmdb(options_for(folder.data()));
    CHECK(recover(*store) == expected);
    CHECK(text_of(folder.data() / "META") == "Parvis data folder\nformat 2\ndata lmdb\n");
    CHECK(commit(*store, {put(9, "new"), erase(8)}).outcome == Outcome::ok);
  }
  expected.erase(8);
  expected[9] = text("new");
  CHECK(recover(*open_lmdb(options_for(folder.data()))) == expected);
}
