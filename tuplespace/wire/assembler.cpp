#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <unordered_map>

#include "tuplespace/model/error.hpp"
#include "tuplespace/model/mapped.hpp"
#include "tuplespace/wire/frame.hpp"

namespace parvis::wire {
namespace {

constexpr std::size_t initial_buffer_bytes = 4 * 1024;
constexpr std::size_t largest_buffer_bytes = 64 * 1024;
constexpr std::size_t mapped_segment_bytes = 1024 * 1024;  // larger segments are mapped: pages come as bytes arrive
constexpr std::size_t direct_bytes = 4 * 1024;             // at least so much is received straight into a segment

[[noreturn]] void malformed(const std::string& text) { throw Error(ErrorCode::protocol_error, text); }
[[noreturn]] void over(std::string_view what, std::uint64_t value, std::string_view limit, std::uint64_t most) {
  throw Error(ErrorCode::limit_exceeded,
              fmt::format("{} of {} bytes exceeds the limit {} = {}", what, value, limit, most));
}

std::uint64_t number(const std::byte* at, std::size_t bytes) {
  std::uint64_t n = 0;
  for (std::size_t i = bytes; i > 0; --i) n = n << 8 | static_cast<std::uint64_t>(at[i - 1]);
  return n;
}

}  // namespace

namespace assembling {

struct Header {
  std::size_t length = 0;
  Kind kind{};
  bool more = false;
  std::size_t segments = 0;
  std::uint64_t id = 0;
};

// A message of which fragments have arrived: lengths (when it has segments), body, segments, in this order.
struct Partial {
  Kind kind{};
  std::size_t segments = 0;
  ByteVector lengths;
  std::size_t body_size = 0;
  ByteVector body;
  std::vector<std::size_t> sizes;  // of the segments; known when `lengths` is complete
  std::vector<Blob> done;
  std::shared_ptr<std::byte> memory;  // of the segment under way
  std::size_t filled = 0;
  std::size_t arrived = 0;  // bytes of this message, for the bound on all of them

  [[nodiscard]] std::size_t lengths_size() const { return segments == 0 ? 0 : 4 + 8 * segments; }
  [[nodiscard]] bool in_segment() const {
    return !sizes.empty() && body.size() == body_size && done.size() < sizes.size();
  }
  [[nodiscard]] bool complete() const {
    return lengths.size() == lengths_size() && (segments == 0 || (body.size() == body_size && done.size() == segments));
  }
};

}  // namespace assembling

namespace {

using assembling::Header;
using assembling::Partial;

// Memory for one segment. A large one is only reserved: the kernel gives pages when bytes are written to them.
std::shared_ptr<std::byte> allocate(std::size_t size) {
  if (size < mapped_segment_bytes) {
    auto bytes = std::make_shared_for_overwrite<std::byte[]>(size);
    return {bytes, bytes.get()};
  }
  auto mapped = map_bytes(size);
  if (!mapped) {
    throw Error(ErrorCode::limit_exceeded,
                fmt::format("no memory for a segment of {} bytes: {}", size, std::strerror(errno)));
  }
  return mapped;
}

void read_lengths(Partial& p, const Limits& limits) {
  p.body_size = number(p.lengths.data(), 4);
  if (p.body_size > max_body_bytes) over("a message body", p.body_size, "max_body_bytes", max_body_bytes);
  std::uint64_t total = p.body_size;
  for (std::size_t i = 0; i < p.segments; ++i) {
    const std::uint64_t size = number(p.lengths.data() + 4 + 8 * i, 8);
    if (size == 0) malformed("a segment is empty");
    if (size > limits.message_bytes || total + size > limits.message_bytes) {
      over("a message", size > limits.message_bytes ? size : total + size, "message_bytes", limits.message_bytes);
    }
    total += size;
    p.sizes.push_back(size);
  }
}

void fill(Partial& p, std::size_t more) {
  const std::size_t size = p.sizes[p.done.size()];
  p.filled += more;
  if (p.filled < size) return;
  const std::byte* bytes = p.memory.get();
  p.done.emplace_back(std::move(p.memory), ByteSpan(bytes, size));
  p.memory = nullptr;
  p.filled = 0;
}

// Takes in as much of `bytes` as the stage the message is in has room for.
std::size_t feed(Partial& p, ByteSpan bytes, const Limits& limits) {
  if (p.lengths.size() < p.lengths_size()) {
    const std::size_t n = std::min(bytes.size(), p.lengths_size() - p.lengths.size());
    p.lengths.insert(p.lengths.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n));
    if (p.lengths.size() == p.lengths_size()) read_lengths(p, limits);
    return n;
  }
  if (p.segments == 0 || p.body.size() < p.body_size) {
    const std::size_t most = p.segments == 0 ? max_body_bytes : p.body_size;
    const std::size_t n = std::min(bytes.size(), most - p.body.size());
    if (n == 0) over("a message body", p.body.size() + bytes.size(), "max_body_bytes", max_body_bytes);
    p.body.insert(p.body.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n));
    return n;
  }
  if (!p.in_segment()) malformed("a message is longer than its lengths say");
  const std::size_t size = p.sizes[p.done.size()];
  if (!p.memory) p.memory = allocate(size);
  const std::size_t n = std::min(bytes.size(), size - p.filled);
  std::memcpy(p.memory.get() + p.filled, bytes.data(), n);
  fill(p, n);
  return n;
}

}  // namespace

