// Statements, on encodings: what a guard's templates bind, and what becomes of templates and forms when the variables
// are replaced by it. Pure functions on validated encodings.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "tuplespace/model/bytes.hpp"
#include "tuplespace/model/operation.hpp"

namespace parvis {

// Variables and their values. Both are spans: the template and the tuple must outlive it.
class BoundVariables {
 public:
  struct Bound {
    std::string_view name;
    ByteSpan value;
    std::uint32_t where = 0;  // which condition bound it
  };
  // Binds the variables of a template that matches a tuple with these fields; those that are bound stay as they are.
  void bind(ByteSpan encoded_template, std::span<const ByteSpan> fields, std::uint32_t where);
  [[nodiscard]] const Bound* find(std::string_view name) const;
  [[nodiscard]] std::size_t size() const { return bound_.size(); }
  void truncate(std::size_t size) { bound_.resize(size); }

 private:
  void bind_pattern(const std::byte* pattern, ByteSpan value, std::uint32_t where);
  std::vector<Bound> bound_;
};

// The variables in a template, at any depth.
std::vector<std::string_view> variables_of(ByteSpan encoded_template);

// The template with bound variables as actuals. Nothing: no tuple can match it, because a variable stands for a value
// of another type, or the template would exceed the limits of one.
std::optional<ByteVector> substituted(ByteSpan encoded_template, const BoundVariables& bound, std::size_t max_bytes);

// What making one tuple may cost. Error{limit_exceeded} beyond.
struct FormLimits {
  std::size_t tuple_bytes;
  std::size_t steps;
};
// The tuple that a form (actuals, bound variables, nested forms of both) stands for. Throws Error{protocol_error},
// which names the field, for anything else.
ByteVector instantiated(ByteSpan form, const BoundVariables& bound, const FormLimits& limits);
// The tuple after the changes, one after the other. Throws as instantiated(), and for what cannot be calculated.
ByteVector changed(ByteSpan tuple, std::span<const Change> changes, const BoundVariables& bound,
                   const FormLimits& limits);

}  // namespace parvis
