#include "storage/lmdb_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <mutex>

#include "storage/file.hpp"
#include "tuplespace/model/error.hpp"

namespace parvis::storage {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t grain = 64 * 1024;  // maps are multiples of it, whatever the page size
constexpr std::uint64_t min_step = std::uint64_t{1} << 20;
constexpr std::uint64_t max_step = std::uint64_t{4} << 30;  // a large map grows by this, not by its size
constexpr std::uint64_t max_reserve = std::uint64_t{16} << 20;
constexpr std::uint64_t min_reserve = std::uint64_t{256} << 10;
constexpr std::uint64_t max_ahead = std::uint64_t{16} << 20;  // blocks set aside beyond need, to ask less often
constexpr std::uint64_t margin = std::uint64_t{256} << 10;    // free lists, branches, what an estimate forgets
constexpr off_t lock_file_bytes = 16 * 1024;

std::uint64_t rounded_up(std::uint64_t bytes) { return (bytes + grain - 1) / grain * grain; }

[[noreturn]] void refuse(const fs::path& file, std::string_view what, std::string_view way_out) {
  throw Error(ErrorCode::storage_error, fmt::format("{}: {}; {}.", file.string(), what, way_out));
}

// LMDB writes its lock file through a map: on a full disk that would be SIGBUS, so the blocks are set aside beforehand.
void prepare_lock_file(const fs::path& file) {
  const Descriptor lock(file, O_RDWR | O_CREAT);
  if (!lock.is_open()) refuse(file, std::strerror(errno), "give this user the right to write there");
  if (::fallocate(lock.number(), 0, 0, lock_file_bytes) != 0 && errno != EOPNOTSUPP) {
    refuse(file, std::strerror(errno), "make room on its file system");
  }
}

// To be sure before LMDB gives up its old map: it could not go back.
bool have_address_space(std::uint64_t bytes) {
  void* probe = ::mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (probe == MAP_FAILED) return false;
  ::munmap(probe, bytes);
  return true;
}

// LMDB's page 0 or 1, as far as we need it: header 16 bytes (flags at 10), then magic, version, address, map size, two
// tables of 48 bytes (the first begins with the page size), last page, transaction.
struct MetaPage {
  std::uint32_t own_page_bytes = 0;
  std::uint64_t last_page = 0;
  std::uint64_t transaction = 0;
};
std::optional<MetaPage> parse_meta(const std::array<std::byte, 152>& page) {
  constexpr std::uint16_t is_meta = 0x08;
  const auto field = [&page](std::size_t at, auto value) {
    std::memcpy(&value, page.data() + at, sizeof value);
    return value;
  };
  if ((field(10, std::uint16_t{}) & is_meta) == 0) return {};
  if (field(16, std::uint32_t{}) != 0xbeefc0de || field(20, std::uint32_t{}) != 1) return {};
  return MetaPage{field(40, std::uint32_t{}), field(136, std::uint64_t{}), field(144, std::uint64_t{})};
}

constexpr std::string_view restore = "restore the folder from a backup or a dump, or move it away to start empty";

}  // namespace

std::uint64_t check_data_file(const fs::path& file) {
  const Descriptor in(file, O_RDONLY);
  if (!in.is_open() && errno == ENOENT) refuse(file, "the data file is missing", restore);
  if (!in.is_open()) refuse(file, std::strerror(errno), "give this user the right to read and write it");
  struct stat status {};
  if (::fstat(in.number(), &status) != 0) refuse(file, std::strerror(errno), "check the disk");
  const auto size = static_cast<std::uint64_t>(status.st_size);
  std::array<std::byte, 152> page{};
  const auto read_page = [&](std::uint64_t at) -> std::optional<MetaPage> {
    const ssize_t got = ::pread(in.number(), page.data(), page.size(), static_cast<off_t>(at));
    if (got < 0) refuse(file, std::strerror(errno), "check the disk");
    if (static_cast<std::size_t>(got) < page.size()) refuse(file, fmt::format("truncated to {} bytes", size), restore);
    return parse_meta(page);
  };
  const std::optional<MetaPage> first = read_page(0);
  if (!first || first->own_page_bytes < 512) refuse(file, "this is not an LMDB file, or its head is damaged", restore);
  const std::optional<MetaPage> second = read_page(first->own_page_bytes);
  if (!second) refuse(file, "the head of this LMDB file is damaged", restore);
  const MetaPage& newest = second->transaction > first->transaction ? *second : *first;
  const std::uint64_t used = (newest.last_page + 1) * first->own_page_bytes;
  if (size < used) refuse(file, fmt::format("truncated: it has {} bytes of {}", size, used), restore);
  return used;
}

LmdbFile::LmdbFile(DataFolder& folder, const LmdbOptions& options) : folder_(folder.path()), options_(options) {
  struct statvfs status {};
  if (::statvfs(folder_.c_str(), &status) != 0) refuse(folder_, std::strerror(errno), "check the disk");
  reserve_ = std::clamp(std::uint64_t{status.f_blocks} * status.f_frsize / 32, min_reserve, max_reserve);
  try {
    prepare_lock_file(folder_ / "lock.mdb");
    open_environment(options, folder.has_data(), folder.has_data() && folder.is_current());
  } catch (const lmdb::Failure& failure) {
    refuse(path(), failure.what(),
           failure.disk_full() ? "make room on its file system" : "check the disk and its rights");
  }
  blocks_ = Descriptor(path(), O_RDWR);
  if (!blocks_.is_open()) refuse(path(), std::strerror(errno), "check the disk and its rights");
  note_used();
  reserve(0, Purpose::put);  // on a full disk there is none, or the one of last time
}

