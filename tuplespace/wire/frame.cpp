#include "tuplespace/wire/frame.hpp"

#include <algorithm>
#include <stdexcept>

namespace parvis::wire {
namespace {

std::byte* put_number(std::byte* at, std::uint64_t n, std::size_t bytes) {
  for (; bytes > 0; --bytes, n >>= 8) *at++ = static_cast<std::byte>(n);
  return at;
}

void append_header(ByteVector& out, std::size_t length, Kind kind, bool more, std::size_t segments, std::uint64_t id) {
  out.resize(out.size() + frame_header_bytes);
  std::byte* at = out.data() + out.size() - frame_header_bytes;
  at = put_number(at, length, 4);
  *at++ = static_cast<std::byte>(kind);
  *at++ = more ? std::byte{1} : std::byte{0};
  at = put_number(at, segments, 2);
  put_number(at, id, 8);
}

}  // namespace

std::size_t Outgoing::size() const {
  std::size_t total = frame_header_bytes + body.size();
  for (const auto& pieces : segments)
    for (const auto& piece : pieces) total += piece.size();
  return total;
}

void append_frame(ByteVector& out, Kind kind, std::uint64_t id, ByteSpan body) {
  if (body.size() > max_fragment_bytes) throw std::logic_error("append_frame: the body needs more than one frame");
  append_header(out, body.size(), kind, false, 0, id);
  out.insert(out.end(), body.begin(), body.end());
}

Cutter::Cutter(std::shared_ptr<const Outgoing> message) : message_(std::move(message)) {
  rest_.push_back(message_->body);
  for (const auto& pieces : message_->segments)
    for (const auto& piece : pieces) rest_.push_back(piece.span());
  for (const auto& part : rest_) left_ += part.size();
}

bool Cutter::next(std::vector<ByteSpan>& buffers) {
  if (!first_ && left_ == 0) return false;
  const std::size_t segments = message_->segments.size();
  const std::size_t lengths = first_ && segments > 0 ? 4 + 8 * segments : 0;
  std::size_t room = std::min(left_, max_fragment_bytes - lengths);
  head_.clear();
  append_header(head_, lengths + room, message_->kind, room < left_, segments, message_->id);
  if (lengths > 0) {
    head_.resize(frame_header_bytes + lengths);
    std::byte* at = put_number(head_.data() + frame_header_bytes, message_->body.size(), 4);
    for (const auto& pieces : message_->segments) {
      std::uint64_t size = 0;
      for (const auto& piece : pieces) size += piece.size();
      at = put_number(at, size, 8);
    }
  }
  buffers.emplace_back(head_);
  left_ -= room;
  for (; room > 0; ++part_, offset_ = 0) {
    const ByteSpan part = rest_[part_].subspan(offset_, std::min(room, rest_[part_].size() - offset_));
    if (!part.empty()) buffers.push_back(part);
    room -= part.size();
    offset_ += part.size();
    if (offset_ < rest_[part_].size()) break;
  }
  first_ = false;
  return true;
}

}  // namespace parvis::wire
