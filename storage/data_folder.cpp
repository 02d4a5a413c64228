#include "storage/data_folder.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "storage/file.hpp"
#include "tuplespace/model/error.hpp"

namespace parvis::storage {
namespace {

namespace fs = std::filesystem;

constexpr int format = 2;
constexpr int oldest_format = 1;  // that open_lmdb converts
constexpr std::string_view first_line = "Parvis data folder";

template <class... Parts>
[[noreturn]] void refuse(fmt::format_string<Parts...> text, Parts&&... parts) {
  throw Error(ErrorCode::storage_error, fmt::format(text, std::forward<Parts>(parts)...));
}

[[noreturn]] void refuse_access(const fs::path& path, int error) {
  const char* way_out = error == EACCES || error == EPERM ? "give this user the right to write there"
                        : error == ENOSPC                 ? "make room on its file system"
                        : error == EROFS                  ? "its file system is mounted read-only"
                                                          : "check the disk and the path";
  refuse("The data folder cannot be used: {}: {}; {}, or choose another folder.", path.string(), std::strerror(error),
         way_out);
}

// The type of the mount `path` is on: the line of mountinfo "id parent major:minor root mount options… - type …".
std::string mount_type(const fs::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) refuse_access(path, errno);
  const std::string device = fmt::format("{}:{}", major(status.st_dev), minor(status.st_dev));
  std::ifstream mounts("/proc/self/mountinfo");
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream words(line);
    std::string id, parent, of, word;
    words >> id >> parent >> of;
    if (of != device) continue;
    while (words >> word && word != "-") {
    }
    words >> word;
    return word;
  }
  return {};
}

void check_file_system(const fs::path& path) {
  struct statfs status {};
  if (::statfs(path.c_str(), &status) != 0) refuse_access(path, errno);
  const auto name = network_file_system(static_cast<unsigned long>(status.f_type), mount_type(path));
  if (name) {
    refuse(
        "The data folder {} is on a network file system ({}), where locks and memory maps cannot be trusted: choose a "
        "folder on a local disk.",
        path.string(), *name);
  }
}

void make_folder(const fs::path& path) {
  std::error_code error;
  if (fs::is_directory(path, error)) return;
  if (path.has_parent_path()) fs::create_directories(path.parent_path(), error);
  if (::mkdir(path.c_str(), 0700) == 0) return;
  if (errno == EEXIST) refuse("The data folder {} is a file: choose another path.", path.string());
  refuse_access(path, errno);
}

// What may stand in a new folder: remains of an interrupted start, and what its owner put there before.
bool may_be_there(const fs::path& name, std::span<const std::string_view> files_of_owner) {
  const std::string text = name.string();
  return text == "lock" || text == "META.new" ||
         std::find(files_of_owner.begin(), files_of_owner.end(), text) != files_of_owner.end();
}

}  // namespace

DataFolder::DataFolder(fs::path folder, std::span<const std::string_view> files_of_owner) : path_(std::move(folder)) {
  make_folder(path_);
  if (::access(path_.c_str(), R_OK | W_OK | X_OK) != 0) refuse_access(path_, errno);
  check_file_system(path_);
  lock();
  read_meta(files_of_owner);
}

