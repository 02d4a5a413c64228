// The disk, as far as a test may spoil it: this program's own write and sync calls stand in front of the C library's
// (the linker prefers them, for liblmdb as well) and fail, or are recorded, for data.mdb and the parts of the journal.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tuplespace/model/bytes.hpp"

namespace parvis::storage::test {

// write_meta: to a descriptor that syncs each write, as LMDB's heads are written; set_aside: fallocate.
enum class Call { write, write_meta, sync, set_aside };

// From the `after`-th such call on, `times` calls fail with `error`; fail_no_more() ends it.
struct Failing {
  Call call;
  int error;
  int after = 0;
  int times = 1 << 30;
  std::string file{};  // data.mdb, journal; empty: both
};
void fail(const Failing& failing);
void fail_no_more();
int failed_calls();  // since fail()

struct Fault {
  explicit Fault(const Failing& failing) { fail(failing); }
  ~Fault() { fail_no_more(); }
  Fault(const Fault&) = delete;
  Fault& operator=(const Fault&) = delete;
};

void pretend_file_system(std::optional<long> kind);  // what statfs answers

struct Event {
  enum class Kind { write, write_through, resize, sync } kind;  // write_through: durable by itself
  std::string file{};                                           // name within the folder
  std::uint64_t offset = 0;                                     // or the new size
  ByteVector bytes{};
};
void record_events();
std::size_t events_so_far();
std::vector<Event> take_events();  // and stops recording

}  // namespace parvis::storage::test
