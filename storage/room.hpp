// How much room there is, and when puts should be refused so that takes always work. Pure; any thread.
#pragma once

#include <cstdint>

#include "storage/store.hpp"

namespace parvis::storage {

struct Extent {                   // of the data file
  std::uint64_t used = 0;         // bytes up to the last page ever written
  std::uint64_t free_within = 0;  // of these, free to be used again (the file never shrinks)
  std::uint64_t allocated = 0;    // bytes the file system has set aside for the file
};
struct FileSystem {
  std::uint64_t used = 0;
  std::uint64_t available = 0;  // to this user
};
struct RoomLimits {
  std::uint64_t map = 0;       // the file grows no further
  std::uint64_t headroom = 0;  // 15 % are kept free, but never more than this
};

// Fills in bytes_used, bytes_available and nearly_full.
Usage room(const Extent& extent, const FileSystem& file_system, const RoomLimits& limits);

}  // namespace parvis::storage
