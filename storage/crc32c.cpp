#include "storage/crc32c.hpp"

#include <array>
#include <bit>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <arm_acle.h>
#include <sys/auxv.h>
#endif

namespace parvis::storage {
namespace {

using Tables = std::array<std::array<std::uint32_t, 256>, 8>;

constexpr Tables make_tables() {
  Tables tables{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78U : 0);
    tables[0][i] = crc;
  }
  for (std::size_t t = 1; t < tables.size(); ++t) {
    for (std::size_t i = 0; i < 256; ++i) tables[t][i] = tables[t - 1][i] >> 8 ^ tables[0][tables[t - 1][i] & 0xff];
  }
  return tables;
}
constexpr Tables tables = make_tables();

std::uint64_t load(const std::byte* at) {
  std::uint64_t word = 0;
  std::memcpy(&word, at, sizeof word);
  return word;
}

#if defined(__x86_64__)
bool have_instruction() { return __builtin_cpu_supports("sse4.2"); }

__attribute__((target("sse4.2"))) std::uint32_t by_instruction(ByteSpan bytes, std::uint32_t before) {
  std::uint64_t crc = ~before;
  const std::byte* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; at += 8, left -= 8) crc = _mm_crc32_u64(crc, load(at));
  auto narrow = static_cast<std::uint32_t>(crc);
  for (; left > 0; ++at, --left) narrow = _mm_crc32_u8(narrow, std::to_integer<std::uint8_t>(*at));
  return ~narrow;
}
#elif defined(__aarch64__) && defined(__linux__)
bool have_instruction() { return (getauxval(AT_HWCAP) & 1UL << 7) != 0; }  // HWCAP_CRC32

__attribute__((target("+crc"))) std::uint32_t by_instruction(ByteSpan bytes, std::uint32_t before) {
  std::uint32_t crc = ~before;
  const std::byte* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; at += 8, left -= 8) crc = __crc32cd(crc, load(at));
  for (; left > 0; ++at, --left) crc = __crc32cb(crc, std::to_integer<std::uint8_t>(*at));
  return ~crc;
}
#else
bool have_instruction() { return false; }
std::uint32_t by_instruction(ByteSpan bytes, std::uint32_t before) { return crc32c_by_tables(bytes, before); }
#endif

}  // namespace

std::uint32_t crc32c_by_tables(ByteSpan bytes, std::uint32_t before) {
  std::uint32_t crc = ~before;
  const std::byte* at = bytes.data();
  std::size_t left = bytes.size();
  if constexpr (std::endian::native == std::endian::little) {
    for (; left >= 8; at += 8, left -= 8) {
      const std::uint64_t word = load(at) ^ crc;
      crc = 0;
      for (std::size_t i = 0; i < 8; ++i) crc ^= tables[7 - i][word >> (8 * i) & 0xff];
    }
  }
  for (; left > 0; ++at, --left) crc = crc >> 8 ^ tables[0][(crc ^ std::to_integer<std::uint32_t>(*at)) & 0xff];
  return ~crc;
}

std::uint32_t crc32c(ByteSpan bytes, std::uint32_t before) {
  static const bool instruction = have_instruction();
  return instruction ? by_instruction(bytes, before) : crc32c_by_tables(bytes, before);
}

}  // namespace parvis::storage
