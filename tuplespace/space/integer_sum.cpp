#include "tuplespace/space/integer_sum.hpp"

#include <algorithm>
#include <cmath>

#include "tuplespace/model/codec.hpp"

namespace parvis::space {

void IntegerSum::add(ByteSpan value) {
  Reader reader(value);
  if (reader.integer_fits()) {
    small_ += reader.integer();
    return;
  }
  const auto big = reader.big_integer();
  Magnitude magnitude((big.magnitude.size() + 3) / 4);
  for (std::size_t i = 0; i < big.magnitude.size(); ++i)
    magnitude[i / 4] |= std::to_integer<std::uint32_t>(big.magnitude[i]) << 8 * (i % 4);
  add(big.negative ? negative_ : positive_, magnitude);
}

void IntegerSum::add(Magnitude& to, const Magnitude& more) {
  to.resize(std::max(to.size(), more.size()));
  std::uint64_t carry = 0;
  for (std::size_t i = 0; i < to.size() && (i < more.size() || carry != 0); ++i) {
    carry += std::uint64_t{to[i]} + (i < more.size() ? more[i] : 0);
    to[i] = static_cast<std::uint32_t>(carry);
    carry >>= 32;
  }
  if (carry != 0) to.push_back(static_cast<std::uint32_t>(carry));
}

void IntegerSum::subtract(Magnitude& from, const Magnitude& smaller) {
  std::uint64_t borrow = 0;
  for (std::size_t i = 0; i < from.size(); ++i) {
    const std::uint64_t less = (i < smaller.size() ? smaller[i] : 0) + borrow;
    borrow = from[i] < less ? 1 : 0;
    from[i] = static_cast<std::uint32_t>(from[i] - less);
  }
  while (!from.empty() && from.back() == 0) from.pop_back();
}

bool IntegerSum::less(const Magnitude& a, const Magnitude& b) {
  if (a.size() != b.size()) return a.size() < b.size();
  return std::lexicographical_compare(a.rbegin(), a.rend(), b.rbegin(), b.rend());
}

IntegerSum::Total IntegerSum::total() const {
  Magnitude positive = positive_, negative = negative_, small;
  for (Word rest = small_ < 0 ? -small_ : small_; rest != 0; rest >>= 32)
    small.push_back(static_cast<std::uint32_t>(rest));
  add(small_ < 0 ? negative : positive, small);
  const bool below = less(positive, negative);
  subtract(below ? negative : positive, below ? positive : negative);
  return {below, below ? std::move(negative) : std::move(positive)};
}

Value IntegerSum::value() const {
  const Total sum = total();
  if (sum.magnitude.size() <= 2) {
    std::uint64_t bits = 0;
    for (std::size_t i = sum.magnitude.size(); i-- > 0;) bits = bits << 32 | sum.magnitude[i];
    if (bits <= static_cast<std::uint64_t>(INT64_MAX) + (sum.negative ? 1 : 0))
      return Value(static_cast<std::int64_t>(sum.negative ? ~bits + 1 : bits));
  }
  BigInteger big{sum.negative, {}};
  for (const std::uint32_t part : sum.magnitude)
    for (unsigned shift = 0; shift < 32; shift += 8) big.magnitude.push_back(static_cast<std::byte>(part >> shift));
  while (big.magnitude.back() == std::byte{0}) big.magnitude.pop_back();
  return Value(std::move(big));
}

double IntegerSum::approximately() const {
  const Total sum = total();
  double result = 0;
  for (std::size_t i = sum.magnitude.size(); i-- > 0;) result = result * 0x1p32 + sum.magnitude[i];
  return sum.negative ? -result : result;
}

}  // namespace parvis::space
