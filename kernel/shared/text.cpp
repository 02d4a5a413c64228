#include "kernel/shared/text.hpp"

#include <string_view>

namespace parvis::kernel {

namespace {

// Length of the UTF-8 sequence at `at`, 0 when it is none.
std::size_t sequence_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(i < text.size() ? text[i] : '\0'); };
  const unsigned char first = byte(at);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xF5 ? 0 : first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC2 ? 2 : 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xC0) != 0x80) return 0;
  }
  const unsigned char second = byte(at + 1);
  if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F) || (first == 0xF0 && second < 0x90) ||
      (first == 0xF4 && second > 0x8F)) {
    return 0;
  }
  return length;
}

}  // namespace

std::string valid_utf8(std::string text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t length = sequence_length(text, at);
    if (length == 0) break;
    at += length;
  }
  if (at == text.size()) return text;
  std::string clean = text.substr(0, at);
  while (at < text.size()) {
    const std::size_t length = sequence_length(text, at);
    if (length == 0) clean += "\xEF\xBF\xBD";
    clean.append(text, at, length);
    at += length == 0 ? 1 : length;
  }
  return clean;
}

}  // namespace parvis::kernel
