// Every reason not to open a folder, and what is said: one sentence that names the path and the way out.
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include <catch2/catch.hpp>

#include "child.hpp"
#include "faulty_disk.hpp"
#include "support.hpp"

using namespace parvis;
using namespace parvis::storage;
using namespace parvis::storage::test;
using Catch::Contains;

namespace {

namespace fs = std::filesystem;

std::string refusal(const fs::path& folder) {
  const std::string text = error_of([&] { open_lmdb(options_for(folder)); });
  INFO(text);
  CHECK_THAT(text, Contains(folder.string()));
  CHECK(text.find('\n') == std::string::npos);
  return text;
}

void write_text(const fs::path& file, const std::string& text) { std::ofstream(file) << text; }

void make_store(const fs::path& folder, const Batch& batch) {
  const auto store = open_lmdb(options_for(folder));
  REQUIRE(commit(*store, batch).outcome == Outcome::ok);
}

mode_t mode_of(const fs::path& path) {
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 0777;
}

}  // namespace

TEST_CASE("a new folder is the user's alone", "[open]") {
  TemporaryFolder folder;
  make_store(folder.path() / "some" / "where", {put(1, "x")});
  const fs::path made = folder.path() / "some" / "where";
  CHECK(mode_of(made) == 0700);
  for (const char* file : {"META", "lock", "data.mdb", "lock.mdb"}) CHECK(mode_of(made / file) == 0600);
  CHECK(text_of(made / "META") == "Parvis data folder\nformat 2\ndata lmdb\n");
}

TEST_CASE("a folder in use is refused, with the process that uses it", "[open]") {
  TemporaryFolder folder;
  Child holder(folder.data().string(), "hold");
  REQUIRE(holder.line() == "open");
  const std::string text = refusal(folder.data());
  CHECK_THAT(text, Contains("in use") && Contains("process " + std::to_string(holder.pid())) && Contains("stop"));
  holder.kill();
  CHECK(recover(*open_lmdb(options_for(folder.data()))).empty());
}

TEST_CASE("a second store of one process is refused, and none after close", "[open]") {
  TemporaryFolder folder;
  const auto store = open_lmdb(options_for(folder.data()));
  CHECK_THAT(refusal(folder.data()), Contains("process " + std::to_string(::getpid())));
  store->close();
  CHECK(recover(*open_lmdb(options_for(folder.data()))).empty());
}

TEST_CASE("a server may lock the folder before it opens the store", "[open]") {
  TemporaryFolder folder;
  auto locked = std::make_shared<DataFolder>(folder.data());
  write_text(folder.data() / "token", "x");
  const auto store = open_lmdb(locked, options_for(""));
  CHECK(commit(*store, {put(1, "x")}).outcome == Outcome::ok);
  store->close();
  CHECK_THAT(refusal(folder.data()), Contains("in use"));
  locked.reset();
  CHECK(recover(*open_lmdb(options_for(folder.data()))).size() == 1);
}

TEST_CASE("foreign folders are left alone", "[open]") {
  TemporaryFolder folder;
  SECTION("other files") { write_text(folder.path() / "thesis.tex", "x"); }
  SECTION("an LMDB of somebody else") { write_text(folder.path() / "data.mdb", "x"); }
  SECTION("a META of somebody else") { write_text(folder.path() / "META", "model: 3\n"); }
  CHECK_THAT(refusal(folder.path()), Contains("not a Parvis data folder") && Contains("new folder"));
}

TEST_CASE("a file in the place of the folder", "[open]") {
  TemporaryFolder folder;
  write_text(folder.data(), "x");
  CHECK_THAT(refusal(folder.data()), Contains("is a file"));
}

TEST_CASE("other formats are refused with the way out", "[open]") {
  TemporaryFolder folder;
  make_store(folder.data(), {put(1, "x")});
  SECTION("newer") {
    write_text(folder.data() / "META", "Parvis data folder\nformat 3\ndata something new\n");
    CHECK_THAT(refusal(folder.data()), Contains("newer Parvis") && Contains("format 3"));
  }
  SECTION("older") {
    write_text(folder.data() / "META", "Parvis data folder\nformat 0\ndata lmdb\n");
    CHECK_THAT(refusal(folder.data()), Contains("older Parvis") && Contains("dump"));
  }
  SECTION("damaged") {
    write_text(folder.data() / "META", "Parvis data folder\nformat 2\n");
    CHECK_THAT(refusal(folder.data()), Contains("META") && Contains("damaged"));
  }
}

TEST_CASE("network file systems are refused", "[open]") {
  TemporaryFolder folder;
  pretend_file_system(0x6969);
  const std::string text = refusal(folder.data());
  pretend_file_system({});
  CHECK_THAT(text, Contains("network file system (NFS)") && Contains("local disk"));
}

