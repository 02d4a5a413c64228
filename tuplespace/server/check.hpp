// `parvis check`: is a data folder sound? One thread; nothing is changed.
#pragma once

#include <cstdint>
#include <filesystem>

namespace parvis::server {

struct Checked {
  bool has_journal = false;  // false: of an older format, or without any data
  std::uint64_t records = 0, bytes = 0, journal_entries = 0, orphans = 0;                 // as storage sees it
  std::uint64_t tuples = 0, tuple_bytes = 0, sessions = 0, transactions = 0, starts = 0;  // as the space does
};

// Reads everything, compares every checksum, and builds the space in memory. Throws Error{storage_error} that names
// what is damaged, or says that the folder is in use.
Checked check(const std::filesystem::path& folder);

}  // namespace parvis::server
