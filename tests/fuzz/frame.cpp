// Any bytes as a stream of frames: messages come out or it is refused with an Error, whatever pieces the bytes come in,
// and what was understood means the same when it is sent again. The first byte chooses the pieces, and who is
// authenticated.
#include <algorithm>
#include <optional>

#include "support.hpp"
#include "tuplespace/model/error.hpp"
#include "tuplespace/wire/message.hpp"

using namespace parvis;

namespace {

// Number of messages, or nothing when the stream was refused.
std::optional<std::size_t> join(ByteSpan bytes, std::size_t step, bool authenticated) {
  wire::Assembler assembler{Limits{}};
  if (authenticated) assembler.authenticated();
  std::size_t messages = 0;
  try {
    while (!bytes.empty()) {
      const auto space = assembler.space();
      PARVIS_HOLDS(!space.empty());
      const auto n = std::min({space.size(), bytes.size(), step});
      std::copy_n(bytes.begin(), n, space.begin());
      bytes = bytes.subspan(n);
      assembler.received(n, [&](wire::Incoming&& incoming) {
        ++messages;
        try {
          (void)wire::unpack(incoming);
        } catch (const Error&) {
          return;  // whole frames, but no message: only the frames are at stake here
        }
      });
    }
  } catch (const Error&) {
    return std::nullopt;
  }
  return messages;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const ByteSpan bytes(reinterpret_cast<const std::byte*>(data) + 1, size - 1);
  const bool authenticated = (data[0] & 1) != 0;
  const auto whole = join(bytes, bytes.size(), authenticated);
  PARVIS_HOLDS(join(bytes, 1 + data[0] / 2u, authenticated) == whole);
  return 0;
}
