// CRC-32C (Castagnoli, as iSCSI and ext4 use it): by the processor's instruction where it has one, else by tables.
// Pure functions; any thread.
#pragma once

#include <cstdint>

#include "tuplespace/model/bytes.hpp"

namespace parvis::storage {

// `before` is the checksum of the bytes in front: crc32c(ab) == crc32c(b, crc32c(a)).
std::uint32_t crc32c(ByteSpan bytes, std::uint32_t before = 0);

std::uint32_t crc32c_by_tables(ByteSpan bytes, std::uint32_t before = 0);  // what crc32c falls back on

}  // namespace parvis::storage
