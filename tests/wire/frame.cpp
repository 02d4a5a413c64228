#include "tuplespace/wire/frame.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <random>

#include "tuplespace/model/error.hpp"

namespace wire = parvis::wire;
using parvis::Blob;
using parvis::ByteSpan;
using parvis::ByteVector;
using parvis::Error;
using parvis::Limits;

namespace {

ByteVector noise(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  ByteVector bytes(size);
  for (auto& b : bytes) b = static_cast<std::byte>(random());
  return bytes;
}

ByteVector cut(const wire::Outgoing& message, std::vector<ByteVector>* frames = nullptr) {
  wire::Cutter cutter(std::make_shared<const wire::Outgoing>(message));
  ByteVector all;
  std::vector<ByteSpan> buffers;
  while (cutter.next(buffers)) {
    ByteVector frame;
    for (const auto part : buffers) frame.insert(frame.end(), part.begin(), part.end());
    buffers.clear();
    all.insert(all.end(), frame.begin(), frame.end());
    if (frames) frames->push_back(std::move(frame));
  }
  return all;
}

// Feeds bytes as a socket would: whatever fits, at most `step` at a time.
std::vector<wire::Incoming> join(wire::Assembler& assembler, ByteSpan bytes, std::size_t step) {
  std::vector<wire::Incoming> messages;
  while (!bytes.empty()) {
    const auto space = assembler.space();
    REQUIRE(!space.empty());
    const auto n = std::min({space.size(), bytes.size(), step});
    std::copy_n(bytes.begin(), n, space.begin());
    bytes = bytes.subspan(n);
    assembler.received(n, [&](wire::Incoming&& m) { messages.push_back(std::move(m)); });
  }
  return messages;
}

ByteVector header(std::uint64_t length, int kind, int flags, int segments, std::uint64_t id) {
  ByteVector out;
  const auto put = [&](std::uint64_t n, int bytes) {
    for (; bytes > 0; --bytes, n >>= 8) out.push_back(static_cast<std::byte>(n));
  };
  put(length, 4);
  put(static_cast<std::uint64_t>(kind), 1);
  put(static_cast<std::uint64_t>(flags), 1);
  put(static_cast<std::uint64_t>(segments), 2);
  put(id, 8);
  return out;
}
ByteVector operator+(ByteVector a, const ByteVector& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}
ByteVector little(std::uint64_t n, int bytes) {
  ByteVector out;
  for (; bytes > 0; --bytes, n >>= 8) out.push_back(static_cast<std::byte>(n));
  return out;
}

void refused(const ByteVector& bytes, const char* why, bool authenticated = true) {
  wire::Assembler assembler{Limits{}};
  if (authenticated) assembler.authenticated();
  CHECK_THROWS_WITH(join(assembler, bytes, 1 << 20), Catch::Contains(why));
}

}  // namespace