TEST_CASE("no permission", "[open]") {
  TemporaryFolder folder;
  fs::permissions(folder.path(), fs::perms::owner_read | fs::perms::owner_exec);
  std::string text;
  if (::geteuid() == 0) {  // whom nothing is forbidden
    fs::permissions(folder.path(), fs::perms::owner_all);
    Child nobody(folder.path().string(), "nobody");
    text = nobody.line();
  } else {
    text = refusal(folder.path());
    fs::permissions(folder.path(), fs::perms::owner_all);
  }
  CHECK_THAT(text, Contains(folder.path().string()) && Contains("Permission denied") && Contains("right"));
}

TEST_CASE("a data file that is not what it was is refused before it is touched", "[open]") {
  TemporaryFolder folder;
  make_store(folder.data(), {put(1, random_blob(3'000'000, 1))});
  const fs::path file = folder.data() / "data.mdb";
  SECTION("missing") {
    fs::remove(file);
    CHECK_THAT(refusal(folder.data()), Contains("data.mdb") && Contains("missing") && Contains("backup"));
  }
  SECTION("empty") {
    fs::resize_file(file, 0);
    CHECK_THAT(refusal(folder.data()), Contains("truncated"));
  }
  SECTION("cut in its head") {
    fs::resize_file(file, 5000);
    CHECK_THAT(refusal(folder.data()), Contains("truncated"));
  }
  SECTION("cut in its middle") {
    fs::resize_file(file, 1'000'000);
    CHECK_THAT(refusal(folder.data()), Contains("truncated") && Contains("1000000"));
  }
  SECTION("something else") {
    write_text(file, std::string(100'000, 'x'));
    CHECK_THAT(refusal(folder.data()), Contains("not an LMDB file"));
  }
  SECTION("its second head lost") {
    std::fstream(file, std::ios::in | std::ios::out | std::ios::binary)
        .seekp(4096)
        .write(std::string(64, 'x').data(), 64);
    CHECK_THAT(refusal(folder.data()), Contains("damaged"));
  }
}

TEST_CASE("a file of exactly its pages is whole", "[open]") {
  TemporaryFolder folder;
  make_store(folder.data(), {put(1, "x"), put(2, random_blob(900'000, 1))});
  const fs::path file = folder.data() / "data.mdb";
  // The file is as long as the map; cut page by page, it stays good until a page in use is gone.
  std::uintmax_t size = 252 * 4096;
  REQUIRE(fs::file_size(file) > size);
  std::string refused;
  while (refused.empty() && size > 4096) {
    size -= 4096;
    fs::resize_file(file, size);
    try {
      const std::size_t records = recover(*open_lmdb(options_for(folder.data()))).size();
      CHECK(records == 2);
    } catch (const std::exception& error) {
      refused = error.what();
    }
  }
  CHECK_THAT(refused, Contains("truncated"));
  CHECK(size >= 900'000);
  CHECK(size < 251 * 4096);
}

TEST_CASE("a damaged record is named", "[open]") {
  TemporaryFolder folder;
  const std::string marker = "here stands the record that will be damaged";
  const bool chunked = GENERATE(false, true);
  ByteVector body(chunked ? 1'000'000 : 1000);
  std::copy(as_bytes(marker).begin(), as_bytes(marker).end(), body.end() - 500);
  make_store(folder.data(), {put(41, "before"), put(42, Blob::take(std::move(body))), put(43, "behind")});
  const fs::path file = folder.data() / "data.mdb";
  const std::size_t at = text_of(file).find(marker);
  REQUIRE(at != std::string::npos);
  std::fstream(file, std::ios::in | std::ios::out | std::ios::binary).seekp(static_cast<std::streamoff>(at)).put('H');
  const auto store = open_lmdb(options_for(folder.data()));
  const std::string text = error_of([&] { recover(*store); });
  CHECK_THAT(text, Contains("Record 42") && Contains(file.string()) && Contains("damaged") && Contains("backup"));
  const ReadAnswer answer = read(*store, 42, 0, 2'000'000);
  CHECK(answer.result.outcome == Outcome::failed);
  CHECK_THAT(answer.result.text, Contains("Record 42"));
  CHECK(str(read(*store, 43, 0, 100).bytes) == "behind");
}

TEST_CASE("a start that was interrupted is begun again", "[open]") {
  TemporaryFolder folder;
  { const DataFolder begun(folder.data()); }
  SECTION("before the data file was complete") { write_text(folder.data() / "data.mdb", std::string(5000, '\0')); }
  SECTION("before there was one") {}
  SECTION("before there was META") {
    fs::remove(folder.data() / "META");
    write_text(folder.data() / "META.new", "Parv");
  }
  make_store(folder.data(), {put(1, "x")});
  CHECK(recover(*open_lmdb(options_for(folder.data()))).size() == 1);
}
