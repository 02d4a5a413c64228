// Any bytes as a template, and behind it a tuple: one byte of length, the template, the tuple.
#include "support.hpp"
#include "tuplespace/model/codec.hpp"
#include "tuplespace/model/error.hpp"
#include "tuplespace/model/match.hpp"
#include "tuplespace/model/text.hpp"

using namespace parvis;

namespace {

bool valid(ByteSpan bytes, void (*validate)(ByteSpan)) {
  try {
    validate(bytes);
    return true;
  } catch (const Error&) {
    return false;
  }
}

bool decodes(const Blob& bytes, Template& result) {
  try {
    result = decode_template(bytes);
    return true;
  } catch (const Error&) {
    return false;
  }
}

void match(ByteSpan pattern, ByteSpan tuple) {
  const Matcher matcher(pattern);
  std::vector<ByteSpan> fields;
  split_tuple(tuple, fields);
  const bool matches = matcher.matches(fields);
  PARVIS_HOLDS(matches == (matcher.first_mismatch(fields) == -1));
  for (const auto& actual : matcher.actuals()) {
    PARVIS_HOLDS(!matches || actual.hash == hash_value(fields[actual.position]));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteSpan all(reinterpret_cast<const std::byte*>(data), size);
  if (all.empty()) return 0;
  const auto length = std::to_integer<std::size_t>(all[0]);
  if (length > all.size() - 1) return 0;
  const auto pattern = Blob::copy(all.subspan(1, length));
  const auto tuple = all.subspan(1 + length);
  Template decoded;
  const bool accepted = valid(pattern.span(), validate_template);
  PARVIS_HOLDS(decodes(pattern, decoded) == accepted);
  if (!accepted) return 0;
  PARVIS_HOLDS(encoded(decoded) == pattern);
  PARVIS_HOLDS(!to_text(decoded).empty());
  if (valid(tuple, validate_tuple)) match(pattern.span(), tuple);
  return 0;
}
