// Any bytes as a dump, with a right end when the first is odd: they are refused with an Error, or what was read can be
// dumped and read again.
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "client/cli/dump_file.hpp"
#include "support.hpp"
#include "tuplespace/model/error.hpp"

using namespace parvis;
using namespace parvis::cli;

namespace {

class TempFile {
 public:
  TempFile() {
    std::string name = (std::filesystem::temp_directory_path() / "parvis-fuzz-XXXXXX").string();
    const int file = ::mkstemp(name.data());
    PARVIS_HOLDS(file >= 0);
    ::close(file);
    path_ = name;
  }
  ~TempFile() { std::filesystem::remove(path_); }
  TempFile(const TempFile&) = delete;
  TempFile& operator=(const TempFile&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

class Collector final : public DumpVisitor {
 public:
  void space(const SpaceInfo& info) override { spaces.push_back(info); }
  void tuple(Put&& put) override {
    PARVIS_HOLDS(!spaces.empty());
    tuples.push_back(std::move(put));
  }
  std::vector<SpaceInfo> spaces;
  std::vector<Put> tuples;
};

void put(std::string& bytes, std::uint64_t value, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) bytes.push_back(static_cast<char>(value >> (8 * i)));
}

// With the end that they need, if so many tuples are in them.
std::string ended(std::string bytes, std::uint64_t tuples) {
  DumpChecksum sum;
  sum.process_bytes(bytes.data(), bytes.size());
  bytes += 'E';
  put(bytes, 12, 8);
  put(bytes, tuples, 8);
  put(bytes, sum.checksum(), 4);
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  static const TempFile file, copy;
  std::string bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  if ((data[0] & 1) != 0) bytes = ended(std::move(bytes), data[1]);
  std::ofstream(file.path(), std::ios::binary) << bytes;
  Collector first;
  try {
    read_dump(file.path(), first);
  } catch (const Error& error) {
    PARVIS_HOLDS(error.code() == ErrorCode::storage_error);
    return 0;
  }
  if (first.spaces.empty()) return 0;
  {
    DumpWriter writer(copy.path());
    for (const auto& space : first.spaces) writer.space(space);
    for (const auto& tuple : first.tuples) writer.tuple(tuple);
    writer.finish();
  }
  Collector second;
  read_dump(copy.path(), second);
  PARVIS_HOLDS(second.spaces.size() == first.spaces.size());
  PARVIS_HOLDS(second.spaces.back().name == first.spaces.back().name);
  PARVIS_HOLDS(second.tuples.size() <= first.tuples.size());  // a lease may have ended meanwhile
  return 0;
}
