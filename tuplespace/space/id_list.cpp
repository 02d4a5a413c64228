#include "tuplespace/space/id_list.hpp"

#include <algorithm>
#include <cstdlib>
#include <new>
#include <vector>

namespace parvis::space {

namespace {
constexpr std::uint16_t first_capacity = 2;   // 24 bytes with the head: malloc's smallest block
constexpr std::uint16_t full_capacity = 510;  // reached by 2c + 2, which keeps every size malloc's own
constexpr std::uint16_t merge_below = 128;
}  // namespace

struct alignas(8) IdList::Run {
  std::uint16_t begin, end, capacity;

  static Run* make(std::uint16_t capacity, Memory& memory) {
    void* room = std::malloc(sizeof(Run) + capacity * sizeof(Order));
    if (room == nullptr) throw std::bad_alloc();
    memory.bytes += bytes_of(capacity);
    return new (room) Run{0, 0, capacity};
  }
  static void drop(Run* run, Memory& memory) {
    memory.bytes -= bytes_of(run->capacity);
    std::free(run);
  }
  static std::size_t bytes_of(std::size_t capacity) { return sizeof(Run) + capacity * sizeof(Order) + 8; }

  [[nodiscard]] Order* orders() { return reinterpret_cast<Order*>(this + 1); }
  [[nodiscard]] const Order* orders() const { return reinterpret_cast<const Order*>(this + 1); }
  [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(end - begin); }
  [[nodiscard]] bool full() const { return size() == capacity; }
  // Queues work at both ends, whatever lies between.
  [[nodiscard]] std::uint16_t lower_bound(Order order) const {
    if (begin == end || orders()[end - 1] < order) return end;
    if (order <= orders()[begin]) return begin;
    return static_cast<std::uint16_t>(std::lower_bound(orders() + begin, orders() + end, order) - orders());
  }
  [[nodiscard]] bool has(std::uint16_t at, Order order) const { return at < end && orders()[at] == order; }

  // `at` from lower_bound; the run is not full. The shorter side with room moves.
  void put(std::uint16_t at, Order order) {
    Order* o = orders();
    const bool left = begin > 0 && (end == capacity || at - begin < end - at);
    if (left && at == end && begin > 1) {  // a queue has reached the end of its run: gain all the room at once
      std::move(o + begin, o + end, o);
      at = static_cast<std::uint16_t>(at - begin);
      end = static_cast<std::uint16_t>(end - begin);
      begin = 0;
      ++end;
    } else if (left) {
      std::move(o + begin, o + at, o + begin - 1);
      --begin;
      --at;
    } else {
      std::move_backward(o + at, o + end, o + end + 1);
      ++end;
    }
    o[at] = order;
  }
  void remove(std::uint16_t at) {
    Order* o = orders();
    if (at - begin < end - at) {
      std::move_backward(o + begin, o + at, o + at + 1);
      ++begin;
    } else {
      std::move(o + at + 1, o + end, o + at);
      --end;
    }
  }
  void append(const Run& other) {
    if (end + other.size() > capacity) {
      std::move(orders() + begin, orders() + end, orders());
      end = static_cast<std::uint16_t>(size());
      begin = 0;
    }
    std::copy(other.orders() + other.begin, other.orders() + other.end, orders() + end);
    end = static_cast<std::uint16_t>(end + other.size());
  }
};
struct IdList::Directory {
  struct Slot {
    Order first;  // at most the first order of the run
    Run* run;
  };
  std::vector<Slot> slots;
  std::size_t count = 0;

