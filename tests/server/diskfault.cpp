// A library for LD_PRELOAD: while the file $PARVIS_TEST_FAULT_WHEN exists, writes to (or syncs of) the journal and
// data.mdb fail with EIO, as $PARVIS_TEST_FAULT says: write or sync.
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

namespace {

bool must_fail(const char* call, int descriptor) {
  const char* fault = std::getenv("PARVIS_TEST_FAULT");
  const char* when = std::getenv("PARVIS_TEST_FAULT_WHEN");
  if (fault == nullptr || when == nullptr || std::strcmp(fault, call) != 0 || ::access(when, F_OK) != 0) return false;
  std::array<char, 4096> target{};
  const std::string link = "/proc/self/fd/" + std::to_string(descriptor);
  const ssize_t size = ::readlink(link.c_str(), target.data(), target.size());
  const std::string_view path(target.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  const std::string_view name = path.substr(path.rfind('/') + 1);
  if (name != "data.mdb" && !name.starts_with("journal.")) return false;
  errno = EIO;
  return true;
}

}  // namespace

extern "C" ssize_t pwrite(int descriptor, const void* data, size_t size, off_t offset) {
  if (must_fail("write", descriptor)) return -1;
  return ::syscall(SYS_pwrite64, descriptor, data, size, offset);
}
extern "C" ssize_t pwrite64(int descriptor, const void* data, size_t size, off_t offset) {
  return pwrite(descriptor, data, size, offset);
}
extern "C" int fdatasync(int descriptor) {
  if (must_fail("sync", descriptor)) return -1;
  return static_cast<int>(::syscall(SYS_fdatasync, descriptor));
}
