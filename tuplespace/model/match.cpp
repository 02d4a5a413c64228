#include "tuplespace/model/match.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <random>

#include "tuplespace/model/codec.hpp"
#include "tuplespace/model/tags.hpp"

namespace parvis {

namespace {

using Kind = Reader::PatternKind;

std::uint64_t seed() {
  static const std::uint64_t value = [] {
    std::random_device device;
    return (std::uint64_t{device()} << 32) | device();
  }();
  return value;
}

constexpr std::uint64_t negative_zero = std::uint64_t{1} << 63;

// What varies between calls of matches() and must not be stored in the Matcher, which is shared.
struct Bindings {
  std::vector<std::pair<std::string_view, ByteSpan>> bound;

  bool bind(std::string_view name, ByteSpan value) {
    for (const auto& [known, earlier] : bound) {
      if (known == name) return equal_values(earlier, value);
    }
    bound.emplace_back(name, value);
    return true;
  }
};

int compare_bytes(ByteSpan a, ByteSpan b) {
  const auto common = std::min(a.size(), b.size());
  const int order = common == 0 ? 0 : std::memcmp(a.data(), b.data(), common);
  if (order != 0) return order;
  return a.size() < b.size() ? -1 : a.size() > b.size();
}

struct BigParts {
  bool negative;
  ByteSpan magnitude;
};

BigParts big_parts(const std::byte* p) {
  const bool negative = *++p == std::byte{1};
  ++p;
  return {negative, walk::run(p)};
}

std::int64_t small_integer(const std::byte* p) { return tags::unzigzag(walk::varint(++p)); }

// Magnitudes are minimal: the longer one is the larger.
int compare_magnitudes(ByteSpan a, ByteSpan b) {
  if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  for (std::size_t i = a.size(); i-- > 0;) {
    if (a[i] != b[i]) return a[i] < b[i] ? -1 : 1;
  }
  return 0;
}

int compare_integers(const std::byte* a, const std::byte* b) {
  const bool a_big = walk::tag(a) == tags::big_integer;
  const bool b_big = walk::tag(b) == tags::big_integer;
  if (!a_big && !b_big) {
    const auto x = small_integer(a);
    const auto y = small_integer(b);
    return x < y ? -1 : x > y;
  }
  if (!b_big) return big_parts(a).negative ? -1 : 1;  // a big one lies beyond all small ones
  if (!a_big) return big_parts(b).negative ? 1 : -1;
  const auto x = big_parts(a);
  const auto y = big_parts(b);
  if (x.negative != y.negative) return x.negative ? -1 : 1;
  const int order = compare_magnitudes(x.magnitude, y.magnitude);
  return x.negative ? -order : order;
}

double real_at(const std::byte* p) { return std::bit_cast<double>(walk::real_bits(p + 1)); }

// A total order: NaNs come last, among themselves by their bits.
int compare_reals(const std::byte* a, const std::byte* b) {
  const double x = real_at(a);
  const double y = real_at(b);
  if (x < y) return -1;
  if (x > y) return 1;
  if (x == y) return 0;
  const bool x_nan = x != x;
  const bool y_nan = y != y;
  if (x_nan != y_nan) return x_nan ? 1 : -1;
  const auto i = walk::real_bits(a + 1);
  const auto j = walk::real_bits(b + 1);
  return i < j ? -1 : i > j;
}

ByteSpan run_of(ByteSpan value) {
  const auto* p = value.data() + 1;
  return walk::run(p);
}

bool lies_between(const std::byte* bounds, ByteSpan value) {
  if (tags::type_of(walk::tag(bounds)) != walk::type_at(value)) return false;
  if (walk::type_at(value) == tags::real) {
    const double x = real_at(value.data());
    return real_at(bounds) <= x && x <= real_at(bounds + 9);
  }
  const auto low = walk::value(bounds);
  const auto high = walk::value(bounds);
  return compare_values(low, value) <= 0 && compare_values(value, high) <= 0;
}

bool has_prefix(ByteSpan prefix, ByteSpan value) {
  if (walk::tag(prefix.data()) != walk::tag(value.data())) return false;
  const auto start = run_of(prefix);
  const auto whole = run_of(value);
  return whole.size() >= start.size() && same_bytes(start, whole.first(start.size()));
}

bool has_class(ByteSpan name, ByteSpan value) {
  const auto* p = value.data();
  if (walk::tag(p++) != tags::object) return false;
  walk::run(p);
  for (auto n = walk::varint(p); n != 0; --n) {
    if (same_bytes(walk::run(p), name)) return true;
  }
  return false;
}

bool is_one_of(const std::byte* values, ByteSpan value) {
  for (auto n = walk::varint(values); n != 0; --n) {
    if (equal_values(walk::value(values), value)) return true;
  }
  return false;
}

bool binds(const std::byte* p, ByteSpan value, Bindings* bindings) {
  const auto name = as_text(walk::run(p));
  const auto type = walk::tag(p);
  if (type != tags::untyped && type != walk::type_at(value)) return false;
  return bindings->bind(name, value);
}

bool matches_pattern(Kind kind, ByteSpan pattern, ByteSpan value, Bindings* bindings);

bool matches_nested(const std::byte* p, ByteSpan value, Bindings* bindings) {
  const auto* v = value.data();
  if (walk::tag(p++) != walk::tag(v++)) return false;
  const bool open = walk::tag(p++) == 1;
  const auto wanted = walk::varint(p);
  const auto present = walk::varint(v);
  if (open ? present < wanted : present != wanted) return false;
  for (std::uint64_t i = 0; i < wanted; ++i) {
    const auto inner = walk::pattern(p);
    const auto tag = walk::tag(inner.data());
    const auto kind = tags::is_pattern(tag) ? static_cast<Kind>(tag - tags::any + 1) : Kind::actual;
    if (!matches_pattern(kind, inner, walk::value(v), bindings)) return false;
  }
  return true;
}

bool matches_pattern(Kind kind, ByteSpan pattern, ByteSpan value, Bindings* bindings) {
  const auto* p = pattern.data() + 1;
  switch (kind) {
    case Kind::actual: return equal_values(pattern, value);
    case Kind::any: return true;
    case Kind::formal: return walk::tag(p) == walk::type_at(value);
    case Kind::class_formal: return has_class(walk::run(p), value);
    case Kind::between: return lies_between(p, value);
    case Kind::prefix: return has_prefix({p, pattern.data() + pattern.size()}, value);
    case Kind::one_of: return is_one_of(p, value);
    case Kind::variable: return binds(p, value, bindings);
    case Kind::nested: return matches_nested(p, value, bindings);
  }
  return false;
}

// The bytes to hash instead of a value that contains -0.0 somewhere: 0.0 in its place. Empty when there is none.
ByteVector without_negative_zeros(ByteSpan value) {
  ByteVector normal;
  const auto* p = value.data();
  walk::value(p, [&](const std::byte* real) {
    if (walk::real_bits(real) == negative_zero) {
      if (normal.empty()) normal.assign(value.begin(), value.end());
      std::memset(normal.data() + (real - value.data()), 0, sizeof negative_zero);
    }
    return true;
  });
  return normal;
}

}  // namespace

void split_tuple(ByteSpan tuple, std::vector<ByteSpan>& fields) {
  const auto* p = tuple.data();
  const auto count = static_cast<std::size_t>(walk::varint(p));
  fields.resize(count);
  for (auto& field : fields) field = walk::value(p);
}

Matcher::Matcher(ByteSpan encoded_template) : bytes_(encoded_template.begin(), encoded_template.end()) {
  Reader reader(bytes_);
  const auto head = reader.template_body();
  open_ = head.open;
  patterns_.reserve(head.fields);
  actuals_.reserve(std::min<std::size_t>(head.fields, 2));  // mostly few of many
  for (std::size_t i = 0; i < head.fields; ++i) {
    const auto kind = reader.peek_pattern();
    const auto pattern = reader.skip();
    patterns_.push_back(
        {static_cast<std::uint8_t>(kind), static_cast<std::size_t>(pattern.data() - bytes_.data()), pattern.size()});
    if (kind == Kind::actual) actuals_.push_back({static_cast<std::uint16_t>(i), hash_value(pattern)});
    has_ranges_ = has_ranges_ || kind == Kind::between || kind == Kind::prefix;
  }
}

std::vector<Matcher::Range> Matcher::ranges() const {
  std::vector<Range> ranges;
  for (std::size_t i = 0; i < patterns_.size(); ++i) {
    const auto kind = static_cast<Kind>(patterns_[i].kind);
    if (kind != Kind::between && kind != Kind::prefix) continue;
    ranges.push_back({static_cast<std::uint16_t>(i), ByteSpan(bytes_).subspan(patterns_[i].offset, patterns_[i].size)});
  }
  return ranges;
}

bool Matcher::matches(std::span<const ByteSpan> fields) const {
  if (open_ ? fields.size() < patterns_.size() : fields.size() != patterns_.size()) return false;
  return mismatch(fields) == patterns_.size();
}

int Matcher::first_mismatch(std::span<const ByteSpan> fields) const {
  const auto common = std::min(fields.size(), patterns_.size());
  const auto at = mismatch(fields.first(common));
  const bool fits = at == common && (open_ ? fields.size() >= patterns_.size() : fields.size() == patterns_.size());
  return fits ? -1 : static_cast<int>(at);
}

// The first of these fields that does not match; fields.size() or patterns_.size() when all do.
std::size_t Matcher::mismatch(std::span<const ByteSpan> fields) const {
  Bindings bindings;
  const auto common = std::min(fields.size(), patterns_.size());
  const ByteSpan bytes(bytes_);
  for (std::size_t i = 0; i < common; ++i) {
    const auto& p = patterns_[i];
    if (!matches_pattern(static_cast<Kind>(p.kind), bytes.subspan(p.offset, p.size), fields[i], &bindings)) return i;
  }
  return common;
}

bool equal_values(ByteSpan a, ByteSpan b) {
  if (a.size() != b.size()) return false;  // 0.0 and -0.0 have one size
  if (std::memcmp(a.data(), b.data(), a.size()) == 0) return true;
  const auto tag = walk::tag(a.data());
  if (tag != tags::real && !tags::is_container(tag)) return false;
  // Everything but the floats must be the same bytes; then the floats of b stand where those of a stand.
  const auto* p = a.data();
  const auto* compared = a.data();
  const auto b_at = [&](const std::byte* in_a) { return b.data() + (in_a - a.data()); };
  const auto same_until = [&](const std::byte* end) {
    return std::memcmp(compared, b_at(compared), static_cast<std::size_t>(end - compared)) == 0;
  };
  const bool same = walk::value(p, [&](const std::byte* real) {
    if (!same_until(real)) return false;
    compared = real + 8;
    const auto x = walk::real_bits(real);
    const auto y = walk::real_bits(b_at(real));
    return x == y || ((x | y) == negative_zero);
  });
  return same && same_until(a.data() + a.size());
}

namespace {

// Of a large value the size and both ends: who looks for it compares it whole, and a hash of all of a gigabyte would
// keep everybody waiting.
std::uint64_t hash_bytes(ByteSpan bytes) {
  constexpr std::size_t end = 512 << 10;
  if (bytes.size() <= 2 * end) return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed());
  const std::uint64_t first = XXH3_64bits_withSeed(bytes.data(), end, seed() ^ bytes.size());
  return XXH3_64bits_withSeed(bytes.last(end).data(), end, first);
}

}  // namespace

std::uint64_t hash_value(ByteSpan value) {
  const auto tag = walk::tag(value.data());
  if (tag == tags::real && walk::real_bits(value.data() + 1) == negative_zero) {
    constexpr std::byte zero[9] = {std::byte{tags::real}};
    return hash_bytes(zero);
  }
  if (tags::is_container(tag)) {
    const auto normal = without_negative_zeros(value);
    if (!normal.empty()) return hash_bytes(normal);
  }
  return hash_bytes(value);
}

std::uint64_t hash_combine(std::uint64_t a, std::uint64_t b) {
  const std::uint64_t both[] = {a, b};
  return XXH3_64bits_withSeed(both, sizeof both, seed());
}

int compare_values(ByteSpan a, ByteSpan b) {
  switch (walk::type_at(a)) {
    case tags::integer: return compare_integers(a.data(), b.data());
    case tags::real: return compare_reals(a.data(), b.data());
    default: return compare_bytes(run_of(a), run_of(b));
  }
}

}  // namespace parvis
