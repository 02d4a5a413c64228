#include "client/cli/dump_file.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <numeric>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "tuplespace/model/error.hpp"

namespace parvis::cli {

namespace {

constexpr std::string_view title = "parvis dump 2\n";
constexpr std::string_view older_title = "parvis dump 1\n";
constexpr std::string_view any_title = "parvis dump ";
constexpr std::size_t part_head = 9;
constexpr std::size_t space_head = 17;
constexpr std::size_t put_head = 24;

std::int64_t wall_us() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

void put(ByteVector& bytes, std::uint64_t value, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) bytes.push_back(static_cast<std::byte>(value >> (8 * i) & 0xff));
}
std::uint64_t number_at(ByteSpan bytes, std::size_t at, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = size; i-- > 0;) value = value << 8 | std::to_integer<std::uint64_t>(bytes[at + i]);
  return value;
}

class Reader {
 public:
  explicit Reader(const std::string& path) : path_(path), file_(std::fopen(path.c_str(), "rb")) {
    if (!file_) refuse(std::strerror(errno));
    if (std::fseek(file_.get(), 0, SEEK_END) == 0) size_ = static_cast<std::uint64_t>(std::ftell(file_.get()));
    std::rewind(file_.get());
  }

  void read(DumpVisitor& visitor) {
    const ByteVector start = next(title.size());
    if (!as_text(start).starts_with(any_title)) refuse("this is not a dump of Parvis");
    if (as_text(start) != title && as_text(start) != older_title)
      refuse("this dump was written by a newer Parvis; use that version");
    for (bool in_space = false;;) {
      const auto sum_before = checksum_.checksum();
      const ByteVector head = next(part_head);
      const std::uint64_t size = number_at(head, 1, 8);
      ByteVector bytes = next(size);
      switch (std::to_integer<char>(head[0])) {
        case 'S':
          visitor.space(space_in(bytes));
          in_space = true;
          break;
        case 'T':
          if (!in_space) refuse("it is damaged: a tuple stands outside a space");
          ++tuples_;
          visitor.tuple({.tuple = Blob::take(std::move(bytes))});
          break;
        case 'P':
          if (!in_space) refuse("it is damaged: a tuple stands outside a space");
          ++tuples_;
          if (auto put = put_in(Blob::take(std::move(bytes)))) visitor.tuple(std::move(*put));
          break;
        case 'E':
          if (bytes.size() != 12 || number_at(bytes, 0, 8) != tuples_ || number_at(bytes, 8, 4) != sum_before)
            refuse("it is damaged: its checksum does not match");
          return;
        default: refuse("it is damaged: a part of an unknown kind");
      }
    }
  }

 private:
  SpaceInfo space_in(ByteSpan bytes) {
    if (bytes.size() <= space_head || number_at(bytes, 0, 1) > 2) refuse("it is damaged: a space cannot be read");
    SpaceInfo info;
    info.durability = static_cast<Durability>(bytes[0]);
    info.quota_tuples = number_at(bytes, 1, 8);
    info.quota_bytes = number_at(bytes, 9, 8);
    info.name = as_text(bytes.subspan(space_head));
    return info;
  }
  std::optional<Put> put_in(const Blob& whole) {
    const ByteSpan bytes = whole.span();
    const std::uint64_t group = bytes.size() < put_head ? 0 : number_at(bytes, 20, 4);
    if (bytes.size() < put_head || group > bytes.size() - put_head) refuse("it is damaged: a tuple cannot be read");
    Put put;
    put.priority = static_cast<std::int32_t>(number_at(bytes, 0, 4));
    const auto lease_until = static_cast<std::int64_t>(number_at(bytes, 4, 8));
    const auto visible_at = static_cast<std::int64_t>(number_at(bytes, 12, 8));
    if (lease_until < 0 || visible_at < 0) refuse("it is damaged: a tuple cannot be read");
    if (lease_until != 0 && lease_until <= now_) return std::nullopt;
    if (lease_until != 0) put.lease_us = lease_until - now_;
    put.delay_us = std::max<std::int64_t>(visible_at - now_, 0);
    if (group != 0) put.group = whole.slice(put_head, group);
    put.tuple = whole.slice(put_head + group, bytes.size() - put_head - group);
    return put;
  }
  ByteVector next(std::uint64_t size) {
    if (size > size_ - at_) refuse("it ends too early; the dump was not completed");
    ByteVector bytes(size);
    if (size != 0 && std::fread(bytes.data(), 1, size, file_.get()) != size) refuse(std::strerror(errno));
    at_ += size;
    checksum_.process_bytes(bytes.data(), bytes.size());
    return bytes;
  }
  [[noreturn]] void refuse(std::string_view what) const {
    throw Error(ErrorCode::storage_error, fmt::format("{} cannot be restored: {}", path_, what));
  }

