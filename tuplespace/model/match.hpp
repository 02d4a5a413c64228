// Matching, on encodings, as one pure function; and the hashes the index is built from.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tuplespace/model/bytes.hpp"
#include "tuplespace/model/sort_key.hpp"
#include "tuplespace/model/template.hpp"

namespace parvis {

// The fields of a validated tuple encoding, each as the bytes of its value. `fields` is reused between calls.
void split_tuple(ByteSpan tuple, std::vector<ByteSpan>& fields);

// A template made ready for many matches. Owns a copy of its bytes. Build from validated encodings only.
class Matcher {
 public:
  explicit Matcher(ByteSpan encoded_template);
  Matcher(Matcher&&) noexcept = default;
  Matcher& operator=(Matcher&&) noexcept = default;

  // Does the template match the tuple with these fields? Pure; no allocation unless the template has variables.
  [[nodiscard]] bool matches(std::span<const ByteSpan> fields) const;

  struct Actual {
    std::uint16_t position;
    std::uint64_t hash;  // hash_value of the field
  };
  [[nodiscard]] std::span<const Actual> actuals() const { return actuals_; }  // positions ascending
  struct Range {
    std::uint16_t position;
    ByteSpan pattern;  // a Between or Prefix, for key_range()
  };
  // Positions ascending. Made by each call: few templates have any. They point into bytes().
  [[nodiscard]] std::vector<Range> ranges() const;
  [[nodiscard]] bool has_ranges() const { return has_ranges_; }
  [[nodiscard]] std::size_t field_count() const { return patterns_.size(); }
  [[nodiscard]] bool open() const { return open_; }
  [[nodiscard]] ByteSpan bytes() const { return bytes_; }
  // Which field is the nearest miss, for explain(): the first position that does not match, or -1.
  [[nodiscard]] int first_mismatch(std::span<const ByteSpan> fields) const;

 private:
  struct Pattern {
    std::uint8_t kind;  // Reader::PatternKind
    std::size_t offset, size;
  };
  [[nodiscard]] std::size_t mismatch(std::span<const ByteSpan> fields) const;

  ByteVector bytes_;
  std::vector<Pattern> patterns_;
  std::vector<Actual> actuals_;
  bool open_ = false, has_ranges_ = false;
};

// Equality of two encoded values as matching sees it (0.0 == -0.0 at every depth; arrays and objects by their bytes).
bool equal_values(ByteSpan a, ByteSpan b);
// Equal values hash equal. Seeded per process, so that a peer cannot prepare collisions.
std::uint64_t hash_value(ByteSpan value);
std::uint64_t hash_combine(std::uint64_t a, std::uint64_t b);
// <0, 0, >0 for two encoded values of one ordered type (int, float, str, bytes): a total order. str and bytes bytewise;
// 0.0 == -0.0, and NaNs come after everything else (though Between matches none of them).
int compare_values(ByteSpan a, ByteSpan b);

}  // namespace parvis
