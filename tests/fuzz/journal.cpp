// Any bytes as the files of the journal, with checksums that are right as often as not: what is handed out is every
// entry from the first that was asked for to the last, in order, or the journal is refused with an Error; and then it
// goes on.
//
//   input := applied:u8 step*     step := what:u8 where:u8 n:u8 bytes of n
//     what & 3: the segment; what >> 2 & 3:
//     0, 1  an entry with the right tag and checksum is added: number, synced, size (1 byte each; size 255: as it is)
//     2     any bytes are added
//     3     the bytes replace those of the head from `where` on; its checksum is put right when what & 16
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "storage/crc32c.hpp"
#include "storage/journal.hpp"
#include "storage/little.hpp"
#include "support.hpp"
#include "tuplespace/model/error.hpp"

using namespace parvis;
using namespace parvis::storage;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t segments = 4, segment_bytes = 8192, head_bytes = 64, entries_at = 4096, entry_bytes = 32;
constexpr std::uint32_t tag = 0x7a677261;
constexpr std::uint64_t seed = 0x1234567890abcdef;

class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "parvis-fuzz-XXXXXX").string();
    PARVIS_HOLDS(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

struct Segment {
  std::array<std::byte, segment_bytes> bytes{};
  std::size_t end = entries_at;

  explicit Segment(std::uint32_t index) {
    std::memcpy(bytes.data(), "parvisjn", 8);
    put_little(bytes.data() + 8, std::uint32_t{1});
    put_little(bytes.data() + 12, static_cast<std::uint32_t>(segments));
    put_little(bytes.data() + 16, index);
    put_little(bytes.data() + 20, tag);
    put_little(bytes.data() + 24, seed);
    put_little(bytes.data() + 32, std::uint64_t{index + 1});
    put_little(bytes.data() + 40, std::uint64_t{segment_bytes});
    sum();
  }
  void sum() { put_little(bytes.data() + 60, crc32c(ByteSpan(bytes).first(60))); }
  void add(ByteSpan part) {
    part = part.first(std::min(part.size(), segment_bytes - end));
    std::copy(part.begin(), part.end(), bytes.begin() + static_cast<std::ptrdiff_t>(end));
    end += (part.size() + 7) / 8 * 8;
  }
  void add_entry(ByteSpan input) {
    std::array<std::uint64_t, 3> head{};  // number, synced, size
    for (auto& number : head) {
      if (input.empty()) return;
      number = std::to_integer<std::uint64_t>(input[0]);
      input = input.subspan(1);
    }
    if (head[2] == 255) head[2] = input.size();
    ByteVector entry(entry_bytes);
    put_little(entry.data(), tag);
    for (std::size_t i = 0; i < head.size(); ++i) put_little(entry.data() + 8 + 8 * i, head[i]);
    entry.insert(entry.end(), input.begin(), input.end());
    std::array<std::byte, sizeof seed> salt{};
    put_little(salt.data(), seed);
    const std::size_t summed = std::min<std::size_t>(entry.size(), entry_bytes + head[2]);
    put_little(entry.data() + 4, crc32c({entry.data() + 8, summed - 8}, crc32c(salt)));
    add(entry);
  }
};

void step(std::array<Segment, segments>& files, std::uint8_t what, std::size_t where, ByteSpan bytes) {
  Segment& file = files[what & 3];
  switch (what >> 2 & 3) {
    case 2: return file.add(bytes);
    case 3:
      bytes = bytes.first(std::min(bytes.size(), head_bytes - where % head_bytes));
      std::copy(bytes.begin(), bytes.end(), file.bytes.begin() + static_cast<std::ptrdiff_t>(where % head_bytes));
      if ((what & 16) != 0) file.sum();
      return;
    default: return file.add_entry(bytes);
  }
}

void write(const Segment& file, const fs::path& path) {
  std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(file.bytes.data()), segment_bytes);
}

void goes_on(Journal& journal, const fs::path& folder, std::uint64_t last) {
  journal.start(last);
  const Batch batch{{7, Blob::copy(as_bytes("a record"))}, {8, {}}};
  const std::uint64_t payload = Journal::payload_of(batch);
  if (!journal.has_room_for(payload)) return;
  PARVIS_HOLDS(journal.append({&batch}, payload, last) == last + 1);
  journal.sync();
  Journal again(folder);
  std::size_t changes = 0;
  PARVIS_HOLDS(again.replay(last, [&](Batch&& found) { changes += found.size(); }) == last + 1);
  PARVIS_HOLDS(changes == batch.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Folder folder;
  ByteSpan input(reinterpret_cast<const std::byte*>(data), size);
  if (input.empty()) return 0;
  const auto applied = std::to_integer<std::uint64_t>(input[0]);
  input = input.subspan(1);
  std::array<Segment, segments> files{Segment(0), Segment(1), Segment(2), Segment(3)};
  while (input.size() >= 3) {
    const auto n = std::min<std::size_t>(std::to_integer<std::size_t>(input[2]), input.size() - 3);
    step(files, std::to_integer<std::uint8_t>(input[0]), std::to_integer<std::size_t>(input[1]), input.subspan(3, n));
    input = input.subspan(3 + n);
  }
  for (std::size_t i = 0; i < segments; ++i) write(files[i], folder.path() / ("journal." + std::to_string(i)));
  try {
    Journal journal(folder.path());
    std::uint64_t batches = 0;
    const std::uint64_t last = journal.replay(applied, [&](Batch&&) { ++batches; });
    PARVIS_HOLDS(last == applied + batches);
    goes_on(journal, folder.path(), last);
  } catch (const Error& error) {
    PARVIS_HOLDS(error.code() == ErrorCode::storage_error);
  }
  return 0;
}
