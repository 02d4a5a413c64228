// Bytes that are shared, never copied by accident.
//
// A Blob is an immutable run of bytes together with whatever keeps it alive: a receive buffer, a mapped page, a Python
// buffer. Copying a Blob shares the bytes. Thread-safety: as std::shared_ptr; the bytes themselves never change.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace parvis {

using ByteSpan = std::span<const std::byte>;
using ByteVector = std::vector<std::byte>;

inline ByteSpan as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteSpan bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
inline bool same_bytes(ByteSpan a, ByteSpan b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
}

class Blob {
 public:
  Blob() = default;
  Blob(std::shared_ptr<const void> owner, ByteSpan bytes) : owner_(std::move(owner)), bytes_(bytes) {}

  static Blob copy(ByteSpan bytes) { return take(ByteVector(bytes.begin(), bytes.end())); }
  static Blob take(ByteVector&& bytes) {
    auto owner = std::make_shared<const ByteVector>(std::move(bytes));
    ByteSpan view(*owner);
    return {std::move(owner), view};
  }
  // The caller promises that the bytes outlive every copy of the result (string literals, a frame in scope).
  static Blob borrowed(ByteSpan bytes) { return {nullptr, bytes}; }

  [[nodiscard]] Blob slice(std::size_t offset, std::size_t size) const {
    return {owner_, bytes_.subspan(offset, size)};
  }
  [[nodiscard]] Blob slice(ByteSpan part) const { return {owner_, part}; }  // `part` lies inside this blob

  [[nodiscard]] ByteSpan span() const { return bytes_; }
  [[nodiscard]] const std::byte* data() const { return bytes_.data(); }
  [[nodiscard]] std::size_t size() const { return bytes_.size(); }
  [[nodiscard]] bool empty() const { return bytes_.empty(); }
  [[nodiscard]] const std::shared_ptr<const void>& owner() const { return owner_; }

  friend bool operator==(const Blob& a, const Blob& b) { return same_bytes(a.bytes_, b.bytes_); }

 private:
  std::shared_ptr<const void> owner_;
  ByteSpan bytes_;
};

}  // namespace parvis