  std::string path_;
  File file_;
  std::uint64_t size_ = 0, at_ = 0, tuples_ = 0;
  const std::int64_t now_ = wall_us();
  DumpChecksum checksum_;
};

}  // namespace

DumpWriter::DumpWriter(std::string path) : path_(std::move(path)), fresh_(path_ + ".new"), out_(stdout) {
  if (!path_.empty()) {
    file_.reset(std::fopen(fresh_.c_str(), "wb"));
    if (!file_) fail("open");
    out_ = file_.get();
  }
  write(as_bytes(title));
}

DumpWriter::~DumpWriter() {
  if (!file_) return;
  file_.reset();
  ::unlink(fresh_.c_str());  // what was not finished
}

void DumpWriter::space(const SpaceInfo& info) {
  ByteVector bytes;
  put(bytes, static_cast<std::uint64_t>(info.durability), 1);
  put(bytes, info.quota_tuples, 8);
  put(bytes, info.quota_bytes, 8);
  const ByteSpan name = as_bytes(info.name);
  bytes.insert(bytes.end(), name.begin(), name.end());
  part('S', {bytes});
}

void DumpWriter::tuple(const Put& asked) {
  ++tuples_;
  const Blob tuple = asked.tuple.flat(), group = asked.group.flat();
  if (asked.priority == 0 && asked.lease_us < 0 && asked.delay_us == 0 && group.size() == 0)
    return part('T', {tuple.span()});
  const std::int64_t now = wall_us();
  ByteVector bytes;
  put(bytes, static_cast<std::uint32_t>(asked.priority), 4);
  put(bytes, static_cast<std::uint64_t>(asked.lease_us < 0 ? 0 : now + asked.lease_us), 8);
  put(bytes, static_cast<std::uint64_t>(asked.delay_us == 0 ? 0 : now + asked.delay_us), 8);
  put(bytes, group.size(), 4);
  part('P', {bytes, group.span(), tuple.span()});
}

void DumpWriter::finish() {
  ByteVector bytes;
  put(bytes, tuples_, 8);
  put(bytes, checksum_.checksum(), 4);
  part('E', {bytes});
  if (std::fflush(out_) != 0) fail("write");
  if (!file_) return;
  if (::fsync(::fileno(out_)) != 0) fail("sync");
  file_.reset();
  if (std::rename(fresh_.c_str(), path_.c_str()) != 0) fail("rename");
}

void DumpWriter::part(char kind, std::initializer_list<ByteSpan> pieces) {
  ByteVector head{static_cast<std::byte>(kind)};
  put(head,
      std::accumulate(pieces.begin(), pieces.end(), std::size_t{0},
                      [](std::size_t sum, ByteSpan piece) { return sum + piece.size(); }),
      8);
  write(head);
  for (const ByteSpan piece : pieces) write(piece);
}

void DumpWriter::write(ByteSpan bytes) {
  if (!bytes.empty() && std::fwrite(bytes.data(), 1, bytes.size(), out_) != bytes.size()) fail("write");
  checksum_.process_bytes(bytes.data(), bytes.size());
}

void DumpWriter::fail(const char* what) const {
  throw Error(ErrorCode::storage_error,
              fmt::format("the dump {} cannot be written: {} ({})", path_.empty() ? "to standard output" : path_,
                          std::strerror(errno), what));
}

void read_dump(const std::string& path, DumpVisitor& visitor) { Reader(path).read(visitor); }

}  // namespace parvis::cli
