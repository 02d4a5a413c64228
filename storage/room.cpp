#include "storage/room.hpp"

#include <algorithm>

namespace parvis::storage {
namespace {

std::uint64_t headroom_of(std::uint64_t whole, std::uint64_t at_most) { return std::min(whole / 100 * 15, at_most); }
std::uint64_t above(std::uint64_t a, std::uint64_t b) { return a > b ? a - b : 0; }

}  // namespace

Usage room(const Extent& extent, const FileSystem& file_system, const RoomLimits& limits) {
  Usage usage;
  usage.bytes_used = above(extent.used, extent.free_within);
  const std::uint64_t on_map = above(limits.map, usage.bytes_used);
  // What the file holds and does not use is room as well: free pages, and blocks set aside behind the last page.
  const std::uint64_t on_disk = file_system.available + above(extent.allocated, usage.bytes_used);
  usage.bytes_available = std::min(on_map, on_disk);
  usage.nearly_full = on_map < headroom_of(limits.map, limits.headroom) ||
                      on_disk < headroom_of(file_system.used + file_system.available, limits.headroom);
  return usage;
}

}  // namespace parvis::storage
