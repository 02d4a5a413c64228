// Any bytes as a message of the kind that the first byte names: refused with an Error, or the one encoding of what it
// is.
#include "tuplespace/wire/message.hpp"
#include "support.hpp"
#include "tuplespace/model/error.hpp"

using namespace parvis;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0 || size > max_fragment_bytes) return 0;
  const auto body = Blob::copy({reinterpret_cast<const std::byte*>(data) + 1, size - 1});
  wire::Incoming incoming;
  incoming.kind = static_cast<wire::Kind>(data[0]);
  incoming.id = 1;
  incoming.body = body;
  wire::Message message;
  try {
    message = wire::unpack(incoming);
  } catch (const Error&) {
    return 0;
  }
  const auto again = wire::pack(incoming.id, message);
  PARVIS_HOLDS(again.kind == incoming.kind);
  if (again.segments.empty()) PARVIS_HOLDS(same_bytes(again.body, body.span()));
  return 0;
}
