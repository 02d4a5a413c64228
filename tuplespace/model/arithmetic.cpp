#include "tuplespace/model/arithmetic.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <string>
#include <vector>

#include "tuplespace/model/checks.hpp"
#include "tuplespace/model/codec.hpp"
#include "tuplespace/model/match.hpp"
#include "tuplespace/model/tags.hpp"

namespace parvis {

namespace {

std::string name_at(ByteSpan value) { return std::string(name_of(static_cast<Type>(walk::type_at(value)))); }

double real_of(ByteSpan value) { return std::bit_cast<double>(walk::real_bits(value.data() + 1)); }
std::int64_t small_of(ByteSpan value) {
  const auto* p = value.data() + 1;
  return tags::unzigzag(walk::varint(p));
}
bool both_small(ByteSpan a, ByteSpan b) {
  return walk::tag(a.data()) == tags::integer && walk::tag(b.data()) == tags::integer;
}

ByteVector written(const auto& number) {
  Encoding out;
  if constexpr (std::is_same_v<std::decay_t<decltype(number)>, double>) Writer(out).real(number);
  else Writer(out).integer(number);
  return {out.small().begin(), out.small().end()};
}

// An int of any size: sign and limbs, the lowest first, the last one not zero.
struct Big {
  using Limbs = std::vector<std::uint32_t>;
  bool negative = false;
  Limbs limbs;

  void trim() {
    while (!limbs.empty() && limbs.back() == 0) limbs.pop_back();
  }
};

Big big_of(ByteSpan value) {
  Big big;
  if (walk::tag(value.data()) == tags::integer) {
    const std::int64_t n = small_of(value);
    big.negative = n < 0;
    const auto magnitude = big.negative ? ~static_cast<std::uint64_t>(n) + 1 : static_cast<std::uint64_t>(n);
    big.limbs = {static_cast<std::uint32_t>(magnitude), static_cast<std::uint32_t>(magnitude >> 32)};
  } else {
    const auto* p = value.data() + 2;
    big.negative = value[1] == std::byte{1};
    const auto magnitude = walk::run(p);
    big.limbs.resize((magnitude.size() + 3) / 4);
    for (std::size_t i = 0; i < magnitude.size(); ++i)
      big.limbs[i / 4] |= std::to_integer<std::uint32_t>(magnitude[i]) << (i % 4 * 8);
  }
  big.trim();
  return big;
}

ByteVector written(const Big& big) {
  BigInteger number{big.negative, {}};
  number.magnitude.reserve(big.limbs.size() * 4);
  for (const std::uint32_t limb : big.limbs)
    for (unsigned shift = 0; shift < 32; shift += 8) number.magnitude.push_back(static_cast<std::byte>(limb >> shift));
  return written(number);
}

bool less(const Big::Limbs& a, const Big::Limbs& b) {
  if (a.size() != b.size()) return a.size() < b.size();
  return std::lexicographical_compare(a.rbegin(), a.rend(), b.rbegin(), b.rend());
}

Big::Limbs sum_of(const Big::Limbs& a, const Big::Limbs& b) {
  Big::Limbs sum(std::max(a.size(), b.size()) + 1);
  std::uint64_t carry = 0;
  for (std::size_t i = 0; i < sum.size(); ++i) {
    carry += (i < a.size() ? a[i] : std::uint64_t{0}) + (i < b.size() ? b[i] : 0);
    sum[i] = static_cast<std::uint32_t>(carry);
    carry >>= 32;
  }
  return sum;
}

Big::Limbs difference_of(const Big::Limbs& a, const Big::Limbs& b) {  // a >= b
  Big::Limbs difference(a.size());
  std::int64_t borrow = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    borrow += static_cast<std::int64_t>(a[i]) - (i < b.size() ? b[i] : 0);
    difference[i] = static_cast<std::uint32_t>(borrow);
    borrow >>= 32;
  }
  return difference;
}

Big sum(const Big& a, const Big& b) {
  Big result;
  if (a.negative == b.negative) {
    result = {a.negative, sum_of(a.limbs, b.limbs)};
  } else if (less(a.limbs, b.limbs)) {
    result = {b.negative, difference_of(b.limbs, a.limbs)};
  } else {
    result = {a.negative, difference_of(a.limbs, b.limbs)};
  }
  result.trim();
  return result;
}

Big product(const Big& a, const Big& b) {
  Big result{a.negative != b.negative, Big::Limbs(a.limbs.size() + b.limbs.size())};
  for (std::size_t i = 0; i < a.limbs.size(); ++i) {
    std::uint64_t carry = 0;
    for (std::size_t j = 0; j < b.limbs.size(); ++j) {
      carry += std::uint64_t{a.limbs[i]} * b.limbs[j] + result.limbs[i + j];
      result.limbs[i + j] = static_cast<std::uint32_t>(carry);
      carry >>= 32;
    }
    result.limbs[i + b.limbs.size()] = static_cast<std::uint32_t>(carry);
  }
  result.trim();
  return result;
}

template <class Small, class Exact, class Real>
ByteVector calculated(const char* what, ByteSpan a, ByteSpan b, Small&& small, Exact&& exact, Real&& real) {
  const std::uint8_t type = walk::type_at(a);
  if (type != walk::type_at(b) || (type != tags::integer && type != tags::real))
    checks::invalid(std::string(what) + " wants two ints or two floats, not " + name_at(a) + " and " + name_at(b));
  if (type == tags::real) return written(real(real_of(a), real_of(b)));
  std::int64_t result = 0;
  if (both_small(a, b) && !small(small_of(a), small_of(b), &result)) return written(result);
  return written(exact(big_of(a), big_of(b)));
}

bool comes_first(ByteSpan a, ByteSpan b, const char* what) {
  if (walk::type_at(a) != walk::type_at(b) || !tags::is_ordered(walk::type_at(a)))
    checks::invalid(std::string(what) + " wants two ints, floats, strs or bytes, not " + name_at(a) + " and " +
                    name_at(b));
  return compare_values(a, b) < 0;
}

}  // namespace

ByteVector add(ByteSpan a, ByteSpan b) {
  return calculated(
      "add", a, b, [](auto x, auto y, auto* r) { return __builtin_add_overflow(x, y, r); }, sum,
      [](double x, double y) { return x + y; });
}

ByteVector subtract(ByteSpan a, ByteSpan b) {
  const auto difference = [](const Big& x, Big y) {
    y.negative = !y.negative;
    return sum(x, y);
  };
  return calculated(
      "subtract", a, b, [](auto x, auto y, auto* r) { return __builtin_sub_overflow(x, y, r); }, difference,
      [](double x, double y) { return x - y; });
}

ByteVector multiply(ByteSpan a, ByteSpan b) {
  return calculated(
      "multiply", a, b, [](auto x, auto y, auto* r) { return __builtin_mul_overflow(x, y, r); }, product,
      [](double x, double y) { return x * y; });
}

std::size_t steps_to_multiply(ByteSpan a, ByteSpan b) { return (a.size() / 4 + 1) * (b.size() / 4 + 1) / 64; }

ByteSpan lesser(ByteSpan a, ByteSpan b) { return comes_first(b, a, "min") ? b : a; }
ByteSpan greater(ByteSpan a, ByteSpan b) { return comes_first(a, b, "max") ? b : a; }

}  // namespace parvis