  [[nodiscard]] std::size_t slot_of(Order order) const {
    if (order >= slots.back().first) return slots.size() - 1;
    if (slots.size() == 1 || order < slots[1].first) return 0;
    auto after =
        std::upper_bound(slots.begin(), slots.end(), order, [](Order o, const Slot& s) { return o < s.first; });
    return after == slots.begin() ? 0 : static_cast<std::size_t>(after - slots.begin()) - 1;
  }
};

IdList::Run* IdList::run() const { return reinterpret_cast<Run*>(word_); }
IdList::Directory* IdList::directory() const {
  return (word_ & 3) == 2 ? reinterpret_cast<Directory*>(word_ - 2) : nullptr;
}
void IdList::set(Run* run) { word_ = reinterpret_cast<std::uintptr_t>(run); }
void IdList::set(Directory* directory) { word_ = reinterpret_cast<std::uintptr_t>(directory) + 2; }

IdList::~IdList() {
  if (word_ == 0 || single()) return;
  if (Directory* big = directory()) {
    for (auto& slot : big->slots) std::free(slot.run);
    delete big;
  } else {
    std::free(run());
  }
}

std::size_t IdList::size() const {
  if (word_ == 0) return 0;
  if (single()) return 1;
  if (const Directory* big = directory()) return big->count;
  return run()->size();
}

bool IdList::contains(Order order) const {
  if (word_ == 0) return false;
  if (single()) return word_ >> 1 == order;
  const Directory* big = directory();
  const Run* in = big != nullptr ? big->slots[big->slot_of(order)].run : run();
  return in->has(in->lower_bound(order), order);
}

bool IdList::insert(Order order, Memory& memory) {
  if (word_ == 0) {
    set(order);
    return true;
  }
  if (single()) {
    const Order other = word_ >> 1;
    if (other == order) return false;
    Run* two = Run::make(first_capacity, memory);
    two->put(0, std::min(order, other));
    two->put(1, std::max(order, other));
    set(two);
    return true;
  }
  if (Directory* big = directory()) return insert_in_directory(*big, order, memory);
  return insert_in_run(run(), order, memory);
}

bool IdList::insert_in_run(Run* run, Order order, Memory& memory) {
  const std::uint16_t at = run->lower_bound(order);
  if (run->has(at, order)) return false;
  if (!run->full()) {
    run->put(at, order);
    return true;
  }
  if (run->capacity < full_capacity) {
    Run* larger = Run::make(static_cast<std::uint16_t>(2 * run->capacity + 2), memory);
    larger->append(*run);
    Run::drop(run, memory);
    set(larger);
    larger->put(larger->lower_bound(order), order);
    return true;
  }
  auto* big = new Directory;
  memory.bytes += sizeof(Directory) + 4 * sizeof(Directory::Slot);
  big->slots.reserve(4);
  big->slots.push_back({run->orders()[run->begin], run});
  big->count = run->size();
  set(big);
  return insert_in_directory(*big, order, memory);
}

bool IdList::insert_in_directory(Directory& directory, Order order, Memory& memory) {
  auto& slots = directory.slots;
  std::size_t slot = directory.slot_of(order);
  Run* run = slots[slot].run;
  std::uint16_t at = run->lower_bound(order);
  if (run->has(at, order)) return false;
  if (run->full()) {
    // At the end a new run begins, so that a growing list has full runs; elsewhere the run is halved.
    const bool at_end = slot + 1 == slots.size() && at == run->end;
    Run* next = Run::make(full_capacity, memory);
    const std::size_t room = slots.capacity();
    if (at_end) {
      slots.push_back({order, next});
    } else {
      const auto half = static_cast<std::uint16_t>(run->begin + run->size() / 2);
      std::copy(run->orders() + half, run->orders() + run->end, next->orders());
      next->end = static_cast<std::uint16_t>(run->end - half);
      run->end = half;
      slots.insert(slots.begin() + static_cast<std::ptrdiff_t>(slot) + 1, {next->orders()[0], next});
    }
    memory.bytes += (slots.capacity() - room) * sizeof(Directory::Slot);
    if (order >= slots[slot + 1].first) ++slot;
    run = slots[slot].run;
    at = run->lower_bound(order);
  }
  run->put(at, order);
  slots[slot].first = std::min(slots[slot].first, order);
  ++directory.count;
  return true;
}

bool IdList::erase(Order order, Memory& memory) {
  if (word_ == 0) return false;
  if (single()) {
    if (word_ >> 1 != order) return false;
    word_ = 0;
    return true;
  }
  Directory* big = directory();
  const std::size_t slot = big != nullptr ? big->slot_of(order) : 0;
  Run* in = big != nullptr ? big->slots[slot].run : run();
  const std::uint16_t at = in->lower_bound(order);
  if (!in->has(at, order)) return false;
  in->remove(at);
  if (big == nullptr) {
    shrink_run(in, memory);
  } else {
    --big->count;
    if (in->size() < merge_below) erase_slot(*big, slot, memory);
  }
  return true;
}

// Gives memory back once three quarters are unused; a last one goes back into the word.
void IdList::shrink_run(Run* run, Memory& memory) {
  if (run->size() == 1) {
    set(run->orders()[run->begin]);
    Run::drop(run, memory);
  } else if (run->capacity > 6 && run->size() * 4 < run->capacity) {
    Run* smaller = Run::make(static_cast<std::uint16_t>(run->capacity / 2 - 1), memory);
    smaller->append(*run);
    Run::drop(run, memory);
    set(smaller);
  }
}

// A run has become short: it is dropped when empty, or joined with its neighbour, so that memory follows the content.
void IdList::erase_slot(Directory& directory, std::size_t slot, Memory& memory) {
  auto& slots = directory.slots;
  if (slots[slot].run->size() != 0 && slots.size() > 1) {
    const std::size_t left = slot + 1 < slots.size() ? slot : slot - 1;
    if (slots[left].run->size() + slots[left + 1].run->size() > full_capacity / 2) return;
    slots[left].run->append(*slots[left + 1].run);
    slot = left + 1;
  } else if (slots.size() == 1 && slots[0].run->size() != 0) {
    Run* last = slots[0].run;  // a list of one run needs no directory
    memory.bytes -= sizeof(Directory) + slots.capacity() * sizeof(Directory::Slot);
    delete &directory;
    set(last);
    shrink_run(last, memory);
    return;
  }
  Run::drop(slots[slot].run, memory);
  slots.erase(slots.begin() + static_cast<std::ptrdiff_t>(slot));
  if (slots.empty()) {
    memory.bytes -= sizeof(Directory) + slots.capacity() * sizeof(Directory::Slot);
    delete &directory;
    word_ = 0;
  }
}

IdList::Cursor::Cursor(const IdList& list, Order after) {
  if (list.empty()) return;
  if (list.single()) {
    current_ = list.word_ >> 1;
    valid_ = current_ > after;
    return;
  }
  directory_ = list.directory();
  if (directory_ != nullptr) slot_ = directory_->slot_of(after + 1);
  run_ = directory_ != nullptr ? directory_->slots[slot_].run : list.run();
  at_ = run_->lower_bound(after + 1);
  load();
}

void IdList::Cursor::next() {
  if (run_ == nullptr) {
    valid_ = false;
    return;
  }
  ++at_;
  load();
}

void IdList::Cursor::load() {
  if (at_ == run_->end && directory_ != nullptr && slot_ + 1 < directory_->slots.size()) {
    run_ = directory_->slots[++slot_].run;
    at_ = run_->begin;
  }
  valid_ = at_ < run_->end;
  if (valid_) current_ = run_->orders()[at_];
}

}  // namespace parvis::space
