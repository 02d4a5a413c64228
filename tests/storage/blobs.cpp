#include "support.hpp"

namespace parvis::storage::test {

Blob text(std::string_view bytes) { return Blob::copy(as_bytes(bytes)); }
std::string str(const Blob& blob) { return std::string(as_text(blob.span())); }

Blob random_blob(std::size_t size, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  ByteVector bytes(size);
  for (std::size_t i = 0; i < size; i += 8) {
    const std::uint64_t word = random();
    std::memcpy(bytes.data() + i, &word, std::min<std::size_t>(8, size - i));
  }
  return Blob::take(std::move(bytes));
}

}  // namespace parvis::storage::test
