// The part of Reader that checks whole values and patterns without building anything, and validation on top of it.
#include <fmt/format.h>

#include "tuplespace/model/checks.hpp"
#include "tuplespace/model/codec.hpp"
#include "tuplespace/model/error.hpp"
#include "tuplespace/model/tags.hpp"

namespace parvis {

void Reader::step_value(std::uint8_t t) {
  switch (t) {
    case tags::nil: nil(); break;
    case tags::boolean: boolean(); break;
    case tags::integer: integer(); break;
    case tags::big_integer: big_integer(); break;
    case tags::real: real(); break;
    case tags::string: string(); break;
    case tags::bytes: bytes(); break;
    case tags::list: begin_list(); break;
    case tags::tuple: begin_tuple(); break;
    case tags::map: begin_map(); break;
    case tags::array: array(); break;
    case tags::object: object(); break;
    default: fail(fmt::format("tag {:#04x} where a value was expected", t));
  }
}

void Reader::step_pattern(std::uint8_t t) {
  switch (t) {
    case tags::any: any(); break;
    case tags::formal: formal(); break;
    case tags::class_formal: class_formal(); break;
    case tags::between: begin_between(); break;
    case tags::prefix: begin_prefix(); break;
    case tags::one_of: begin_one_of(); break;
    case tags::variable: variable(); break;
    case tags::nested: begin_nested(); break;
    default: step_value(t);
  }
}

void Reader::step() {
  if (nesting_.inside(Nesting::Kind::map)) key();
  const bool patterns = nesting_.depth() == 0 ? patterns_ : nesting_.inside(Nesting::Kind::patterns);
  patterns ? step_pattern(tag()) : step_value(tag());
}

ByteSpan Reader::skip() {
  const auto* start = at_;
  const auto depth = nesting_.depth();
  if (nesting_.inside(Nesting::Kind::map)) {
    // The caller has read the key; only the value is skipped.
    step_value(tag());
  } else {
    step();
  }
  while (nesting_.depth() > depth) step();
  return {start, at_};
}

void validate_tuple(ByteSpan bytes) {
  Reader reader(bytes);
  for (auto n = reader.tuple_body(); n != 0; --n) reader.skip();
  if (!reader.done())
    throw Error(ErrorCode::protocol_error, fmt::format("{} bytes behind the end of a tuple", reader.left()));
}

void validate_template(ByteSpan bytes) {
  Reader reader(bytes);
  for (auto n = reader.template_body().fields; n != 0; --n) reader.skip();
  if (!reader.done())
    throw Error(ErrorCode::protocol_error, fmt::format("{} bytes behind the end of a template", reader.left()));
}

}  // namespace parvis