// The lock comes before anything is written, and the file stays when it is released: to remove it would let two servers
// hold locks on two files of one name.
void DataFolder::lock() {
  const fs::path file = path_ / "lock";
  lock_ = Descriptor(file, O_RDWR | O_CREAT);
  if (!lock_.is_open()) refuse_access(file, errno);
  std::array<char, 24> owner{};
  if (::flock(lock_.number(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) refuse_access(file, errno);
    const ssize_t size = ::pread(lock_.number(), owner.data(), owner.size() - 1, 0);
    const std::string_view pid(owner.data(), size > 0 ? std::strcspn(owner.data(), " \n") : 0);
    refuse(
        "The data folder {} is in use by another Parvis server (process {}): stop that one, or choose another folder.",
        path_.string(), pid.empty() ? "unknown" : pid);
  }
  // The number only helps the message above, and a full disk must not keep a server from starting (its users make room
  // by taking), so a failure here is no reason to refuse. The width is fixed, so that rewriting it needs no room.
  const std::string pid = fmt::format("{:<19}\n", ::getpid());
  [[maybe_unused]] const ssize_t written = ::pwrite(lock_.number(), pid.data(), pid.size(), 0);
}

void DataFolder::read_meta(std::span<const std::string_view> files_of_owner) {
  std::string text;
  const int error = read_file(path_ / "META", text);
  if (error != 0 && error != ENOENT) refuse_access(path_ / "META", error);
  if (error == ENOENT) {
    for (const fs::directory_entry& entry : fs::directory_iterator(path_)) {
      if (may_be_there(entry.path().filename(), files_of_owner)) continue;
      refuse(
          "The folder {} is not a Parvis data folder (it has no META, but other files such as {}): choose an empty or "
          "a new folder.",
          path_.string(), entry.path().filename().string());
    }
    return write_meta("none");
  }
  std::istringstream file(text);
  std::string title, word, data;
  int found = 0;
  std::getline(file, title);
  if (title != first_line || !(file >> word >> found) || word != "format") {
    refuse("The folder {} is not a Parvis data folder (its META is not ours): choose an empty or a new folder.",
           path_.string());
  }
  if (found > format) {
    refuse("The data folder {} was written by a newer Parvis (format {}, this one reads {}): use that version.",
           path_.string(), found, format);
  }
  if (found < oldest_format) {
    refuse("The data folder {} was written by an older Parvis (format {}, this one reads {}): dump it with the version "
           "that wrote it and restore the dump into a new folder.",
           path_.string(), found, format);
  }
  if (!(file >> word >> data) || word != "data" || (data != "none" && data != "lmdb")) {
    refuse("META in the data folder {} is damaged: restore the folder from a backup.", path_.string());
  }
  has_data_ = data == "lmdb";
  is_current_ = found == format;
}

// A crash leaves the old META or the new one, never half of one.
void DataFolder::write_meta(const char* data) {
  const std::string text = fmt::format("{}\nformat {}\ndata {}\n", first_line, format, data);
  const fs::path file = path_ / "META";
  const fs::path fresh = path_ / "META.new";
  const int error = replace_file(fresh, file, text);
  if (error != 0) refuse_access(file, error);
}

void DataFolder::set_has_data() {
  write_meta("lmdb");
  has_data_ = is_current_ = true;
}

std::optional<std::string_view> network_file_system(unsigned long kind, std::string_view mount_type) {
  struct Known {
    unsigned long kind;
    std::string_view name;
  };
  static constexpr std::array<Known, 14> kinds{{{0x6969, "NFS"},
                                                {0x517b, "SMB"},
                                                {0xff534d42, "CIFS"},
                                                {0xfe534d42, "SMB2"},
                                                {0x564c, "NCP"},
                                                {0x5346414f, "AFS"},
                                                {0x6b414653, "AFS"},
                                                {0x73757245, "Coda"},
                                                {0x00c36400, "Ceph"},
                                                {0x0bd00bd0, "Lustre"},
                                                {0x47504653, "GPFS"},
                                                {0x01021997, "9P"},
                                                {0x7461636f, "OCFS2"},
                                                {0x01161970, "GFS2"}}};
  // FUSE is no sign by itself: encrypted home folders and NTFS disks are local and come that way too.
  static constexpr std::array<std::string_view, 8> through_fuse{"sshfs",  "glusterfs", "ceph", "s3fs",
                                                                "rclone", "davfs",     "cifs", "nfs"};
  const auto known =
      std::find_if(kinds.begin(), kinds.end(), [kind](const Known& one) { return one.kind == (kind & 0xffffffffUL); });
  if (known != kinds.end()) return known->name;
  if (!mount_type.starts_with("fuse.")) return {};
  for (const std::string_view name : through_fuse) {
    if (mount_type.find(name) != std::string_view::npos) return name;
  }
  return {};
}

}  // namespace parvis::storage
