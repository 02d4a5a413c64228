// Messages as frames on a byte stream. Pure: bytes in, messages out; nothing here knows sockets. docs/protocol.md has
// the bytes. All integers little-endian.
//
//   frame    := length:u32  kind:u8  flags:u8  segments:u16  id:u64  fragment[length]
//   message  := the fragments of one id, joined (flags bit 0: more to come): [body_length:u32 segment_length:u64 *
//   segments] body segments
//               (the bracket only when segments > 0; otherwise the message is its body)
//
// Payloads up to inline_bytes stand in the body; larger ones are segments: sent from where they lie by gathered writes
// in fragments of at most max_fragment_bytes, between which other messages pass, and received straight into final
// memory.
//
// A sender may interleave the fragments of messages with different ids (never of the same id), but has at most
// max_partial_messages fragmented messages under way, together not above Limits::message_bytes. The simplest way to
// keep that rule: one fragmented message at a time, whole ones between its fragments.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "tuplespace/model/bytes.hpp"
#include "tuplespace/model/limits.hpp"

namespace parvis::wire {

inline constexpr std::size_t frame_header_bytes = 16;

enum class Kind : std::uint8_t {
  hello = 1,
  challenge = 2,
  proof = 3,
  welcome = 4,
  failed = 5,
  done = 6,
  found = 7,
  waiting = 8,
  listing = 9,
  pong = 10,
  answer = 11,
  output = 12,
  ended = 13,
  page = 14,
  ran = 15,
  events = 40,
  out = 16,
  get = 17,
  count = 18,
  begin = 19,
  commit = 20,
  abort = 21,
  renew = 22,
  spaces = 23,
  scan = 24,
  aggregate = 25,
  collect = 26,
  statement = 27,
  watch = 28,
  explain = 29,
  waiters = 30,
  cancel = 32,
  refuse = 33,
  confirm = 34,
  ping = 35,
  bye = 36,
  call = 48,
};

// A message ready to be sent: body with its header, and the segments where they lie.
struct Outgoing {
  Kind kind{};
  std::uint64_t id = 0;
  ByteVector body;                          // without header
  std::vector<std::vector<Blob>> segments;  // each: the pieces of one payload, in order
  [[nodiscard]] std::size_t size() const;
};

// Cuts one Outgoing into frames. next() appends at most one frame to `buffers` (header bytes live in the Cutter until
// the next call of next()); false when the message has been sent whole.
class Cutter {
 public:
  explicit Cutter(std::shared_ptr<const Outgoing> message);
  bool next(std::vector<ByteSpan>& buffers);
  [[nodiscard]] bool done() const { return !first_ && left_ == 0; }  // next() has nothing more

 private:
  std::shared_ptr<const Outgoing> message_;
  ByteVector head_;                    // header and, in the first frame, the lengths
  std::vector<ByteSpan> rest_;         // body, then the pieces of the segments
  std::size_t part_ = 0, offset_ = 0;  // how much of rest_ has been sent
  std::size_t left_ = 0;
  bool first_ = true;
};
// The whole of a message that fits one frame (no segments) appended to `out`: the common case, one copy, no allocation.
void append_frame(ByteVector& out, Kind kind, std::uint64_t id, ByteSpan body);

struct Incoming {
  Kind kind{};
  std::uint64_t id = 0;
  Blob body;
  std::vector<Blob> segments;
};

// Joins frames. Throws Error{protocol_error} or {limit_exceeded}; the connection is then beyond repair.
//
//   for (;;) { auto space = assembler.space(); n = recv(space); assembler.received(n, on_message); }
//
// on_message may call authenticated(), which holds from the next frame on; what it throws passes through received().
// space() points into the final memory of a segment while one is being received, else into the stream buffer. Memory
// grows with what has arrived, not with what a length promises.
class Assembler {
 public:
  explicit Assembler(const Limits& limits);
  std::span<std::byte> space();
  void received(std::size_t bytes, const std::function<void(Incoming&&)>& on_message);
  void authenticated();                             // from max_hello_bytes to the full limits
  [[nodiscard]] std::size_t partial_bytes() const;  // arrived of messages that are not whole yet
  Assembler(const Assembler&) = delete;
  Assembler& operator=(const Assembler&) = delete;
  ~Assembler();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace parvis::wire
