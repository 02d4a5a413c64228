// The folder of one space on disk: who may use it, and whether it is ours.
//
//   META      what the folder holds, as text: "Parvis data folder", "format 2", "data none|lmdb"
//   lock      held (flock) by the server that uses the folder; contains its process number
//   data.mdb  lock.mdb   LMDB's (storage/lmdb_file.hpp)
//   journal.N            what LMDB does not hold yet (storage/journal.hpp)
//
// Its owner may keep files of its own here (socket, token); those that may be there before the folder is one, it names.
// Not thread-safe; not used after fork.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "storage/file.hpp"

namespace parvis::storage {

class DataFolder {
 public:
  // Makes the folder (0700) and its META when there is none, and locks it for the life of this object. Throws
  // Error{storage_error} with one sentence that names the folder and the way out: in use, foreign, newer or older
  // format, on a network file system, not permitted, no room.
  explicit DataFolder(std::filesystem::path folder, std::span<const std::string_view> files_of_owner = {});
  DataFolder(const DataFolder&) = delete;
  DataFolder& operator=(const DataFolder&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] bool has_data() const { return has_data_; }
  [[nodiscard]] bool is_current() const { return is_current_; }  // else of an older format that can be converted
  void set_has_data();  // in the current format; from now on a missing or empty data file is an error

 private:
  void lock();
  void read_meta(std::span<const std::string_view> files_of_owner);
  void write_meta(const char* data);

  std::filesystem::path path_;
  Descriptor lock_;
  bool has_data_ = false;
  bool is_current_ = true;
};

// The name of the network or cluster file system, on which locks and memory maps cannot be trusted; nothing for a local
// one. `kind` is statfs's f_type; `mount_type` (as in /proc/self/mountinfo) tells those apart that come through FUSE.
std::optional<std::string_view> network_file_system(unsigned long kind, std::string_view mount_type);

}  // namespace parvis::storage
