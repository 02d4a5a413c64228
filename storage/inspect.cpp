#include "storage/inspect.hpp"

#include <fmt/format.h>

#include <utility>

#include "storage/data_folder.hpp"
#include "storage/journal.hpp"
#include "storage/lmdb_file.hpp"
#include "storage/lmdb_reader.hpp"
#include "storage/lmdb_writer.hpp"
#include "storage/merge.hpp"
#include "tuplespace/model/error.hpp"

namespace parvis::storage {
namespace {

class Counting final : public Visitor {
 public:
  Counting(Visitor& visitor, Inspection& found) : visitor_(visitor), found_(found) {}
  void record(RecordId id, Blob bytes) override {
    ++found_.records;
    found_.bytes += bytes.size();
    visitor_.record(id, std::move(bytes));
  }

 private:
  Visitor& visitor_;
  Inspection& found_;
};

PendingChanges entries_of(const std::filesystem::path& folder, std::uint64_t applied, Inspection& found) {
  PendingChanges pending;
  Journal journal(folder);
  journal.replay(applied, [&](Batch&& batch) {
    ++found.journal_entries;
    for (Change& change : batch) pending.insert_or_assign(change.id, std::move(change.record));
  });
  return pending;
}

}  // namespace

Inspection inspect(const std::filesystem::path& folder, Visitor& visitor) {
  if (!std::filesystem::exists(folder / "META")) {
    throw Error(ErrorCode::storage_error,
                fmt::format("{} is not a Parvis data folder: it has no META.", folder.string()));
  }
  DataFolder data(folder);
  Inspection found;
  if (!data.has_data()) return found;
  found.has_journal = data.is_current();
  try {
    LmdbFile file(data, {});
    const LmdbWriter writer(file);
    PendingChanges pending;
    if (found.has_journal) pending = entries_of(folder, writer.followed(), found);
    Counting counting(visitor, found);
    Merge merge(counting, std::move(pending));
    found.orphans = LmdbReader(file).recover(merge).size();
    merge.finish();
  } catch (const lmdb::Failure& failure) {
    throw Error(ErrorCode::storage_error, fmt::format("{}: {}; check the disk, or restore the folder from a backup.",
                                                      folder.string(), failure.what()));
  } catch (const JournalFailure& failure) {
    throw Error(ErrorCode::storage_error, fmt::format("{}; check the disk and its rights.", failure.what()));
  }
  return found;
}

}  // namespace parvis::storage
