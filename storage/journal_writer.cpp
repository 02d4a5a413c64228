#include "storage/journal_writer.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace parvis::storage {

namespace {
bool has_large(const Batch& batch) {
  return std::any_of(batch.begin(), batch.end(),
                     [](const Change& change) { return change.record && change.record->size() > whole_bytes; });
}
}  // namespace

std::vector<Result> JournalWriter::write(std::span<const Batch> group) {
  std::vector<Result> results;
  while (results.size() < group.size()) {
    const std::span<const Batch> rest = group.subspan(results.size());
    if (!failure_.empty()) {
      results.push_back({Outcome::failed, failure_});
      continue;
    }
    const Entry entry = next_entry(rest);
    if (!entry.batches.empty()) {
      const Result result = write_entry(entry);
      if (result.outcome != Outcome::full) {
        results.insert(results.end(), entry.batches.size(), result);
        continue;
      }
    }
    const std::size_t count = std::max<std::size_t>(entry.batches.size(), 1);
    if (const Result synced = sync(); synced.outcome != Outcome::ok) continue;  // LMDB is never ahead
    for (Result& result : follower_.write_now(rest.first(count))) {
      if (result.outcome == Outcome::failed) failure_ = result.text;
      results.push_back(std::move(result));
    }
  }
  return results;
}

// For LMDB.
bool JournalWriter::may_wait(const Batch& batch) {
  return has_large(batch) || !journal_.has_room_for(Journal::payload_of(batch)) || !follower_.have_room_for(batch);
}

JournalWriter::Entry JournalWriter::next_entry(std::span<const Batch> rest) {
  Entry entry;
  for (const Batch& batch : rest) {
    const std::uint64_t payload = entry.payload + Journal::payload_of(batch);
    if (!journal_.takes(payload) || has_large(batch) || !follower_.have_room_for(batch)) break;
    entry.payload = payload;
    entry.batches.push_back(&batch);
  }
  return entry;
}

// `full`: the journal cannot take it, LMDB perhaps.
Result JournalWriter::write_entry(const Entry& entry) {
  if (entry.payload == 0) return {};
  try {
    if (!journal_.has_room_for(entry.payload)) {
      if (Result synced = sync(); synced.outcome != Outcome::ok) return synced;
      if (!follower_.wait_for(journal_.last_of_next_segment())) return {Outcome::full, {}};
    }
    const std::uint64_t number = journal_.append(entry.batches, entry.payload, follower_.applied());
    for (const Batch* batch : entry.batches) follower_.take(number, *batch);
    return {};
  } catch (const JournalFailure& failure) {
    if (failure.disk_full()) return {Outcome::full, {}};
    return fail(failure.what());
  }
}

Result JournalWriter::sync() {
  if (!failure_.empty()) return {Outcome::failed, failure_};
  if (journal_.is_synced()) return {};
  try {
    journal_.sync();
    follower_.synced();
    ++syncs_;
    return {};
  } catch (const JournalFailure& failure) {
    return fail(failure.what());
  }
}

Result JournalWriter::fail(const std::string& what) {
  failure_ = fmt::format("Writing the journal failed: {}; nothing is written until the server has been restarted. "
                         "Check the disk.",
                         what);
  follower_.forget();
  return {Outcome::failed, failure_};
}

}  // namespace parvis::storage