void LmdbFile::open_environment(const LmdbOptions& options, bool has_data, bool is_current) {
  std::uint64_t used = 0;
  if (has_data) {
    used = check_data_file(path());
  } else {
    fs::remove(path());  // of a start that was interrupted before it had finished
  }
  const std::uint64_t map = std::max(rounded_up(options.map_initial), rounded_up(used + used / 4));
  environment_ = std::make_unique<lmdb::Environment>(folder_, map, lmdb::Access::write);
  environment_->clear_stale_readers();
  resize(map);
  open_tables(is_current ? lmdb::Access::read : lmdb::Access::write);  // an older format has no table of state
}

void LmdbFile::open_tables(lmdb::Access access) {
  lmdb::Transaction transaction(*environment_, access);
  records_ = transaction.open_table("records", access);
  bodies_ = transaction.open_table("bodies", access);
  state_ = transaction.open_table("state", access);
  transaction.commit();
}

void LmdbFile::resize(std::uint64_t map_bytes) {
  const std::unique_lock lock(open_transactions_);
  struct stat status {};
  const int file = environment_->file();
  if (::fstat(file, &status) != 0) throw lmdb::Failure("fstat", errno);
  if (static_cast<std::uint64_t>(status.st_size) < map_bytes) {
    if (::ftruncate(file, static_cast<off_t>(map_bytes)) != 0) throw lmdb::Failure("ftruncate", errno);
    if (::fsync(file) != 0) throw lmdb::Failure("fsync", errno);
  }
  if (environment_->info().map_bytes != map_bytes) environment_->resize(map_bytes);
}

std::uint64_t LmdbFile::ceiling(Purpose purpose) const {
  const std::uint64_t beyond = options_.map_limit / 16 + min_step;
  const auto steps = static_cast<std::uint64_t>(purpose);  // put 0, take 1, erase 2
  return std::max(rounded_up(options_.map_limit + steps * beyond), rounded_up(environment_->info().used_bytes));
}

bool LmdbFile::grow(std::uint64_t wanted, Purpose purpose) {
  const std::uint64_t now = environment_->info().map_bytes;
  const auto factored = static_cast<std::uint64_t>(static_cast<double>(now) * (options_.map_growth - 1));
  const std::uint64_t step = std::clamp(factored, min_step, max_step);
  const std::uint64_t next = std::min(ceiling(purpose), rounded_up(std::max(wanted, now + step)));
  if (next <= now || !have_address_space(next)) return false;
  resize(next);
  return true;
}

void LmdbFile::keep_to_limit(Purpose purpose) {
  const std::uint64_t allowed = ceiling(purpose);
  if (environment_->info().map_bytes > allowed) resize(allowed);
}

void LmdbFile::keep_to_used() { resize(rounded_up(environment_->info().used_bytes)); }

bool LmdbFile::reserve(std::uint64_t bytes, Purpose purpose) {
  if (purpose == Purpose::erase) return true;
  const std::uint64_t used = environment_->info().used_bytes;
  return set_aside(used + bytes + (purpose == Purpose::put ? reserve_ : reserve_ / 2));
}

bool LmdbFile::is_disk_full() const {
  struct statvfs status {};
  return ::statvfs(folder_.c_str(), &status) == 0 && std::uint64_t{status.f_bavail} * status.f_frsize < min_reserve;
}

void LmdbFile::note_used() { used_ = environment_->info().used_bytes; }

bool LmdbFile::has_room_for(std::uint64_t bytes, std::uint64_t changes) {
  const std::uint64_t used = used_;
  const std::uint64_t copied = std::min(changes * page_bytes, used);  // LMDB copies a page before it changes it
  const std::uint64_t end = used + bytes + copied + margin;
  return end <= options_.map_limit && set_aside(end + reserve_);
}

bool LmdbFile::set_aside(std::uint64_t least) {
  const std::lock_guard lock(blocks_mutex_);
  if (least <= allocated_) return true;
  const std::uint64_t ahead = std::clamp(used_ / 8, reserve_ / 4, max_ahead);  // of a small file not with each commit
  const int file = blocks_.number();
  for (const std::uint64_t end : {least + ahead, least}) {
    // The first time from the start, because a copied or restored file may have holes where pages will be written
    // again.
    const std::uint64_t start = allocated_;
    if (::fallocate(file, 0, static_cast<off_t>(start), static_cast<off_t>(end - start)) == 0) {
      allocated_ = end;
      return true;
    }
    if (errno == EOPNOTSUPP || errno == ENOSYS) return true;  // then writing itself tells when the disk is full
    if (errno != ENOSPC && errno != EDQUOT && errno != EFBIG) throw lmdb::Failure("fallocate", errno);
  }
  return false;
}

void LmdbFile::reopen_to_read() {
  const std::unique_lock lock(open_transactions_);
  const std::uint64_t map = environment_->info().map_bytes;
  environment_.reset();  // should opening fail, there is nothing left to read from
  environment_ = std::make_unique<lmdb::Environment>(folder_, map, lmdb::Access::read);
  open_tables(lmdb::Access::read);
}

std::optional<Extent> LmdbFile::extent() const {
  const std::shared_lock lock(open_transactions_, std::try_to_lock);
  if (!lock || !environment_) return {};
  lmdb::Transaction transaction(*environment_, lmdb::Access::read);
  const lmdb::Info now = environment_->info();
  return Extent{now.used_bytes, transaction.free_pages() * now.page_bytes, std::max(allocated_.load(), now.used_bytes)};
}

}  // namespace parvis::storage
