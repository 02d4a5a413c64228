#include "tuplespace/model/form.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "tuplespace/model/arithmetic.hpp"
#include "tuplespace/model/checks.hpp"
#include "tuplespace/model/codec.hpp"
#include "tuplespace/model/match.hpp"
#include "tuplespace/model/tags.hpp"

namespace parvis {

namespace {

void append_varint(ByteVector& out, std::uint64_t n) {
  for (; n >= 0x80; n >>= 7) out.push_back(static_cast<std::byte>(n | 0x80));
  out.push_back(static_cast<std::byte>(n));
}

void check_size(std::size_t bytes, std::size_t limit) {
  checks::within(bytes, limit, "bytes of a tuple that a statement makes", "tuple_bytes", "make it smaller");
}

struct VariableAt {
  std::string_view name;
  std::uint8_t type;  // tags::untyped: any
};
VariableAt variable_at(const std::byte* p) {
  const auto name = as_text(walk::run(++p));
  return {name, walk::tag(p)};
}

struct NestedAt {
  std::uint8_t type;  // of list or tuple
  bool open;
  std::uint64_t fields;
  const std::byte* first;
};
NestedAt nested_at(const std::byte* p) {
  NestedAt nested{walk::tag(p + 1), walk::tag(p + 2) == 1, 0, nullptr};
  nested.fields = walk::varint(p += 3);
  nested.first = p;
  return nested;
}

template <class Visit>
void visit_variables(const std::byte* p, Visit&& visit) {
  if (walk::tag(p) == tags::variable) visit(variable_at(p).name);
  if (walk::tag(p) != tags::nested) return;
  const NestedAt nested = nested_at(p);
  const auto* inner = nested.first;
  for (auto n = nested.fields; n != 0; --n) visit_variables(walk::pattern(inner).data(), visit);
}

// The fields of a template: visit(pattern). Returns its flags.
template <class Visit>
std::uint8_t for_each_field(ByteSpan encoded_template, Visit&& visit) {
  const auto* p = encoded_template.data();
  const std::uint8_t flags = walk::tag(p++);
  for (auto n = walk::varint(p); n != 0; --n) visit(walk::pattern(p));
  return flags;
}

// Writes patterns and forms with the variables replaced.
class Substitution {
 public:
  Substitution(const BoundVariables& bound, std::size_t max_bytes) : bound_(bound), max_bytes_(max_bytes) {}

  ByteVector out;
  bool fits_types = true;  // every variable stood for a value of its type

  // Why the pattern is no value even with the variables replaced; empty when it is one.
  [[nodiscard]] std::string why_no_value(const std::byte* p) const {
    const auto tag = walk::tag(p);
    if (tags::is_value(tag)) return {};
    if (tag == tags::variable) {
      const auto name = variable_at(p).name;
      return bound_.find(name) != nullptr ? std::string() : fmt::format("the variable {} is not bound", name);
    }
    if (tag != tags::nested) return "a form holds only values, variables and nested forms";
    const NestedAt nested = nested_at(p);
    if (nested.open) return "a nested form has no `...`";
    const auto* inner = nested.first;
    for (auto n = nested.fields; n != 0; --n)
      if (auto why = why_no_value(walk::pattern(inner).data()); !why.empty()) return why;
    return {};
  }

  void write(ByteSpan pattern) {
    if (why_no_value(pattern.data()).empty()) return write_value(pattern);
    if (walk::tag(pattern.data()) != tags::nested) return append(pattern);
    const NestedAt nested = nested_at(pattern.data());
    const auto* inner = nested.first;
    append({pattern.data(), inner});
    for (auto n = nested.fields; n != 0; --n) write(walk::pattern(inner));
  }

  void write_value(ByteSpan pattern) {
    const auto tag = walk::tag(pattern.data());
    if (tag == tags::variable) {
      const VariableAt variable = variable_at(pattern.data());
      const ByteSpan value = bound_.find(variable.name)->value;
      const auto type = tags::type_of(walk::tag(value.data()));
      fits_types = fits_types && (variable.type == tags::untyped || variable.type == type);
      return append(value);
    }
    if (tag != tags::nested) return append(pattern);
    const NestedAt nested = nested_at(pattern.data());
    out.push_back(static_cast<std::byte>(nested.type));
    append_varint(out, nested.fields);
    const auto* inner = nested.first;
    for (auto n = nested.fields; n != 0; --n) write_value(walk::pattern(inner));
  }

 private:
  void append(ByteSpan bytes) {
    check_size(out.size() + bytes.size(), max_bytes_);
    out.insert(out.end(), bytes.begin(), bytes.end());
  }

