#include "kernel/shared/journal.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "tuplespace/model/error.hpp"

namespace parvis::kernel {

Journal::Journal(const std::filesystem::path& path) {
  ::unlink(path.c_str());
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) throw Error(ErrorCode::storage_error, "cannot create " + path.string() + ": " + std::strerror(errno));
  const bool sized = ::ftruncate(fd, slots * sizeof(Slot)) == 0;
  void* memory = sized ? ::mmap(nullptr, slots * sizeof(Slot), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;
  const int reason = errno;
  ::close(fd);
  if (memory == MAP_FAILED)
    throw Error(ErrorCode::storage_error, "cannot map " + path.string() + ": " + std::strerror(reason));
  slots_ = static_cast<Slot*>(memory);
}

Journal::~Journal() { ::munmap(slots_, slots * sizeof(Slot)); }

void Journal::store(Slot& slot, std::string_view id, std::uint8_t state) {
  slot.length = static_cast<std::uint8_t>(std::min(id.size(), id_bytes));
  std::memcpy(slot.id, id.data(), slot.length);
  slot.state.store(state, std::memory_order_release);
}

std::size_t Journal::add(std::string_view id, Verb verb) {
  for (std::size_t tried = 1; tried < slots; ++tried) {
    const std::size_t at = next_;
    next_ = next_ + 1 == slots ? 1 : next_ + 1;
    if (slots_[at].state.load(std::memory_order_relaxed) != 0) continue;
    slots_[at].verb = static_cast<std::uint8_t>(verb);
    store(slots_[at], id, 1);
    return at;
  }
  return 0;
}

void Journal::running(std::size_t slot) { slots_[slot].state.store(2, std::memory_order_release); }
void Journal::remove(std::size_t slot) { slots_[slot].state.store(0, std::memory_order_release); }
void Journal::farm(std::string_view id) { store(slots_[0], id, 2); }
void Journal::clear_farm() { slots_[0].state.store(0, std::memory_order_release); }

// From the main thread and from the control thread.
void Journal::flag(std::uint8_t bit) { std::atomic_ref(slots_[0].verb).fetch_or(bit, std::memory_order_relaxed); }
void Journal::ready() { flag(was_ready_flag); }
void Journal::stopped() { flag(was_stopped_flag); }

namespace {

// The file of a kernel that has ended, as it stands; null when there is none.
class Mapping {
 public:
  Mapping(const std::filesystem::path& path, std::size_t bytes) : bytes_(bytes) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    struct stat info {};
    const bool whole = ::fstat(fd, &info) == 0 && static_cast<std::size_t>(info.st_size) == bytes;
    if (whole) memory_ = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, fd, 0);
    ::close(fd);
  }
  ~Mapping() {
    if (memory_ != MAP_FAILED) ::munmap(memory_, bytes_);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  [[nodiscard]] const void* get() const { return memory_ == MAP_FAILED ? nullptr : memory_; }

 private:
  std::size_t bytes_;
  void* memory_ = MAP_FAILED;
};

}  // namespace

bool Journal::was_stopped(const std::filesystem::path& path) {
  const Mapping file(path, slots * sizeof(Slot));
  return file.get() == nullptr || (static_cast<const Slot*>(file.get())->verb & was_stopped_flag) != 0;
}

bool Journal::was_ready(const std::filesystem::path& path) {
  const Mapping file(path, slots * sizeof(Slot));
  return file.get() != nullptr && (static_cast<const Slot*>(file.get())->verb & was_ready_flag) != 0;
}

std::vector<Journal::Entry> Journal::read(const std::filesystem::path& path) {
  std::vector<Entry> entries;
  const Mapping file(path, slots * sizeof(Slot));
  const Slot* const all = static_cast<const Slot*>(file.get());
  for (std::size_t i = 0; all != nullptr && i < slots; ++i) {
    const std::uint8_t state = all[i].state.load(std::memory_order_acquire);
    if (state == 0 || all[i].length > id_bytes) continue;
    entries.push_back({std::string(all[i].id, all[i].length), state == 2, i == 0, static_cast<Verb>(all[i].verb)});
  }
  return entries;
}

}  // namespace parvis::kernel
