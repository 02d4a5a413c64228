// A look at a data folder that nobody uses: everything is read and every checksum compared, and nothing is changed (the
// journal is not written to LMDB). Throws Error{storage_error} as open_lmdb does, and on the first damaged record.
#pragma once

#include <cstdint>
#include <filesystem>

#include "storage/store.hpp"

namespace parvis::storage {

struct Inspection {
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;            // of records
  std::uint64_t orphans = 0;          // large bodies that belong to no record: the next start collects them
  std::uint64_t journal_entries = 0;  // that the next start writes to LMDB
  bool has_journal = false;           // false: of format 1, which the next start converts
};

// Every live record goes to the visitor, ascending, as Store::recover would tell it.
Inspection inspect(const std::filesystem::path& folder, Visitor& visitor);

}  // namespace parvis::storage
