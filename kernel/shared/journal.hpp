// What a kernel was doing, readable after it died: a small file of fixed slots, mapped and shared, so that a plain
// store is all it costs and the bytes survive a SIGKILL. The kernel writes it; the agent reads it when the kernel is
// gone.
//
//   slot   := state:u8  verb:u8  length:u8  id[length] (up to id_bytes)      slot 0: the farm task that runs;
//                                                                            its verb: 1 the kernel was stopped, 2 it
//                                                                            had been ready for work
//
// Threads: add and remove belong to the control thread, running and farm to the main thread; a slot changes hands
// through the work queue. The state is stored last (release), so that a reader never sees half an id.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/shared/verb.hpp"

namespace parvis::kernel {

class Journal {
 public:
  static constexpr std::size_t slots = 65536;  // requests queued at most
  static constexpr std::size_t id_bytes = 77;

  struct Entry {
    std::string id;
    bool running = false;
    bool farm = false;
    Verb verb{};
  };

  // Creates the file (0600), replacing one of that name. Throws Error{storage_error}.
  explicit Journal(const std::filesystem::path& path);
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  std::size_t add(std::string_view id, Verb verb);  // 0: all slots are taken
  void running(std::size_t slot);
  void remove(std::size_t slot);
  void farm(std::string_view id);  // empty: none
  void clear_farm();
  void ready();    // Python is there, work can come
  void stopped();  // the kernel ends because it was asked to, whatever still runs

  // Did the kernel end because it was asked to? Then its journal says so, or it has taken it away.
  static bool was_stopped(const std::filesystem::path& path);
  static bool was_ready(const std::filesystem::path& path);
  // Of a kernel that has ended; empty when there is no file.
  static std::vector<Entry> read(const std::filesystem::path& path);

 private:
  struct Slot {
    std::atomic<std::uint8_t> state;  // 0 free, 1 queued, 2 running
    std::uint8_t verb;
    std::uint8_t length;
    char id[id_bytes];
  };
  static_assert(sizeof(Slot) == 80);
  enum : std::uint8_t { was_stopped_flag = 1, was_ready_flag = 2 };
  void flag(std::uint8_t bit);
  static void store(Slot& slot, std::string_view id, std::uint8_t state);
  Slot* slots_ = nullptr;
  std::size_t next_ = 1;
};

}  // namespace parvis::kernel
