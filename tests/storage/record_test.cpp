// The pure parts: checksums, frames, and the arithmetic of room.
#include <catch2/catch.hpp>

#include "storage/crc32c.hpp"
#include "storage/data_folder.hpp"
#include "storage/record.hpp"
#include "storage/room.hpp"
#include "support.hpp"

using namespace parvis;
using namespace parvis::storage;
using namespace parvis::storage::test;

TEST_CASE("CRC-32C of the published examples", "[record]") {
  for (const auto crc : {&crc32c, &crc32c_by_tables}) {
    CHECK(crc(as_bytes(""), 0) == 0);
    CHECK(crc(as_bytes("123456789"), 0) == 0xe3069283);
    CHECK(crc(ByteVector(32), 0) == 0x8a9136aa);  // RFC 3720, B.4
    CHECK(crc(ByteVector(32, std::byte{0xff}), 0) == 0x62a8ab43);
  }
}

TEST_CASE("the instruction and the tables agree, in one piece or several", "[record]") {
  std::mt19937_64 random(1);
  for (int i = 0; i < 300; ++i) {
    const Blob blob = random_blob(random() % 300, random());
    const std::size_t cut = random() % (blob.size() + 1);
    const std::uint32_t whole = crc32c(blob.span());
    CHECK(whole == crc32c_by_tables(blob.span()));
    CHECK(whole == crc32c(blob.span().subspan(cut), crc32c(blob.span().first(cut))));
    CHECK(whole == crc32c_by_tables(blob.span().subspan(cut), crc32c_by_tables(blob.span().first(cut))));
  }
}

TEST_CASE("keys ascend as ids do", "[record]") {
  const std::vector<RecordId> ids{0, 1, 255, 256, 65'535, 1ULL << 32, ~RecordId{0}};
  for (std::size_t i = 0; i < ids.size(); ++i) {
    CHECK(record_of(record_key(ids[i])) == ids[i]);
    CHECK(body_of(chunk_key(ids[i], 5)) == ids[i]);
    if (i > 0) CHECK(record_key(ids[i - 1]) < record_key(ids[i]));
  }
  CHECK(chunk_key(1, 0xffffffff) < chunk_key(2, 0));
}

TEST_CASE("a frame is these bytes", "[record]") {
  const RecordKey key = record_key(0x0102);
  ByteVector frame(frame_bytes + 2);
  write_frame(frame, key, Kind::whole, as_bytes("hi"));
  CHECK(frame[0] == std::byte{1});
  CHECK(frame[1] == std::byte{1});
  const std::string_view covered("\0\0\0\0\0\0\1\2\1\1hi", 12);
  const std::uint32_t crc = crc32c(as_bytes(covered));
  for (std::size_t i = 0; i < 4; ++i) CHECK(frame[2 + i] == static_cast<std::byte>(crc >> (8 * i) & 0xff));
  CHECK(as_text(ByteSpan(frame).subspan(6)) == "hi");
}

TEST_CASE("a flipped bit, a wrong place, a short value: none passes", "[record]") {
  const RecordKey key = record_key(42);
  ByteVector frame(frame_bytes + 11);
  write_frame(frame, key, Kind::whole, as_bytes("hello world"));
  const auto good = read_frame(key, frame);
  REQUIRE(good);
  CHECK(good->kind == Kind::whole);
  CHECK(as_text(good->payload) == "hello world");
  for (std::size_t bit = 0; bit < frame.size() * 8; ++bit) {
    ByteVector bad = frame;
    bad[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
    CHECK(!read_frame(key, bad));
  }
  CHECK(!read_frame(record_key(43), frame));
  for (std::size_t size = 0; size < frame.size(); ++size) CHECK(!read_frame(key, ByteSpan(frame).first(size)));
}

TEST_CASE("the head of a chunked record", "[record]") {
  const ChunkedHead head{0x1122334455667788, 1ULL << 40, 4096};
  const auto packed = head.pack();
  CHECK(packed[0] == std::byte{0x88});
  const auto parsed = ChunkedHead::parse(packed);
  REQUIRE(parsed);
  CHECK(parsed->body == head.body);
  CHECK(parsed->size == head.size);
  CHECK(parsed->chunk_size == head.chunk_size);
  CHECK(!ChunkedHead::parse(ByteSpan(packed).first(19)));
  CHECK(!ChunkedHead::parse(ChunkedHead{1, 1, 0}.pack()));
}

TEST_CASE("puts are refused when 15 % are left of map or disk, or a fixed headroom", "[record]") {
  constexpr std::uint64_t gib = std::uint64_t{1} << 30;
  const RoomLimits limits{100 * gib, 8 * gib};
  SECTION("plenty") {
    const Usage usage = room({gib, 0, gib}, {10 * gib, 90 * gib}, limits);
    CHECK(!usage.nearly_full);
    CHECK(usage.bytes_used == gib);
    CHECK(usage.bytes_available == 90 * gib);
  }
  SECTION("the disk: 15 % of a small one") {
    CHECK(!room({gib, 0, gib}, {8 * gib, 2 * gib}, limits).nearly_full);
    CHECK(room({gib, 0, gib}, {9 * gib, gib}, limits).nearly_full);
  }
  SECTION("the disk: 8 GiB of a large one") {
    CHECK(!room({gib, 0, gib}, {991 * gib, 9 * gib}, limits).nearly_full);
    CHECK(room({gib, 0, gib}, {993 * gib, 7 * gib}, limits).nearly_full);
  }
  SECTION("the map") {
    CHECK(!room({91 * gib, 0, 91 * gib}, {0, 900 * gib}, limits).nearly_full);
    const Usage usage = room({93 * gib, 0, 93 * gib}, {0, 900 * gib}, limits);
    CHECK(usage.nearly_full);
    CHECK(usage.bytes_available == 7 * gib);
  }
  SECTION("pages that are free within the file are room, on the map and on the disk") {
    const Usage usage = room({93 * gib, 90 * gib, 93 * gib}, {100 * gib, 0}, limits);
    CHECK(!usage.nearly_full);
    CHECK(usage.bytes_used == 3 * gib);
    CHECK(usage.bytes_available == 90 * gib);
  }
}

TEST_CASE("network file systems are known by name", "[record]") {
  CHECK(network_file_system(0x6969, "nfs4") == "NFS");
  CHECK(network_file_system(0xfe534d42, "cifs") == "SMB2");
  CHECK(network_file_system(0xffffffffff534d42, "cifs") == "CIFS");  // statfs's type is signed on some machines
  CHECK(network_file_system(0x0bd00bd0, "lustre") == "Lustre");
  CHECK(network_file_system(0x65735546, "fuse.sshfs") == "sshfs");
  CHECK(!network_file_system(0x65735546, "fuse.gocryptfs"));
  CHECK(!network_file_system(0xef53, "ext4"));
  CHECK(!network_file_system(0x01021994, "tmpfs"));
}
