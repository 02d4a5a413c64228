// A hash map in 256 parts, so that the growth of one is a pause of microseconds where a single map of ten million
// entries would stop everybody for half a second. Keys are numbers; `mixed` says that their bits are random already.
// Single-threaded, as everything in this folder.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include <boost/unordered/unordered_flat_map.hpp>

namespace parvis::space {

constexpr std::uint64_t mixed_bits(std::uint64_t x) {
  x ^= x >> 32;
  x *= 0xe9846af9b1a615d;
  x ^= x >> 32;
  x *= 0xe9846af9b1a615d;
  return x ^ (x >> 28);
}

template <class Value, bool mixed>
class Sharded {
  struct Hash {
    using is_avalanching = void;
    std::size_t operator()(std::uint64_t key) const { return mixed ? key : mixed_bits(key); }
  };
  using Map = boost::unordered_flat_map<std::uint64_t, Value, Hash>;

 public:
  [[nodiscard]] Value* find(std::uint64_t key) {
    Map& map = part(key);
    auto found = map.find(key);
    return found == map.end() ? nullptr : &found->second;
  }
  [[nodiscard]] const Value* find(std::uint64_t key) const { return const_cast<Sharded*>(this)->find(key); }

  // The value of `key`, made when it is not there. References live until the next insertion or erasure.
  Value& operator[](std::uint64_t key) {
    Map& map = part(key);
    const std::size_t before = map.size();
    Value& value = map[key];
    size_ += map.size() - before;
    return value;
  }

  void erase(std::uint64_t key) {
    Map& map = part(key);
    size_ -= map.erase(key);
    // What was needed once is given back.
    if (map.bucket_count() > 1024 && map.size() * 8 < map.bucket_count()) map.rehash(map.size() * 2);
  }

  [[nodiscard]] std::size_t size() const { return size_; }
  // What the entries take, in maps that are two thirds full: by content, not by the most there ever was.
  [[nodiscard]] std::size_t bytes() const { return size_ * (sizeof(typename Map::value_type) + 1) * 3 / 2; }

  // In no order that anything may depend on.
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (const Map& map : parts_)
      for (const auto& [key, value] : map) visit(key, value);
  }

 private:
  // The map itself goes by the highest bits and remembers the lowest eight; the part is chosen by others.
  Map& part(std::uint64_t key) { return parts_[(Hash{}(key) >> 20) & 0xff]; }

  std::array<Map, 256> parts_;
  std::size_t size_ = 0;
};

}  // namespace parvis::space