struct Assembler::State {
  explicit State(const Limits& l) : limits(l), buffer(initial_buffer_bytes) {}

  Limits limits;
  bool trusted = false;
  ByteVector buffer;  // [begin, end) has been received and not been used
  std::size_t begin = 0, end = 0;
  std::unordered_map<std::uint64_t, Partial> partials;
  std::size_t arrived = 0;     // bytes of all partials
  Partial* current = nullptr;  // the frame under way belongs to it; null: between frames
  Header header;
  std::size_t frame_left = 0;
  bool direct = false;  // the last space() was in a segment

  [[nodiscard]] Header read_header() const;
  void check(const Header& h) const;
  bool start_frame(const std::function<void(Incoming&&)>& on_message);
  void count(std::size_t bytes);
  void end_frame(const std::function<void(Incoming&&)>& on_message);
  void consume(const std::function<void(Incoming&&)>& on_message);
};

Header Assembler::State::read_header() const {
  const std::byte* at = buffer.data() + begin;
  Header h;
  h.length = number(at, 4);
  h.kind = static_cast<Kind>(at[4]);
  if ((at[5] & ~std::byte{1}) != std::byte{0})
    malformed(fmt::format("unknown frame flags {:#x}", static_cast<unsigned>(at[5])));
  h.more = at[5] == std::byte{1};
  h.segments = number(at + 6, 2);
  h.id = number(at + 8, 8);
  return h;
}

void Assembler::State::check(const Header& h) const {
  if (!trusted) {
    if (h.length > max_hello_bytes) over("a frame before authentication", h.length, "max_hello_bytes", max_hello_bytes);
    if (h.more || h.segments != 0) malformed("a fragmented message before authentication");
  }
  if (h.length > max_fragment_bytes) over("a frame", h.length, "max_fragment_bytes", max_fragment_bytes);
  if (h.segments > max_segments)
    malformed(fmt::format("a message of {} segments exceeds the limit max_segments = {}", h.segments, max_segments));
  if (h.more && h.length == 0) malformed("an empty fragment that is not the last");
}

