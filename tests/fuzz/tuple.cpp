// Any bytes as a tuple: they are refused with an Error, or they are the one encoding of what they decode to.
#include "support.hpp"
#include "tuplespace/model/codec.hpp"
#include "tuplespace/model/error.hpp"
#include "tuplespace/model/match.hpp"
#include "tuplespace/model/text.hpp"

using namespace parvis;

namespace {

bool valid(ByteSpan bytes) {
  try {
    validate_tuple(bytes);
    return true;
  } catch (const Error&) {
    return false;
  }
}

bool decodes(const Blob& bytes, Tuple& tuple) {
  try {
    tuple = decode_tuple(bytes);
    return true;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = Blob::copy({reinterpret_cast<const std::byte*>(data), size});
  Tuple tuple;
  const bool accepted = valid(bytes.span());
  PARVIS_HOLDS(decodes(bytes, tuple) == accepted);
  if (!accepted) return 0;
  PARVIS_HOLDS(encoded(tuple) == bytes);
  PARVIS_HOLDS(tuple == tuple);
  PARVIS_HOLDS(!to_text(tuple).empty());

  std::vector<ByteSpan> fields;
  split_tuple(bytes.span(), fields);
  PARVIS_HOLDS(fields.size() == tuple.items.size());
  ByteVector as_template(bytes.span().begin(), bytes.span().end());  // the same fields behind the flags of a template
  as_template.insert(as_template.begin(), std::byte{0});
  const Matcher matcher(as_template);
  PARVIS_HOLDS(matcher.matches(fields));
  for (const auto& actual : matcher.actuals()) PARVIS_HOLDS(actual.hash == hash_value(fields[actual.position]));
  for (const auto& a : fields) {
    for (const auto& b : fields) PARVIS_HOLDS(!equal_values(a, b) || hash_value(a) == hash_value(b));
  }
  return 0;
}
