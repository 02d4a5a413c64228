// data.mdb, opened: the environment, its three tables, and how the file grows.
//
// Growing. The map is resized while no transaction is open, which is what `read` and the writer's own discipline are
// for. The file is made as long as the map at once (sparse, synced), so that a file shorter than its last page can only
// be one that was truncated: LMDB would die of SIGBUS on it, we refuse it at open.
//
// Reserve. Some blocks behind the last page are always set aside (fallocate). Puts must leave them alone and small puts
// half of them; erasing may use all, and so succeeds on a full disk (LMDB never overwrites a page: it needs a few new
// ones to erase).
//
// Threads: read, extent and has_room_for from any; everything else from the one that writes LMDB just now.
#pragma once

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>

#include "storage/lmdb.hpp"
#include "storage/lmdb_store.hpp"
#include "storage/room.hpp"

namespace parvis::storage {

inline constexpr std::uint64_t page_bytes = 4096;  // what LMDB takes where the system has pages of that size

class LmdbFile {
 public:
  // Throws Error{storage_error}, see open_lmdb.
  LmdbFile(DataFolder& folder, const LmdbOptions& options);

  // Runs use(transaction) in a read transaction of at most a few milliseconds (recovery apart, when nobody writes).
  template <class Use>
  auto read(Use&& use) {
    const std::shared_lock lock(open_transactions_);
    if (!environment_) throw lmdb::Failure("the file could not be opened again after a failure", EIO);
    lmdb::Transaction transaction(*environment_, lmdb::Access::read);
    return use(transaction);
  }
  [[nodiscard]] std::optional<Extent> extent() const;  // nothing while the file is being resized: ask again later

  [[nodiscard]] lmdb::Info info() const { return environment_->info(); }
  lmdb::Environment& environment() { return *environment_; }
  [[nodiscard]] lmdb::Table records() const { return records_; }
  [[nodiscard]] lmdb::Table bodies() const { return bodies_; }
  [[nodiscard]] lmdb::Table state() const { return state_; }
  [[nodiscard]] std::filesystem::path path() const { return folder_ / "data.mdb"; }

  // What a transaction is for decides how near to the end of disk and map it may go: full must be able to become less
  // full. erase: it erases records or replaces small ones (who takes a tuple leaves a note in a record there is);
  // take: it may put a few small ones (a claim); put: anything.
  enum class Purpose { put, take, erase };
  // Makes the map able to hold `wanted` bytes, or as many as it may. False: it did not grow.
  bool grow(std::uint64_t wanted, Purpose purpose);
  void keep_to_limit(Purpose purpose);  // takes back what another purpose was allowed beyond it
  void keep_to_used();  // a transaction then takes free pages or fails, and leaves what lies behind them alone
  // Sets blocks aside for `bytes` more, and behind them the reserve or the part of it that this purpose must leave
  // alone. False: the disk is full.
  bool reserve(std::uint64_t bytes, Purpose purpose);
  // Whether there is hardly a block left. LMDB calls it an I/O error when of many pages some found no block; where it
  // was one, nothing is lost by trying again: LMDB itself refuses all else once a meta page could not be written.
  [[nodiscard]] bool is_disk_full() const;
  // Whether this many bytes of records, in so many changes, will surely fit: set aside for them, and neither the limit
  // nor the reserve is near. Any thread.
  bool has_room_for(std::uint64_t bytes, std::uint64_t changes);
  void note_used();  // after each transaction

  // After a failed sync: the environment is opened again for reading alone, at its last durable state. LMDB itself
  // would refuse even to read.
  void reopen_to_read();

 private:
  void open_environment(const LmdbOptions& options, bool has_data, bool is_current);
  void open_tables(lmdb::Access access);
  void resize(std::uint64_t map_bytes);
  [[nodiscard]] std::uint64_t ceiling(Purpose purpose) const;
  bool set_aside(std::uint64_t least);

  std::filesystem::path folder_;
  LmdbOptions options_;
  std::unique_ptr<lmdb::Environment> environment_;
  lmdb::Table records_ = 0;
  lmdb::Table bodies_ = 0;
  lmdb::Table state_ = 0;
  mutable std::shared_mutex open_transactions_;
  std::uint64_t reserve_ = 0;
  Descriptor blocks_;                        // data.mdb, to set blocks aside: LMDB's own may be closed meanwhile
  std::mutex blocks_mutex_;                  // held while blocks are set aside
  std::atomic<std::uint64_t> used_{0};       // up to the last page ever written
  std::atomic<std::uint64_t> allocated_{0};  // the file system has set aside this much from the start of the file
};

// What can be told of data.mdb without LMDB, which trusts the file. Throws Error{storage_error} when it is missing,
// empty, not LMDB's or shorter than its last page; else returns the bytes in use.
std::uint64_t check_data_file(const std::filesystem::path& file);

}  // namespace parvis::storage
