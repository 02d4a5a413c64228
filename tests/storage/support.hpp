// What the storage tests share: folders that vanish, stores driven synchronously, waits with a deadline.
#pragma once

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "storage/lmdb_store.hpp"
#include "storage/memory_store.hpp"
#include "storage/store.hpp"

namespace parvis::storage::test {

inline constexpr std::chrono::seconds patience{60};

class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::filesystem::path data() const { return path_ / "data"; }

 private:
  std::filesystem::path path_;
};

Blob text(std::string_view bytes);
Blob random_blob(std::size_t size, std::uint64_t seed);
std::string str(const Blob& blob);
std::string text_of(const std::filesystem::path& file);

inline Change put(RecordId id, std::string_view bytes) { return {id, text(bytes)}; }
inline Change put(RecordId id, Blob bytes) { return {id, std::move(bytes)}; }
inline Change erase(RecordId id) { return {id, {}}; }

using Records = std::map<RecordId, Blob>;

// Recovers, and requires that ids ascend.
Records recover(Store& store);

// Commits and waits for the answer.
Result commit(Store& store, Batch batch);
struct ReadAnswer {
  Result result;
  Blob bytes;
};
ReadAnswer read(Store& store, RecordId id, std::uint64_t offset, std::size_t size);

// A count that many threads raise and one waits for.
class Count {
 public:
  void add();
  void wait_for(int wanted);  // fails the test after `patience`
 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int count_ = 0;
};

// The text of the Error that `call` throws; fails the test when it throws none.
std::string error_of(const std::function<void()>& call);

LmdbOptions options_for(const std::filesystem::path& folder);  // with a small map, so that growth is tried everywhere

}  // namespace parvis::storage::test
