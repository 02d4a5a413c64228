// Reading records back: all of them at recovery, parts of one later. Every byte handed out has passed its checksum.
// Threads: any, several at a time.
#pragma once

#include <utility>
#include <vector>

#include "storage/lmdb_file.hpp"
#include "storage/record.hpp"
#include "storage/store.hpp"

namespace parvis::storage {

class LmdbReader {
 public:
  explicit LmdbReader(LmdbFile& file) : file_(file) {}

  // Every record to the visitor, ascending; returns the bodies that belong to none. Throws Error{storage_error} naming
  // the first damaged record.
  std::vector<BodyId> recover(Visitor& visitor);
  // As Store::read, now. The answer to a record that is replaced meanwhile is of one version.
  std::pair<Result, Blob> read(RecordId id, std::uint64_t offset, std::size_t size);

 private:
  Blob whole(lmdb::Transaction& transaction, const lmdb::Entry& entry, std::vector<BodyId>& live) const;
  [[nodiscard]] std::string damaged(RecordId id) const;

  LmdbFile& file_;
};

}  // namespace parvis::storage
