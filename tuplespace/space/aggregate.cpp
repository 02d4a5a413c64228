// count, sum, min and max over the matches, in groups. Sums of ints are exact, whatever their size; a float among them
// makes the sum a float. min and max compare numbers by value, and str and bytes each with their like.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "tuplespace/model/tags.hpp"
#include "tuplespace/space/integer_sum.hpp"
#include "tuplespace/space/state.hpp"

namespace parvis::space {

namespace {

constexpr std::size_t value_bytes_a_step = 512;  // large values cost more than a look

std::uint8_t type_of(ByteSpan value) { return tags::type_of(walk::tag(value.data())); }

double real_of(ByteSpan value) {
  if (type_of(value) == tags::real) return Reader(value).real();
  IntegerSum one;
  one.add(value);
  return one.approximately();
}

// <0, 0, >0; nothing for what has no order.
std::optional<int> compared(ByteSpan a, ByteSpan b) {
  if (type_of(a) == type_of(b)) return compare_values(a, b);
  if (type_of(a) > tags::real || type_of(b) > tags::real) return std::nullopt;
  const double x = real_of(a), y = real_of(b);
  if (std::isnan(x) || std::isnan(y)) return std::isnan(x) ? 1 : -1;  // last, as among floats
  return x < y ? -1 : x > y;
}

class Accumulator {
 public:
  explicit Accumulator(Aggregate::Term term) : term_(term) {}

  // The error, if the field cannot be part of this.
  std::optional<std::string> add(const Fields& fields) {
    using enum Aggregate::Function;
    ++number_;
    if (term_.function == count || term_.position >= fields.values.size()) return std::nullopt;
    const ByteSpan value = fields.values[term_.position];
    return term_.function == sum ? add_to_sum(value) : choose(value);
  }

  void write(Writer& out, Encoding& bytes) const {
    using enum Aggregate::Function;
    if (term_.function == count) return out.integer(static_cast<std::int64_t>(number_));
    if (term_.function != sum) return best_.empty() ? out.nil() : bytes.append(best_);
    if (!has_real_) return out.value(integers_.value());
    out.real(real_ + integers_.approximately());
  }
  [[nodiscard]] std::size_t bytes() const { return sizeof *this + best_.size() + integers_.bytes(); }

 private:
  std::optional<std::string> add_to_sum(ByteSpan value) {
    if (type_of(value) == tags::integer) {
      integers_.add(value);
    } else if (type_of(value) == tags::real) {
      has_real_ = true;
      real_ += Reader(value).real();
    } else {
      return fmt::format("field {} of a tuple is of type {}, and a sum wants int or float", term_.position,
                         name_of(static_cast<Type>(type_of(value))));
    }
    return std::nullopt;
  }
  std::optional<std::string> choose(ByteSpan value) {
    if (!tags::is_ordered(type_of(value)))
      return fmt::format("field {} of a tuple is of type {}, which has no order; min and max want int, float, str or "
                         "bytes",
                         term_.position, name_of(static_cast<Type>(type_of(value))));
    if (!best_.empty()) {
      const auto order = compared(value, best_);
      if (!order)
        return fmt::format("field {} is of type {} in one tuple and {} in another, which cannot be compared",
                           term_.position, name_of(static_cast<Type>(type_of(best_))),
                           name_of(static_cast<Type>(type_of(value))));
      if (term_.function == Aggregate::Function::min ? *order >= 0 : *order <= 0) return std::nullopt;
    }
    best_.assign(value.begin(), value.end());
    return std::nullopt;
  }

  Aggregate::Term term_;
  std::uint64_t number_ = 0;
  IntegerSum integers_;
  double real_ = 0;
  bool has_real_ = false;
  ByteVector best_;  // encoded
};

using Row = std::vector<Accumulator>;

// The values of the fields that name the group, one after the other; nothing: the tuple has no such field. A float -0.0
// is in the group of 0.0.
std::optional<ByteVector> key_of(const Fields& fields, const std::vector<std::uint32_t>& group_by) {
  ByteVector key;
  for (const std::uint32_t position : group_by) {
    if (position >= fields.values.size()) return std::nullopt;
    ByteSpan value = fields.values[position];
    Encoding zero;
    Writer(zero).real(0.0);
    if (equal_values(value, zero.small())) value = zero.small();
    key.insert(key.end(), value.begin(), value.end());
  }
  return key;
}

Item item_of_row(const Aggregate& aggregate, const ByteVector& key, const Row& row) {
  Encoding bytes;
  Writer out(bytes);
  out.tuple_body(aggregate.group_by.size() + row.size());
  bytes.append(key);
  for (const Accumulator& term : row) term.write(out, bytes);
  return {0, 0, bytes.flatten()};
}

}  // namespace

// The rows; or what is wrong.
std::variant<Engine::State::Rows, Failed> Engine::State::rows_of(const Space& space, const Aggregate& aggregate) {
  const Row empty(aggregate.terms.begin(), aggregate.terms.end());
  std::map<ByteVector, Row> rows;
  if (aggregate.group_by.empty()) rows.emplace(ByteVector(), empty);
  const std::vector<Matcher> matchers = matchers_of(aggregate.templates);
  Walk walk = candidates(space, matchers, reads);
  std::size_t kept = 0;
  while (const Entry* entry = walk.next()) {
    steps_left -= std::min(steps_left, entry->bytes.size / value_bytes_a_step);
    const auto key = key_of(fields, aggregate.group_by);
    if (!key) continue;
    auto [row, added] = rows.try_emplace(*key, empty);
    if (added) kept += key->size() + empty.size() * sizeof(Accumulator);
    for (Accumulator& term : row->second) {
      kept -= term.bytes();
      if (auto wrong = term.add(fields)) return Failed{ErrorCode::protocol_error, std::move(*wrong)};
      kept += term.bytes();
    }
    if (rows.size() > limits.reply_tuples)
      return over("reply_tuples", limits.reply_tuples, "too many groups; group by fewer fields, or name more of them");
    if (kept > limits.reply_bytes) return over("reply_bytes", limits.reply_bytes, "the groups are too large");
  }
  if (!walk.complete())
    return too_many_steps("too many tuples had to be looked at (a scan is not limited)", ordering_for(space, matchers));
  Rows items;
  for (const auto& [key, row] : rows) items.push_back(item_of_row(aggregate, key, row));
  return items;
}

void Engine::State::run(Session& s, Sequence sequence, const Aggregate& aggregate) {
  if (auto refused = refuse_read(aggregate.space, aggregate.templates)) return fail(s, sequence, std::move(*refused));
  const std::size_t columns = aggregate.terms.size() + aggregate.group_by.size();
  if (columns > max_fields)
    return fail(s, sequence, ErrorCode::limit_exceeded,
                fmt::format("{} columns; at most {} (max_fields), ask in several operations", columns, max_fields));
  const Space none;
  const Space* space = spaces.find(aggregate.space);
  auto rows = rows_of(space != nullptr ? *space : none, aggregate);
  if (auto* failed = std::get_if<Failed>(&rows)) return fail(s, sequence, std::move(*failed));
  const std::uint64_t after = space != nullptr ? after_look(*space) : spaces_dropped;
  answer(s, sequence, Found{0, std::move(std::get<Rows>(rows))}, after);
}

}  // namespace parvis::space
