#include "support.hpp"

#include <cstdlib>
#include <fstream>
#include <future>

#include <catch2/catch.hpp>

#include "tuplespace/model/error.hpp"

namespace parvis::storage::test {

TemporaryFolder::TemporaryFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "parvis-storage-XXXXXX").string();
  REQUIRE(::mkdtemp(pattern.data()) != nullptr);
  path_ = pattern;
}
TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;  // a test that failed may have left anything; the next run uses another folder
  std::filesystem::remove_all(path_, ignored);
}

Records recover(Store& store) {
  struct Collector : Visitor {
    void record(RecordId id, Blob bytes) override {
      ascending = ascending && (records.empty() || id > records.rbegin()->first);
      records.emplace(id, std::move(bytes));
      ++calls;
    }
    Records records;
    std::size_t calls = 0;
    bool ascending = true;
  } collector;
  store.recover(collector);
  REQUIRE(collector.ascending);
  REQUIRE(collector.calls == collector.records.size());
  return std::move(collector.records);
}

Result commit(Store& store, Batch batch) {
  auto promise = std::make_shared<std::promise<Result>>();
  auto answer = promise->get_future();
  store.commit(std::move(batch), [promise](const Result& result) { promise->set_value(result); });
  REQUIRE(answer.wait_for(patience) == std::future_status::ready);
  return answer.get();
}

ReadAnswer read(Store& store, RecordId id, std::uint64_t offset, std::size_t size) {
  auto promise = std::make_shared<std::promise<ReadAnswer>>();
  auto answer = promise->get_future();
  store.read(id, offset, size, [promise](const Result& result, Blob bytes) {
    promise->set_value({result, std::move(bytes)});
  });
  REQUIRE(answer.wait_for(patience) == std::future_status::ready);
  return answer.get();
}

void Count::add() {
  {
    const std::lock_guard lock(mutex_);
    ++count_;
  }
  changed_.notify_all();
}
void Count::wait_for(int wanted) {
  std::unique_lock lock(mutex_);
  REQUIRE(changed_.wait_for(lock, patience, [&] { return count_ >= wanted; }));
}

std::string error_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::storage_error);
    return error.what();
  }
  FAIL("no error was thrown");
  return {};
}

LmdbOptions options_for(const std::filesystem::path& folder) {
  LmdbOptions options;
  options.folder = folder;
  options.map_initial = 128 << 10;
  options.journal_bytes = 1 << 20;
  return options;
}

std::string text_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace parvis::storage::test
