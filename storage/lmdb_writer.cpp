#include "storage/lmdb_writer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <exception>
#include <optional>

#include "storage/little.hpp"
#include "tuplespace/model/error.hpp"

namespace parvis::storage {
namespace {

constexpr std::uint32_t chunks_per_transaction = 32;  // 8 MiB
constexpr std::uint32_t chunks_erased_at_once = 256;
constexpr std::uint64_t largest_on_leaf = 2000;  // a larger entry has pages of its own
constexpr std::uint64_t transaction_overhead = 16 * page_bytes;
constexpr std::uint64_t put_by_a_take = 64 * 1024;
constexpr std::chrono::minutes reader_check_interval{1};

bool is_large(const Change& change) { return change.record && change.record->size() > whole_bytes; }

std::uint64_t bytes_on_disk(std::size_t record) {
  constexpr std::uint64_t entry_overhead = frame_bytes + sizeof(RecordKey) + 12;
  if (record > whole_bytes) return page_bytes;
  if (record <= largest_on_leaf) return record + entry_overhead;
  return (record + entry_overhead + page_bytes) / page_bytes * page_bytes;
}

// Puts and erases in the table of records, in the order of a batch.
class Records {
 public:
  Records(lmdb::Transaction& transaction, lmdb::Table table) : cursor_(transaction, table) {
    if (const auto last = cursor_.last()) {
      any_ = true;
      greatest_ = record_of(last->key);
    }
  }

  // The body that no longer belongs to a record, if there is one.
  std::optional<BodyId> put(RecordId id, Kind kind, ByteSpan payload) {
    const RecordKey key = record_key(id);
    const std::size_t size = frame_bytes + payload.size();
    if (!any_ || id > greatest_) {  // pages fill up when keys are appended, and stay half empty otherwise
      any_ = true;
      greatest_ = id;
      write_frame(cursor_.append(key, size), key, kind, payload);
      return {};
    }
    const auto entry = cursor_.find(key);
    const std::optional<BodyId> replaced = entry ? body_in(key, *entry) : std::nullopt;
    write_frame(cursor_.put(key, size), key, kind, payload);
    return replaced;
  }

  std::optional<BodyId> erase(RecordId id) {
    if (!any_ || id > greatest_) return {};
    const RecordKey key = record_key(id);
    const auto entry = cursor_.find(key);
    if (!entry) return {};
    const std::optional<BodyId> body = body_in(key, *entry);
    cursor_.erase();
    return body;
  }

 private:
  static std::optional<BodyId> body_in(const RecordKey& key, const lmdb::Entry& entry) {
    if (entry.value.size() != frame_bytes + ChunkedHead::bytes) return {};
    const auto frame = read_frame(key, entry.value);
    if (!frame || frame->kind != Kind::chunked) return {};
    const auto head = ChunkedHead::parse(frame->payload);
    return head ? std::optional(head->body) : std::nullopt;
  }

