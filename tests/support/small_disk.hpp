// A file system that is really small, or full: a tmpfs mounted over a folder for as long as this lives. Needs root;
// where it cannot be mounted it warns, and is false.
#pragma once

#include <sys/mount.h>

#include <catch2/catch.hpp>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

namespace parvis::test {

class SmallDisk {
 public:
  SmallDisk(std::filesystem::path folder, const char* size) : path_(std::move(folder)) {
    const std::string options = std::string("size=") + size;
    mounted_ = ::mount("tmpfs", path_.c_str(), "tmpfs", 0, options.c_str()) == 0;
    if (!mounted_) WARN("skipped: mounting a small tmpfs needs root: " << std::strerror(errno));
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  explicit operator bool() const { return mounted_; }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] bool remount(bool read_only) const {
    const unsigned long flags = MS_REMOUNT | (read_only ? static_cast<unsigned long>(MS_RDONLY) : 0UL);
    return ::mount(nullptr, path_.c_str(), nullptr, flags, nullptr) == 0;
  }
  [[nodiscard]] bool grow(const char* size) const {
    const std::string options = std::string("size=") + size;
    return ::mount(nullptr, path_.c_str(), nullptr, MS_REMOUNT, options.c_str()) == 0;
  }
  void fill() const {  // somebody else takes all that is left
    std::ofstream hog(path_ / "hog", std::ios::binary);
    const std::string block(4096, 'x');
    while (hog.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
    }
  }
  void relieve() const { std::filesystem::remove(path_ / "hog"); }

 private:
  std::filesystem::path path_;
  bool mounted_ = false;
};

}  // namespace parvis::test
