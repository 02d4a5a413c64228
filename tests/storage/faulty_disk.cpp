#include "faulty_disk.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <mutex>
#include <string_view>

namespace parvis::storage::test {
namespace {

struct Disk {
  std::mutex mutex;
  std::optional<Failing> failing;
  int seen = 0;
  int failed = 0;
  bool recording = false;
  std::vector<Event> events;
  std::optional<long> file_system;
};
Disk& disk() {
  static Disk one;
  return one;
}

// The name of a file of the store; empty for others.
std::string file_of(int descriptor) {
  std::array<char, 4096> target{};
  const std::string link = "/proc/self/fd/" + std::to_string(descriptor);
  const ssize_t size = ::readlink(link.c_str(), target.data(), target.size());
  const std::string_view path(target.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  const std::string_view name = path.substr(path.rfind('/') + 1);
  return name == "data.mdb" || name.starts_with("journal.") ? std::string(name) : std::string();
}
bool writes_through(int descriptor) { return (::fcntl(descriptor, F_GETFL) & O_DSYNC) != 0; }

bool must_fail(Call call, const std::string& file) {  // sets errno
  Disk& d = disk();
  const std::lock_guard lock(d.mutex);
  if (!d.failing || d.failing->call != call || !file.starts_with(d.failing->file)) return false;
  const int number = d.seen++;
  if (number < d.failing->after || number >= d.failing->after + d.failing->times) return false;
  ++d.failed;
  errno = d.failing->error;
  return true;
}

void note(Event::Kind kind, const std::string& file, std::uint64_t offset, ByteSpan bytes) {
  Disk& d = disk();
  const std::lock_guard lock(d.mutex);
  if (d.recording) d.events.push_back({kind, file, offset, ByteVector(bytes.begin(), bytes.end())});
}

Event::Kind kind_of_write(int descriptor) {
  return writes_through(descriptor) ? Event::Kind::write_through : Event::Kind::write;
}

int sync_with(long number, int descriptor) {
  const std::string file = file_of(descriptor);
  const bool ours = !file.empty();
  if (ours && must_fail(Call::sync, file)) return -1;
  const auto result = static_cast<int>(::syscall(number, descriptor));
  if (ours && result == 0) note(Event::Kind::sync, file, 0, {});
  return result;
}

}  // namespace

void fail(const Failing& failing) {
  const std::lock_guard lock(disk().mutex);
  disk().failing = failing;
  disk().seen = disk().failed = 0;
}
void fail_no_more() {
  const std::lock_guard lock(disk().mutex);
  disk().failing.reset();
}
int failed_calls() {
  const std::lock_guard lock(disk().mutex);
  return disk().failed;
}
void pretend_file_system(std::optional<long> kind) {
  const std::lock_guard lock(disk().mutex);
  disk().file_system = kind;
}
void record_events() {
  const std::lock_guard lock(disk().mutex);
  disk().events.clear();
  disk().recording = true;
}
std::size_t events_so_far() {
  const std::lock_guard lock(disk().mutex);
  return disk().events.size();
}
std::vector<Event> take_events() {
  const std::lock_guard lock(disk().mutex);
  disk().recording = false;
  return std::move(disk().events);
}

}  // namespace parvis::storage::test

// The C library's names. Each does what it would, by the system call itself.
using namespace parvis;
using namespace parvis::storage::test;

extern "C" ssize_t pwrite(int descriptor, const void* data, size_t size, off_t offset) {
  const std::string file = file_of(descriptor);
  const bool ours = !file.empty();
  if (ours && must_fail(writes_through(descriptor) ? Call::write_meta : Call::write, file)) return -1;
  const ssize_t written = ::syscall(SYS_pwrite64, descriptor, data, size, offset);
  if (ours && written > 0) {
    note(kind_of_write(descriptor), file, static_cast<std::uint64_t>(offset),
         ByteSpan(static_cast<const std::byte*>(data), static_cast<std::size_t>(written)));
  }
  return written;
}

extern "C" int fallocate(int descriptor, int mode, off_t offset, off_t size) {
  const std::string file = file_of(descriptor);
  if (!file.empty() && must_fail(Call::set_aside, file)) return -1;
  return static_cast<int>(::syscall(SYS_fallocate, descriptor, mode, offset, size));
}

extern "C" ssize_t writev(int descriptor, const struct iovec* parts, int count) {
  const std::string file = file_of(descriptor);
  const bool ours = !file.empty();
  if (ours && must_fail(Call::write, file)) return -1;
  off_t offset = ours ? ::lseek(descriptor, 0, SEEK_CUR) : 0;
  const ssize_t written = ::syscall(SYS_writev, descriptor, parts, count);
  ssize_t left = written;
  for (int i = 0; ours && i < count && left > 0; ++i) {
    const std::size_t size = std::min(parts[i].iov_len, static_cast<std::size_t>(left));
    note(kind_of_write(descriptor), file, static_cast<std::uint64_t>(offset),
         ByteSpan(static_cast<const std::byte*>(parts[i].iov_base), size));
    offset += static_cast<off_t>(size);
    left -= static_cast<ssize_t>(size);
  }
  return written;
}

extern "C" int fdatasync(int descriptor) { return sync_with(SYS_fdatasync, descriptor); }
extern "C" int fsync(int descriptor) { return sync_with(SYS_fsync, descriptor); }

extern "C" int ftruncate(int descriptor, off_t size) noexcept {
  const auto result = static_cast<int>(::syscall(SYS_ftruncate, descriptor, size));
  const std::string file = result == 0 ? file_of(descriptor) : std::string();
  if (!file.empty()) note(Event::Kind::resize, file, static_cast<std::uint64_t>(size), {});
  return result;
}

extern "C" int statfs(const char* path, struct statfs* status) noexcept {
  const auto result = static_cast<int>(::syscall(SYS_statfs, path, status));
  const std::lock_guard lock(disk().mutex);
  if (disk().file_system) status->f_type = *disk().file_system;
  return result;
}
