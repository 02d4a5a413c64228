// The durable store: a journal and, following it, one LMDB environment in a data folder; one writer thread with group
// commit, one thread that follows, one reader thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "storage/data_folder.hpp"
#include "storage/store.hpp"

namespace parvis::storage {

struct LmdbOptions {
  std::filesystem::path folder;
  std::uint64_t map_initial = std::uint64_t{64} << 20;  // the map, and with it the (sparse) file, starts so large ...
  double map_growth = 2.0;                              // ... and grows by this factor when it must, ...
  std::uint64_t map_limit = std::uint64_t{1} << 40;     // ... up to here
  // usage().nearly_full keeps 15 % of the file system and of map_limit free, but never more than this.
  std::uint64_t headroom_limit = std::uint64_t{8} << 30;
  // Of a new folder. As much as LMDB may lag behind: when it is full, commits wait.
  std::uint64_t journal_bytes = std::uint64_t{8} << 20;
};

// Opens the folder or makes it. Throws Error{storage_error} with one sentence that names the path and the way out: all
// that DataFolder throws; a data file or journal that is missing, truncated, not ours or damaged. What the journal
// holds and LMDB does not is written there before this returns.
std::unique_ptr<Store> open_lmdb(const LmdbOptions& options);
// In a folder that the caller has locked already (options.folder is not looked at). close() releases the store's share.
std::unique_ptr<Store> open_lmdb(std::shared_ptr<DataFolder> folder, const LmdbOptions& options);

}  // namespace parvis::storage
