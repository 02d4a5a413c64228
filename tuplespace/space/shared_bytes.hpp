// Bytes with their reference count in one allocation, to be filled in. A shared array of a size that is known when this
// is compiled costs 32 bytes less than one of any size, and a million tuples feel them: small ones are of the next of
// the sizes that fill what malloc gives, in steps of 16.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <utility>

namespace parvis::space {

template <std::size_t Size>
std::shared_ptr<std::byte[]> shared_array() {
  auto whole = std::make_shared_for_overwrite<std::array<std::byte, Size>>();
  return {whole, whole->data()};
}

inline std::shared_ptr<std::byte[]> shared_bytes(std::size_t size) {
  constexpr std::size_t small_sizes = 16;
  static constexpr auto makers = []<std::size_t... I>(std::index_sequence<I...>) {
    return std::array{&shared_array<16 * I + 8>...};
  }
  (std::make_index_sequence<small_sizes>());
  const std::size_t step = (size + 7) / 16;
  return step < small_sizes ? makers[step]() : std::make_shared_for_overwrite<std::byte[]>(size);
}

}  // namespace parvis::space