TEST_CASE("a message of any shape arrives as it was, whatever pieces it comes in") {
  const auto sizes =
      GENERATE(std::vector<std::size_t>{}, std::vector<std::size_t>{1}, std::vector<std::size_t>{20'000, 3},
               std::vector<std::size_t>{3 << 20, 300'000, 1}, std::vector<std::size_t>(4096, 2));
  const auto body_size =
      GENERATE(std::size_t{0}, std::size_t{10}, std::size_t{65'520}, std::size_t{65'521}, std::size_t{700'000});
  const auto step = GENERATE(std::size_t{1} << 20, std::size_t{9973}, std::size_t{7});
  const std::size_t total = body_size + (sizes.empty() ? 0 : sizes[0]);
  if (step == 7 && total > 100'000) return;  // byte by byte it is told by the smaller ones
  wire::Outgoing message;
  message.kind = wire::Kind::out;
  message.id = 0x0102030405060708;
  message.body = noise(body_size, 1);
  for (const auto size : sizes) {
    const Blob whole = Blob::take(noise(size, 2));
    message.segments.push_back({whole.slice(0, size / 3), whole.slice(size / 3, size - size / 3)});
  }
  wire::Assembler assembler{Limits{}};
  assembler.authenticated();
  const auto got = join(assembler, cut(message), step);
  REQUIRE(got.size() == 1);
  CHECK(got[0].kind == message.kind);
  CHECK(got[0].id == message.id);
  CHECK(parvis::same_bytes(got[0].body.span(), message.body));
  REQUIRE(got[0].segments.size() == sizes.size());
  for (std::size_t i = 0; i < sizes.size(); ++i)
    CHECK(parvis::same_bytes(got[0].segments[i].span(), noise(sizes[i], 2)));
}

TEST_CASE("frames keep to the fragment limit, and small messages pass between the fragments of large ones") {
  wire::Outgoing large;
  large.kind = wire::Kind::found;
  large.id = 1;
  large.segments.push_back({Blob::take(noise(1 << 20, 3))});
  wire::Outgoing other = large;
  other.id = 2;
  std::vector<ByteVector> frames, others;
  cut(large, &frames);
  cut(other, &others);
  REQUIRE(frames.size() == 5);
  ByteVector stream;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    CHECK(frames[i].size() <= wire::frame_header_bytes + parvis::max_fragment_bytes);
    stream = stream + frames[i] + others[i];
    wire::append_frame(stream, wire::Kind::done, 100 + i, {});
  }
  wire::Assembler assembler{Limits{}};
  assembler.authenticated();
  const auto got = join(assembler, stream, 100'000);
  REQUIRE(got.size() == 7);
  CHECK(got[0].id == 100);
  CHECK(got[4].id == 1);
  CHECK(got[5].id == 2);
  CHECK(got[4].segments.at(0) == large.segments[0][0]);
}

TEST_CASE("frames that break the rules are refused with the rule's name") {
  refused(header(parvis::max_fragment_bytes + 1, 16, 0, 0, 1), "max_fragment_bytes");
  refused(header(0xffffffff, 16, 0, 0, 1), "max_fragment_bytes");
  refused(header(parvis::max_hello_bytes + 1, 1, 0, 0, 0), "max_hello_bytes", false);
  refused(header(10, 1, 1, 0, 0), "before authentication", false);
  refused(header(10, 1, 0, 1, 0), "before authentication", false);
  refused(header(10, 16, 2, 0, 1), "flags");
  refused(header(10, 16, 0, 4097, 1), "max_segments");
  refused(header(0, 16, 1, 0, 1), "empty fragment");
  refused(header(12, 16, 0, 1, 1) + little(0, 4) + little(std::uint64_t{1} << 63, 8), "message_bytes");
  refused(header(12, 16, 0, 1, 1) + little(0, 4) + little(Limits{}.message_bytes + 1, 8), "message_bytes");
  refused(header(20, 16, 0, 2, 1) + little(0, 4) + little(Limits{}.message_bytes, 8) + little(1, 8), "message_bytes");
  refused(header(12, 16, 0, 1, 1) + little(0, 4) + little(0, 8), "empty");
  refused(header(12, 16, 0, 1, 1) + little(0xffffffff, 4) + little(1, 8), "max_body_bytes");
  refused(header(13, 16, 0, 1, 1) + little(0, 4) + little(2, 8) + little(0, 1), "shorter");
  refused(header(14, 16, 0, 1, 1) + little(0, 4) + little(1, 8) + little(0, 2), "longer");
  refused(header(4, 16, 0, 1, 1) + little(0, 4), "shorter");
  refused(header(1, 16, 1, 0, 1) + little(0, 1) + header(1, 17, 0, 0, 1), "does not fit");
}

TEST_CASE("the number of fragmented messages under way is bounded") {
  ByteVector stream;
  for (std::size_t i = 0; i <= parvis::max_partial_messages; ++i)
    stream = stream + header(1, 16, 1, 0, i + 1) + little(0, 1);
  refused(stream, "max_partial_messages");
}

TEST_CASE("an oversized body is refused when it arrives, not when it is promised") {
  Limits limits;
  wire::Assembler assembler{limits};
  assembler.authenticated();
  const ByteVector fragment = header(parvis::max_fragment_bytes, 16, 1, 0, 1) + ByteVector(parvis::max_fragment_bytes);
  const std::size_t most = parvis::max_body_bytes / parvis::max_fragment_bytes;
  for (std::size_t i = 0; i < most; ++i) join(assembler, fragment, 1 << 20);
  CHECK_THROWS_WITH(join(assembler, fragment, 1 << 20), Catch::Contains("max_body_bytes"));
}

TEST_CASE("large segments are received in place") {
  wire::Assembler assembler{Limits{}};
  assembler.authenticated();
  join(assembler, header(parvis::max_fragment_bytes, 16, 1, 1, 1) + little(0, 4) + little(64 << 20, 8), 1 << 20);
  const auto space = assembler.space();
  CHECK(space.size() == parvis::max_fragment_bytes - 12);
  CHECK(assembler.space().data() == space.data());
}
