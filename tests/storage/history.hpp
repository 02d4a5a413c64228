// A history that any process can compute: batch number n, and the records after the first n batches. Record 0 says how
// far the history has come, in the same batch, so a recovered store tells which state it must show.
#pragma once

#include <future>

#include "support.hpp"

namespace parvis::storage::test {

inline Batch batch_of(std::uint64_t n) {
  Batch batch{put(0, std::to_string(n))};
  for (std::uint64_t i = 0; i < 1 + n % 4; ++i) batch.push_back(put(n * 8 + i, random_blob(n * 37 % 3000, n * 8 + i)));
  if (n % 11 == 0) batch.push_back(put(n * 8 + 5, random_blob(300'000 + n % 7 * 100'000, n)));  // chunked
  if (n > 20) {
    for (std::uint64_t i = 0; i < 6; ++i) batch.push_back(erase((n - 20) * 8 + i));
  }
  if (n % 13 == 0) batch.push_back(put((n - 5) * 8, "replaced by " + std::to_string(n)));
  return batch;
}

inline Records state_after(std::uint64_t n) {
  Records records;
  for (std::uint64_t i = n > 60 ? n - 60 : 1; i <= n; ++i) {  // what is older has been erased
    for (const Change& change : batch_of(i)) {
      if (change.record) {
        records[change.id] = *change.record;
      } else {
        records.erase(change.id);
      }
    }
  }
  return records;
}

// Its large records, and one that nobody will commit; waits until they are written.
inline void write_ahead(Store& store, const Batch& batch) {
  std::vector<Blob> large;
  for (const Change& change : batch)
    if (change.record && change.record->size() > 256 * 1024) large.push_back(*change.record);
  if (large.empty()) return;
  large.push_back(random_blob(300'000, 1));
  std::promise<void> written;
  store.write_ahead(std::move(large), [&](const Result&) { written.set_value(); });
  written.get_future().wait();
}

inline std::uint64_t progress_of(const Records& records) {
  const auto found = records.find(0);
  return found == records.end() ? 0 : std::stoull(str(found->second));
}

}  // namespace parvis::storage::test
