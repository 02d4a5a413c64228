// Where a group of batches goes: into the journal, behind which LMDB follows; or straight into LMDB, if it is so large
// that writing it twice would cost more than it saves, or disk or map are so full that only LMDB can tell exactly what
// still fits. After EIO or a failed sync of either nothing is written again.
//
// Threads: the committer's; syncs() from any.
#pragma once

#include <atomic>
#include <string>

#include "storage/committer.hpp"
#include "storage/follower.hpp"
#include "storage/journal.hpp"

namespace parvis::storage {

class JournalWriter final : public GroupWriter {
 public:
  JournalWriter(Journal& journal, Follower& follower) : journal_(journal), follower_(follower) {}

  std::vector<Result> write(std::span<const Batch> group) override;
  [[nodiscard]] bool may_wait(const Batch& batch) override;
  Result sync() override;

  [[nodiscard]] std::uint64_t syncs() const { return syncs_.load(std::memory_order_relaxed); }

 private:
  // The batches at the front of `rest` that become the next entry; none: the first goes straight to LMDB.
  struct Entry {
    std::vector<const Batch*> batches;
    std::uint64_t payload = 0;
  };
  Entry next_entry(std::span<const Batch> rest);
  Result write_entry(const Entry& entry);
  Result fail(const std::string& what);

  Journal& journal_;
  Follower& follower_;
  std::string failure_;  // not empty: nothing is written any more
  std::atomic<std::uint64_t> syncs_{0};
};

}  // namespace parvis::storage
