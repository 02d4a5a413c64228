// Sums of encoded ints of any size, exactly. 64-bit ints gather in a machine word of 128; what is larger in two
// magnitudes, one of the positive and one of the negative numbers, which only grow.
#pragma once

#include <cstdint>
#include <vector>

#include "tuplespace/model/bytes.hpp"
#include "tuplespace/model/value.hpp"

namespace parvis::space {

class IntegerSum {
 public:
  void add(ByteSpan value);  // the encoding of an int
  [[nodiscard]] Value value() const;
  [[nodiscard]] double approximately() const;  // rounded; infinite beyond the floats
  [[nodiscard]] std::size_t bytes() const { return (positive_.size() + negative_.size()) * sizeof(std::uint32_t); }

 private:
  using Magnitude = std::vector<std::uint32_t>;  // lowest first, no zero at the end
  __extension__ using Word = __int128;
  static void add(Magnitude& to, const Magnitude& more);
  static void subtract(Magnitude& from, const Magnitude& smaller);
  static bool less(const Magnitude& a, const Magnitude& b);
  struct Total {
    bool negative;
    Magnitude magnitude;
  };
  [[nodiscard]] Total total() const;

  Word small_ = 0;
  Magnitude positive_, negative_;
};

}  // namespace parvis::space