// With a header in the buffer. False: nothing more can be done before more bytes arrive.
bool Assembler::State::start_frame(const std::function<void(Incoming&&)>& on_message) {
  header = read_header();
  check(header);
  const auto known = partials.find(header.id);
  if (known == partials.end() && !header.more && header.segments == 0 &&
      frame_header_bytes + header.length <= largest_buffer_bytes) {
    if (end - begin < frame_header_bytes + header.length) return false;
    const ByteSpan body(buffer.data() + begin + frame_header_bytes, header.length);
    begin += frame_header_bytes + header.length;
    auto copy = std::make_shared_for_overwrite<std::byte[]>(body.size());
    std::copy(body.begin(), body.end(), copy.get());
    const ByteSpan kept(copy.get(), body.size());
    on_message(Incoming{header.kind, header.id, Blob(std::move(copy), kept), {}});
    return true;
  }
  if (known == partials.end()) {
    if (partials.size() >= max_partial_messages)
      malformed("more than max_partial_messages fragmented messages at once");
    current = &partials[header.id];
    current->kind = header.kind;
    current->segments = header.segments;
  } else {
    current = &known->second;
    if (current->kind != header.kind || current->segments != header.segments)
      malformed("a fragment does not fit the message with its id");
  }
  begin += frame_header_bytes;
  frame_left = header.length;
  return true;
}

void Assembler::State::count(std::size_t bytes) {
  frame_left -= bytes;
  current->arrived += bytes;
  arrived += bytes;
  if (arrived > limits.message_bytes + max_body_bytes)
    over("fragmented messages", arrived, "message_bytes", limits.message_bytes);
}

void Assembler::State::end_frame(const std::function<void(Incoming&&)>& on_message) {
  if (header.more) {
    current = nullptr;
    return;
  }
  if (!current->complete()) malformed("a message is shorter than its lengths say");
  Partial whole = std::move(*current);
  partials.erase(header.id);
  current = nullptr;
  arrived -= whole.arrived;
  on_message(Incoming{whole.kind, header.id, Blob::take(std::move(whole.body)), std::move(whole.done)});
}

void Assembler::State::consume(const std::function<void(Incoming&&)>& on_message) {
  for (;;) {
    if (!current) {
      if (end - begin < frame_header_bytes || !start_frame(on_message)) break;
      continue;
    }
    if (frame_left == 0) {
      end_frame(on_message);
      continue;
    }
    if (begin == end) break;
    const std::size_t n = feed(*current, {buffer.data() + begin, std::min(frame_left, end - begin)}, limits);
    begin += n;
    count(n);
  }
}

Assembler::Assembler(const Limits& limits) : state_(std::make_unique<State>(limits)) {}
Assembler::~Assembler() = default;
void Assembler::authenticated() { state_->trusted = true; }
std::size_t Assembler::partial_bytes() const { return state_->arrived; }

std::span<std::byte> Assembler::space() {
  State& s = *state_;
  if (s.current && s.begin == s.end && s.current->in_segment()) {
    Partial& p = *s.current;
    const std::size_t size = p.sizes[p.done.size()];
    const std::size_t room = std::min(s.frame_left, size - p.filled);
    if (room >= direct_bytes) {
      if (!p.memory) p.memory = allocate(size);
      s.direct = true;
      return {p.memory.get() + p.filled, room};
    }
  }
  if (s.begin > 0) {
    std::memmove(s.buffer.data(), s.buffer.data() + s.begin, s.end - s.begin);
    s.end -= s.begin;
    s.begin = 0;
  }
  // Between the fragments of large messages a small buffer: what it holds of the next fragment is copied once more.
  if (!s.partials.empty() && s.end < direct_bytes) return std::span(s.buffer).subspan(s.end, direct_bytes - s.end);
  if (s.end == s.buffer.size()) s.buffer.resize(std::min(largest_buffer_bytes, s.buffer.size() * 4));
  return std::span(s.buffer).subspan(s.end);
}

void Assembler::received(std::size_t bytes, const std::function<void(Incoming&&)>& on_message) {
  State& s = *state_;
  if (s.direct) {
    s.direct = false;
    fill(*s.current, bytes);
    s.count(bytes);
  } else {
    s.end += bytes;
  }
  const bool brimful = s.end == s.buffer.size();
  s.consume(on_message);
  // Many small messages at once: the next of them come in one piece, and share a turn and a sync.
  if (brimful && s.partials.empty()) s.buffer.resize(std::min(largest_buffer_bytes, s.buffer.size() * 4));
}

}  // namespace parvis::wire