  lmdb::Cursor cursor_;
  bool any_ = false;
  RecordId greatest_ = 0;
};

constexpr std::string_view followed_key = "journal";  // in the table of state: the last entry that is in the others

std::uint64_t number_in(const LmdbFile& file, std::optional<ByteSpan> value) {
  if (!value) return 0;
  const auto frame = read_frame(as_bytes(followed_key), *value);
  if (frame && frame->payload.size() == sizeof(std::uint64_t)) return get_little<std::uint64_t>(frame->payload.data());
  throw Error(ErrorCode::storage_error,
              fmt::format("{}: what it says of the journal is damaged; restore the folder from a backup or a dump, or "
                          "move it away to start empty.",
                          file.path().string()));
}

}  // namespace

LmdbWriter::LmdbWriter(LmdbFile& file)
    : file_(file), next_reader_check_(std::chrono::steady_clock::now() + reader_check_interval) {
  file_.read([this](lmdb::Transaction& transaction) {
    followed_ = number_in(file_, transaction.get(file_.state(), as_bytes(followed_key)));
    next_body_ = next_body(transaction, file_.bodies());
    lmdb::Cursor cursor(transaction, file_.records());
    if (const auto last = cursor.last()) greatest_ = record_of(last->key);
  });
}

std::vector<Result> LmdbWriter::write(std::span<const Batch> group) {
  check_readers();
  std::vector<Job> jobs;
  for (const Batch& batch : group) jobs.push_back({&batch, {}, {}});
  std::vector<Job*> ready;
  for (Job& job : jobs) {
    job.result = write_bodies(job);
    if (job.result.outcome == Outcome::ok) ready.push_back(&job);
  }
  write_batches(ready);
  std::vector<Result> results;
  std::vector<BodyId> unused;
  for (Job& job : jobs) {
    if (job.result.outcome != Outcome::ok) {
      for (const ChunkedHead& head : job.heads) unused.push_back(head.body);
    }
    results.push_back(std::move(job.result));
  }
  collect(unused);
  return results;
}

Result LmdbWriter::write_bodies(Job& job) {
  for (const Change& change : *job.batch) {
    if (!is_large(change)) continue;
    if (const auto head = take_ahead(*change.record)) {
      job.heads.push_back(*head);
      continue;
    }
    job.heads.push_back(new_head(change.record->size()));
    Result result = write_body(job.heads.back(), change.record->span());
    if (result.outcome != Outcome::ok) return result;
  }
  return {};
}

Result LmdbWriter::write_body(const ChunkedHead& head, ByteSpan record) {
  Result result;
  for (std::uint32_t next = 0; result.outcome == Outcome::ok && next * std::uint64_t{chunk_bytes} < record.size();)
    result = write_slice(head, record, next);
  return result;
}

Result LmdbWriter::write_slice(const ChunkedHead& head, ByteSpan record, std::uint32_t& next) {
  const std::uint64_t rest = record.size() - next * std::uint64_t{chunk_bytes};
  const std::uint64_t now = std::min<std::uint64_t>(rest, chunks_per_transaction * std::uint64_t{chunk_bytes});
  std::uint32_t then = next;
  Result result = transact({now + now / 32 + transaction_overhead, Purpose::put}, [&](auto& transaction) {
    then = write_chunks(transaction, file_.bodies(), head.body, record, next, chunks_per_transaction);
  });
  if (result.outcome == Outcome::ok) next = then;
  return result;
}

ChunkedHead LmdbWriter::begin_ahead(const Blob& record) {
  drop_unused_ahead();
  ahead_.push_back({record.owner(), record.data(), new_head(record.size())});
  return ahead_.back().head;
}

void LmdbWriter::end_ahead(const ChunkedHead& head, bool is_whole) {
  const auto is_this = [&](const Ahead& ahead) { return ahead.head.body == head.body; };
  const auto ahead = std::find_if(ahead_.begin(), ahead_.end(), is_this);
  ahead->whole = is_whole;
  if (is_whole) return;
  ahead_.erase(ahead);
  collect({head.body});
}

std::optional<ChunkedHead> LmdbWriter::take_ahead(const Blob& record) {
  const auto ahead = std::find_if(ahead_.begin(), ahead_.end(), [&](const Ahead& a) {
    return a.whole && a.bytes == record.data() && a.head.size == record.size() && a.owner.lock() == record.owner();
  });
  if (ahead == ahead_.end()) return {};
  const ChunkedHead head = ahead->head;
  ahead_.erase(ahead);
  return head;
}

void LmdbWriter::drop_unused_ahead() {
  std::vector<BodyId> unused;
  std::erase_if(ahead_, [&](const Ahead& ahead) {
    const bool nobodys = ahead.whole && ahead.owner.expired();
    if (nobodys) unused.push_back(ahead.head.body);
    return nobodys;
  });
  if (!unused.empty()) collect(unused);
}

void LmdbWriter::collect_found(std::vector<BodyId> orphans) {
  for (const Ahead& ahead : ahead_) std::erase(orphans, ahead.head.body);
  collect(orphans);
}

void LmdbWriter::write_batches(std::span<Job*> jobs) {
  if (jobs.empty()) return;
  const Result together = write_together(jobs);
  if (together.outcome == Outcome::full && jobs.size() > 1) {
    for (Job*& job : jobs) job->result = write_together({&job, 1});
  } else {
    for (Job* job : jobs) job->result = together;
  }
}

Result LmdbWriter::write_together(std::span<Job* const> jobs) {
  Cost cost{transaction_overhead, Purpose::erase};
  for (const Job* job : jobs) {
    const Cost one = cost_of(*job->batch);
    cost.bytes += one.bytes;
    cost.purpose = std::min(cost.purpose, one.purpose);  // the one that may least
  }
  std::vector<BodyId> replaced;
  Result result = transact(cost, [&](lmdb::Transaction& transaction) { apply(transaction, jobs, replaced); });
  if (result.outcome != Outcome::ok) return result;
  collect(replaced);
  for (const Job* job : jobs) note_greatest(*job->batch);
  return result;
}

void LmdbWriter::note_greatest(const Batch& batch) {
  for (const Change& change : batch) greatest_ = std::max(greatest_, change.record ? change.id : 0);
}

std::uint64_t LmdbWriter::bytes_for(const Batch& batch) {
  std::uint64_t bytes = 0;
  for (const Change& change : batch) bytes += change.record ? bytes_on_disk(change.record->size()) : 0;
  return bytes;
}

Result LmdbWriter::follow(std::uint64_t number, const Batch& batch) {
  check_readers();
  Job job{&batch, {}, {}};
  Job* const jobs[] = {&job};
  std::vector<BodyId> replaced;
  const Cost cost{transaction_overhead + bytes_for(batch), Purpose::erase};
  Result result = run(cost, [&](lmdb::Transaction& transaction) {
    apply(transaction, jobs, replaced);
    write_followed(transaction, number);
  });
  if (result.outcome != Outcome::ok) return result;
  followed_ = number;
  collect(replaced);
  note_greatest(batch);
  return result;
}

LmdbWriter::Cost LmdbWriter::cost_of(const Batch& batch) const {
  Cost cost;
  bool anything_new = false;
  for (const Change& change : batch) {
    if (!change.record) continue;
    cost.bytes += bytes_on_disk(change.record->size());
    anything_new = anything_new || change.id > greatest_;
  }
  const bool little = cost.bytes <= put_by_a_take;
  cost.purpose = !little ? Purpose::put : anything_new ? Purpose::take : Purpose::erase;
  return cost;
}

void LmdbWriter::apply(lmdb::Transaction& transaction, std::span<Job* const> jobs, std::vector<BodyId>& replaced) {
  replaced.clear();
  Records records(transaction, file_.records());
  for (const Job* job : jobs) {
    auto head = job->heads.begin();
    for (const Change& change : *job->batch) {
      std::optional<BodyId> body;
      if (!change.record) {
        body = records.erase(change.id);
      } else if (is_large(change)) {
        body = records.put(change.id, Kind::chunked, (head++)->pack());
      } else {
        body = records.put(change.id, Kind::whole, change.record->span());
      }
      if (body) replaced.push_back(*body);
    }
  }
}

Result LmdbWriter::transact(const Cost& cost, const Apply& apply) {
  Result result = run(cost, apply);
  if (result.outcome == Outcome::ok) ++transactions_;
  return result;
}

Result LmdbWriter::run(const Cost& cost, const Apply& apply) {
  if (!failure_.empty()) return {Outcome::failed, failure_};
  try {
    for (;;) {
      const bool may_extend = make_room(cost);  // NOLINT(clang-analyzer-deadcode.DeadStores): read after a failure
      try {
        lmdb::Transaction transaction(file_.environment(), lmdb::Access::write);
        apply(transaction);
        transaction.commit();
        file_.note_used();
        freed_last_ = true;
        return {};
      } catch (const lmdb::Failure& failure) {
        if (failure.disk_full() || (failure.io_error() && file_.is_disk_full())) return full("the file system is full");
        if (!failure.map_full()) throw;
      }
      if (!may_extend && !age_free_pages()) return full("the file system is full");
      if (may_extend && !file_.grow(file_.info().used_bytes + cost.bytes, cost.purpose))
        return full("its limit is reached");
    }
  } catch (const std::exception& failure) {
    return fail(failure.what());
  }
}

// False: the disk is full and this is no erasing, so that it may write only to pages that became free.
bool LmdbWriter::make_room(const Cost& cost) {
  file_.keep_to_limit(cost.purpose);
  if (!file_.reserve(cost.bytes, cost.purpose)) {
    file_.keep_to_used();
    return false;
  }
  const lmdb::Info now = file_.info();
  const std::uint64_t wanted = now.used_bytes + cost.bytes;
  if (wanted > now.map_bytes) file_.grow(wanted, cost.purpose);
  return true;
}

// What a transaction frees, LMDB gives to the next but one. False: nothing is to be gained by another.
bool LmdbWriter::age_free_pages() {
  if (!freed_last_) return false;
  const Result result = run({transaction_overhead, Purpose::erase}, [&](auto& t) { write_followed(t, followed_); });
  freed_last_ = false;
  return result.outcome == Outcome::ok;
}

void LmdbWriter::write_followed(lmdb::Transaction& transaction, std::uint64_t number) {
  std::array<std::byte, sizeof number> payload{};
  put_little(payload.data(), number);
  lmdb::Cursor state(transaction, file_.state());
  const ByteSpan key = as_bytes(followed_key);
  write_frame(state.put(key, frame_bytes + payload.size()), key, Kind::whole, payload);
}

Result LmdbWriter::full(const char* what) const {
  return {Outcome::full, fmt::format("No room in {}: {}; take tuples, make room on the disk or raise the limit.",
                                     file_.path().string(), what)};
}

Result LmdbWriter::fail(const std::string& what) {
  failure_ =
      fmt::format("Writing {} failed: {}; nothing is written until the server has been restarted. Check the disk.",
                  file_.path().string(), what);
  try {
    file_.reopen_to_read();
  } catch (const std::exception& failure) {
    failure_ += fmt::format(" Reading failed as well: {}.", failure.what());
  }
  return {Outcome::failed, failure_};
}

void LmdbWriter::collect(const std::vector<BodyId>& orphans) {
  const std::lock_guard lock(orphans_mutex_);
  orphans_.insert(orphans_.end(), orphans.begin(), orphans.end());
}

bool LmdbWriter::tidy() {
  drop_unused_ahead();
  std::vector<BodyId> some;
  {
    const std::lock_guard lock(orphans_mutex_);
    const auto count = std::min<std::size_t>(orphans_.size(), chunks_erased_at_once);
    some.assign(orphans_.begin(), orphans_.begin() + static_cast<std::ptrdiff_t>(count));
  }
  if (some.empty()) return false;
  std::size_t gone = 0;
  const Result result = transact({transaction_overhead, Purpose::erase}, [&](lmdb::Transaction& transaction) {
    gone = 0;
    std::uint32_t budget = chunks_erased_at_once;
    while (gone < some.size() && erase_chunks(transaction, file_.bodies(), some[gone], budget)) ++gone;
  });
  if (result.outcome != Outcome::ok) return false;  // tried again after the next group, and found again by recovery
  const std::lock_guard lock(orphans_mutex_);
  orphans_.erase(orphans_.begin(), orphans_.begin() + static_cast<std::ptrdiff_t>(gone));
  return !orphans_.empty();
}

// Nobody else reads our file, but people run LMDB's tools on it, and a reader that was killed would keep pages for
// ever.
void LmdbWriter::check_readers() {
  const auto now = std::chrono::steady_clock::now();
  if (now < next_reader_check_ || !failure_.empty()) return;
  next_reader_check_ = now + reader_check_interval;
  try {
    file_.environment().clear_stale_readers();
  } catch (const lmdb::Failure& failure) {
    fail(failure.what());
  }
}

}  // namespace parvis::storage
