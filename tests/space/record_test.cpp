#include <catch2/catch.hpp>

#include <algorithm>

#include "harness.hpp"
#include "tuplespace/model/mapped.hpp"
#include "tuplespace/space/record.hpp"

using namespace parvis;
using namespace parvis::space;
using parvis::space::test::secret;
using parvis::space::test::tuple;

TEST_CASE("Records come back as they were written") {
  const Blob body = tuple("(\"task\", 7)");
  const TupleHead head{99, -3, 2, 1'700'000'000'000'000, 5, 1234567};
  const TupleBytes written = tuple_bytes(head, body.span());
  const auto read = std::get<TupleRecord>(decode(100, written.record_blob().span()));
  CHECK(read.head.space == 99);
  CHECK(read.head.priority == -3);
  CHECK(read.head.attempts == 2);
  CHECK(read.head.lease_until == 1'700'000'000'000'000);
  CHECK(read.head.not_before == 5);
  CHECK(read.head.owner == 1234567);
  CHECK(Blob::borrowed(read.bytes.tuple()) == body);
  CHECK(tuple_bytes({16}, body.span()).head <= 8);  // the plain tuple is the common one

  std::map<Sequence, Applied> applied;
  applied[1005] = {Applied::Kind::done, true, 77, {}};
  applied[1006] = {Applied::Kind::done, false, 78, {}};
  applied[2000] = {Applied::Kind::claimed, true, 80, {81, 82}};
  const auto session = std::get<SessionRecord>(decode(50, encode_session(secret(3), 1000, applied).span()));
  CHECK(session.confirmed == 1000);
  REQUIRE(session.applied.size() == 2);
  CHECK(session.applied.at(1005).number == 77);
  CHECK(session.applied.at(2000).tuples == std::vector<TupleId>{81, 82});
  CHECK(session.applied.at(2000).kind == Applied::Kind::claimed);

  const auto tombstone =
      std::get<TombstoneRecord>(decode(51, encode(TombstoneRecord{{secret(4), 10, {12, 15}}, 900}).span()));
  CHECK(tombstone.tombstone.applied == std::vector<Sequence>{12, 15});
  CHECK(tombstone.until == 900);
  const Ran ran{2, {{300, 1, tuple("(1,)")}}, {{300, 1, tuple("(2,)")}}, {400, 401}};
  const auto answer = std::get<Ran>(decode(54, encode(ran).span()));
  CHECK(answer.branch == 2);
  CHECK(answer.items[0].attempts == 1);
  CHECK(answer.updated[0].tuple.blob() == tuple("(2,)"));
  CHECK(answer.put == std::vector<TupleId>{400, 401});
  CHECK(std::get<ClaimRecord>(decode(52, encode(ClaimRecord{50, -1, {1, 2, 3}}).span())).lease_us == -1);
  CHECK(std::get<SpaceRecord>(decode(53, encode(SpaceRecord{Durability::volatile_, "jobs"}).span())).name == "jobs");
}

TEST_CASE("A record that cannot be read is named") {
  const std::vector<Blob> good{encode(MetaRecord{3, 70000}),
                               encode(SpaceRecord{Durability::durable, "x"}),
                               encode(ClaimRecord{50, 1000, {1, 300}}),
                               encode_session(secret(3), 5, {{6, {Applied::Kind::found, true, 0, {300, 301}}}}),
                               encode(TombstoneRecord{{secret(4), 10, {12, 15}}, 900}),
                               encode(Ran{1, {{300, 1, tuple("(1,)")}}, {}, {400}})};
  for (const Blob& record : good) {
    REQUIRE_NOTHROW(decode(77, record.span()));
    for (std::size_t size = 0; size < record.size(); ++size) {
      try {
        decode(77, record.span().first(size));  // a name may be cut and still be a name
      } catch (const Error& e) {
        CHECK(e.code() == ErrorCode::storage_error);
        CHECK(std::string(e.what()).find("record 77") != std::string::npos);
      }
    }
  }
  const auto broken = [](std::initializer_list<int> bytes) {
    ByteVector record;
    for (int b : bytes) record.push_back(static_cast<std::byte>(b));
    CHECK_THROWS_AS(decode(77, record), Error);
  };
  broken({});
  broken({9, 1});                                       // kind
  broken({1, 2, 3, 4});                                 // version
  broken({1, 1, 3, 4, 5});                              // something behind it
  broken({3, 1, 64, 16, 0});                            // flags
  broken({5, 1, 50, 0, 0xff, 0xff, 0xff, 0xff, 0x0f});  // a count without what it counts
  broken({1, 1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80});
}

// The bytes of version 1, which must be read for ever.
TEST_CASE("The first version of every record stays readable") {
  const auto bytes = [](std::initializer_list<int> list) {
    ByteVector record;
    for (int b : list) record.push_back(static_cast<std::byte>(b));
    return record;
  };
  CHECK(std::get<MetaRecord>(decode(1, bytes({1, 1, 2, 0x90, 0x80, 4}))).reserved == 65552);
  CHECK(std::get<SpaceRecord>(decode(16, bytes({2, 1, 2, 'v'}))).durability == Durability::volatile_);
  CHECK(std::get<TupleRecord>(decode(17, bytes({3, 1, 3, 16, 9, 1, 0}))).head.priority == -5);
  CHECK(std::get<ClaimRecord>(decode(18, bytes({5, 1, 17, 1, 1, 17}))).tuples == std::vector<TupleId>{17});
}

TEST_CASE("A large tuple stays where it has arrived, with its head before it") {
  const Blob body = tuple("(\"task\", 7)");
  const auto arrived = [&] {
    auto memory = map_bytes(body.size());
    REQUIRE(memory);
    std::copy(body.span().begin(), body.span().end(), memory.get());
    const ByteSpan bytes(memory.get(), body.size());
    return Blob(std::move(memory), bytes);
  };
  const Blob blob = arrived();
  const TupleHead head{99, -3};
  const TupleBytes kept = tuple_bytes(head, Payload(blob));
  CHECK(kept.tuple().data() == blob.data());
  CHECK(Blob::borrowed(kept.tuple()) == body);
  CHECK(kept.record_blob() == tuple_bytes(head, body.span()).record_blob());

  const TupleBytes second = tuple_bytes({5}, Payload(blob));  // the room in front is taken
  CHECK(second.tuple().data() != blob.data());
  CHECK(head_of(1, kept).space == 99);
  const Blob part = arrived().slice(0, body.size() - 1);
  CHECK(tuple_bytes(head, Payload(part)).tuple().data() != part.data());
  const ByteVector key(mapped_front);
  TupleHead long_head{99};
  long_head.group = key;
  const Blob other = arrived();
  CHECK(tuple_bytes(long_head, Payload(other)).tuple().data() != other.data());
}

TEST_CASE("A record of a tuple that is none is damaged, and named") {
  const Blob whole = tuple_bytes({16}, tuple("(\"task\", 7)").span()).record_blob();
  CHECK_THROWS_WITH(decode(100, whole.span().first(whole.size() - 1)),
                    Catch::Contains("record 100 ") && Catch::Contains("its tuple is damaged"));
}
