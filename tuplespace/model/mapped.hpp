// Memory for a large run of bytes that arrives, with room in front: who keeps the bytes puts a head before them, and
// nothing is copied. Pages come as they are written.
#pragma once

#include <cstddef>
#include <memory>

#include "tuplespace/model/bytes.hpp"

namespace parvis {

inline constexpr std::size_t mapped_front = 4096;

// Null: there is no memory (errno tells why).
std::shared_ptr<std::byte> map_bytes(std::size_t size);
// The `size` bytes in front of a blob, for its only keeper to write. Null: it is not the whole of what map_bytes()
// gave, there is less room, or somebody has it already. Any thread, one at a time.
std::byte* take_front(const Blob& blob, std::size_t size);

}  // namespace parvis
