// A hash table in 256 parts, so that the growth of one is a pause of microseconds where a single table of ten million
// entries would stop everybody for half a second. The parts have different shares of the keys (up to twice as many), so
// that they do not all grow at once, and on the whole are as full as such tables are on average, at any size.
//
// `Table`: an unordered_flat_map or _set of boost whose hasher is avalanching. Single-threaded, as everything here.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace parvis::space {

constexpr std::uint64_t mixed_bits(std::uint64_t x) {
  x ^= x >> 32;
  x *= 0xe9846af9b1a615d;
  x ^= x >> 32;
  x *= 0xe9846af9b1a615d;
  return x ^ (x >> 28);
}

// Which of 256 parts one of 4096 equal shares of the keys belongs to: part p has a weight of 256 + p.
inline constexpr std::array<std::uint8_t, 4096> shares_of_parts = [] {
  std::array<std::uint8_t, 4096> shares{};
  constexpr std::size_t all = 256 * 256 + 255 * 128;
  std::size_t share = 0, weight = 0;
  for (std::size_t part = 0; part < 256; ++part) {
    weight += 256 + part;
    for (; share < weight * shares.size() / all; ++share) shares[share] = static_cast<std::uint8_t>(part);
  }
  return shares;
}();

template <class Table>
class Sharded {
 public:
  // The element of `key`, or null. Pointers live until the next insertion or erasure.
  template <class Key>
  [[nodiscard]] auto find(const Key& key) {
    Table& table = part(key);
    auto found = table.find(key);
    return found == table.end() ? nullptr : &*found;
  }
  template <class Key>
  [[nodiscard]] auto find(const Key& key) const {
    const Table& table = parts_[part_of(typename Table::hasher{}(key))];
    auto found = table.find(key);
    return found == table.end() ? nullptr : &*found;
  }

  // Calls act(table) with the part in which `key` belongs.
  template <class Key, class Act>
  void insert(const Key& key, Act&& act) {
    Table& table = part(key);
    size_ -= table.size();
    act(table);
    size_ += table.size();
  }

  template <class Key>
  void erase(const Key& key) {
    Table& table = part(key);
    size_ -= table.erase(key);
    // What was needed once is given back.
    if (table.bucket_count() > 1024 && table.size() * 8 < table.bucket_count()) table.rehash(table.size() * 2);
  }

  [[nodiscard]] std::size_t size() const { return size_; }
  // What the entries take on average: by content, not by the most there ever was.
  [[nodiscard]] std::size_t bytes() const { return size_ * (sizeof(typename Table::value_type) + 1) * 5 / 3; }

  // In no order that anything may depend on.
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (const Table& table : parts_)
      for (const auto& element : table) visit(element);
  }

 private:
  // A table goes by the highest bits of a hash and remembers the lowest eight; the part is chosen by others.
  static std::size_t part_of(std::uint64_t hash) { return shares_of_parts[(hash >> 20) % shares_of_parts.size()]; }
  template <class Key>
  Table& part(const Key& key) {
    return parts_[part_of(typename Table::hasher{}(key))];
  }

  std::array<Table, 256> parts_;
  std::size_t size_ = 0;
};

}  // namespace parvis::space