  const BoundVariables& bound_;
  std::size_t max_bytes_;
};

// The value of one field of a form; `what` and `position` name it in errors.
ByteVector value_of(ByteSpan pattern, const BoundVariables& bound, std::size_t max_bytes, const char* what,
                    std::size_t position) {
  Substitution substitution(bound, max_bytes);
  if (auto why = substitution.why_no_value(pattern.data()); !why.empty())
    checks::invalid(fmt::format("field {} of {}: {}", position, what, why));
  substitution.write_value(pattern);
  if (!substitution.fits_types)
    checks::invalid(fmt::format("field {} of {}: a variable stands for a value of another type", position, what));
  return std::move(substitution.out);
}

ByteVector joined(std::span<const ByteSpan> fields) {
  ByteVector tuple;
  append_varint(tuple, fields.size());
  for (const ByteSpan field : fields) tuple.insert(tuple.end(), field.begin(), field.end());
  validate_tuple(tuple);  // nesting may be too deep now
  return tuple;
}

ByteVector calculated(Change::How how, ByteSpan before, ByteVector operand, FormLimits& limits) {
  switch (how) {
    case Change::How::set: return operand;
    case Change::How::add: return add(before, operand);
    case Change::How::subtract: return subtract(before, operand);
    case Change::How::multiply: {
      const std::size_t steps = steps_to_multiply(before, operand);
      checks::within(steps, limits.steps, "steps of a multiplication", "steps_per_operation", "use smaller numbers");
      limits.steps -= steps;
      return multiply(before, operand);
    }
    case Change::How::min:
    case Change::How::max: {
      const ByteSpan chosen = how == Change::How::min ? lesser(before, operand) : greater(before, operand);
      return {chosen.begin(), chosen.end()};
    }
  }
  checks::invalid("unknown kind of change");
}

}  // namespace

const BoundVariables::Bound* BoundVariables::find(std::string_view name) const {
  auto found = std::find_if(bound_.begin(), bound_.end(), [&](const Bound& b) { return b.name == name; });
  return found == bound_.end() ? nullptr : &*found;
}

void BoundVariables::bind(ByteSpan encoded_template, std::span<const ByteSpan> fields, std::uint32_t where) {
  std::size_t i = 0;
  for_each_field(encoded_template, [&](ByteSpan pattern) { bind_pattern(pattern.data(), fields[i++], where); });
}

void BoundVariables::bind_pattern(const std::byte* p, ByteSpan value, std::uint32_t where) {
  if (walk::tag(p) == tags::variable) {
    const auto name = variable_at(p).name;
    if (find(name) == nullptr) bound_.push_back({name, value, where});
  } else if (walk::tag(p) == tags::nested) {
    const NestedAt nested = nested_at(p);
    const auto* inner = nested.first;
    const auto* v = value.data() + 1;
    walk::varint(v);
    for (auto n = nested.fields; n != 0; --n) {
      const ByteSpan pattern = walk::pattern(inner);
      bind_pattern(pattern.data(), walk::value(v), where);
    }
  }
}

std::vector<std::string_view> variables_of(ByteSpan encoded_template) {
  std::vector<std::string_view> names;
  for_each_field(encoded_template, [&](ByteSpan pattern) {
    visit_variables(pattern.data(), [&](std::string_view name) { names.push_back(name); });
  });
  return names;
}

std::optional<ByteVector> substituted(ByteSpan encoded_template, const BoundVariables& bound, std::size_t max_bytes) {
  Substitution substitution(bound, max_bytes);
  const auto* p = encoded_template.data() + 1;
  const auto fields = walk::varint(p);
  substitution.out.push_back(encoded_template[0]);
  append_varint(substitution.out, fields);
  try {
    for_each_field(encoded_template, [&](ByteSpan pattern) { substitution.write(pattern); });
    if (!substitution.fits_types) return std::nullopt;
    validate_template(substitution.out);
  } catch (const Error&) {
    return std::nullopt;  // too large or too deep for a template, so too large or too deep for a tuple
  }
  return std::move(substitution.out);
}

ByteVector instantiated(ByteSpan form, const BoundVariables& bound, const FormLimits& limits) {
  std::vector<ByteVector> values;
  std::size_t size = 0;
  const std::uint8_t flags = for_each_field(form, [&](ByteSpan pattern) {
    values.push_back(value_of(pattern, bound, limits.tuple_bytes, "the form", values.size()));
    check_size(size += values.back().size(), limits.tuple_bytes);
  });
  if (flags != 0) checks::invalid("a form has no `...`");
  return joined(std::vector<ByteSpan>(values.begin(), values.end()));
}

ByteVector changed(ByteSpan tuple, std::span<const Change> changes, const BoundVariables& bound,
                   const FormLimits& limits) {
  std::vector<ByteSpan> fields;
  split_tuple(tuple, fields);
  std::vector<ByteVector> values(fields.size());
  FormLimits left = limits;
  for (const Change& change : changes) {
    // A set just behind the last field appends one.
    if (change.how == Change::How::set && change.position == fields.size() && change.position < max_fields) {
      fields.emplace_back();
      values.emplace_back();
    }
    if (change.position >= fields.size())
      checks::invalid(fmt::format("a change of field {} of a tuple that has {}", change.position, fields.size()));
    const Blob form = change.operand.flat();
    ByteVector operand;
    for_each_field(form.span(), [&](ByteSpan pattern) {
      operand = value_of(pattern, bound, limits.tuple_bytes, "the change", change.position);
    });
    try {
      ByteVector value = calculated(change.how, fields[change.position], std::move(operand), left);
      values[change.position] = std::move(value);
    } catch (const Error& e) {
      throw Error(e.code(), fmt::format("field {}: {}", change.position, e.what()));
    }
    fields[change.position] = values[change.position];
    std::size_t size = 0;
    for (const ByteSpan field : fields) size += field.size();
    check_size(size, limits.tuple_bytes);
  }
  return joined(fields);
}

}  // namespace parvis
