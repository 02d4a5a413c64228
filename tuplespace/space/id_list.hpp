// An ordered set of tuples (their Orders) in one word: most index entries name one tuple, and that one needs no
// memory of its own. More stand in a run, a sorted array that is open at both ends; many in runs of at most 510 below
// a directory. Insert and erase are O(log n) anywhere and O(1) moves at both ends, where queues work.
//
// Single-threaded. A Cursor is valid until the list changes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "tuplespace/space/order.hpp"

namespace parvis::space {

class IdList {
 public:
  struct Memory {  // what the lists of one index have allocated
    std::size_t bytes = 0;
  };

  IdList() = default;
  IdList(IdList&& other) noexcept : word_(std::exchange(other.word_, 0)) {}
  IdList& operator=(IdList&& other) noexcept {
    std::swap(word_, other.word_);
    return *this;
  }
  IdList(const IdList&) = delete;
  IdList& operator=(const IdList&) = delete;
  ~IdList();

  bool insert(Order order, Memory& memory);  // false: it was there
  bool erase(Order order, Memory& memory);   // false: it was not there
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] bool empty() const { return word_ == 0; }
  [[nodiscard]] bool contains(Order order) const;

 private:
  struct Run;
  struct Directory;

 public:
  // Walks the list in order.
  class Cursor {
   public:
    Cursor() = default;                                    // at the end
    explicit Cursor(const IdList& list, Order after = 0);  // at the first beyond `after`; no order is 0
    explicit operator bool() const { return valid_; }
    Order operator*() const { return current_; }
    void next();

   private:
    void load();
    const Directory* directory_ = nullptr;
    const Run* run_ = nullptr;
    std::size_t slot_ = 0, at_ = 0;
    Order current_ = 0;
    bool valid_ = false;
  };

 private:
  // word_: 0 empty; low bit 1: the single order, shifted; low bits 10: a Directory; 00: a Run.
  [[nodiscard]] bool single() const { return (word_ & 1) != 0; }
  [[nodiscard]] Run* run() const;
  [[nodiscard]] Directory* directory() const;
  void set(Order order) { word_ = order << 1 | 1; }
  void set(Run* run);
  void set(Directory* directory);

  bool insert_in_run(Run* run, Order order, Memory& memory);
  static bool insert_in_directory(Directory& directory, Order order, Memory& memory);
  void shrink_run(Run* run, Memory& memory);
  void erase_slot(Directory& directory, std::size_t slot, Memory& memory);

  std::uintptr_t word_ = 0;
};
static_assert(sizeof(std::uintptr_t) == 8, "Parvis needs a 64-bit machine");

}  // namespace parvis::space
