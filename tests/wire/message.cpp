#include "tuplespace/wire/message.hpp"

#include <catch2/catch.hpp>

#include <functional>

#include "tuplespace/model/codec.hpp"

namespace wire = parvis::wire;
using namespace parvis;

namespace {

Blob tuple_of(std::initializer_list<Value> values) { return encoded(Tuple{values}); }
Blob any_template() { return encoded(Template{{Pattern{Any{}}}, false}); }

// As the peer sees it.
wire::Message across(const wire::Message& message, std::uint64_t id = 5) {
  wire::Assembler assembler{Limits{}};
  assembler.authenticated();
  wire::Cutter cutter(std::make_shared<const wire::Outgoing>(wire::pack(id, message)));
  std::optional<wire::Incoming> got;
  std::vector<ByteSpan> buffers;
  while (cutter.next(buffers)) {
    for (auto part : buffers) {
      while (!part.empty()) {
        const auto space = assembler.space();
        const auto n = std::min(space.size(), part.size());
        std::copy_n(part.begin(), n, space.begin());
        part = part.subspan(n);
        assembler.received(n, [&](wire::Incoming&& m) { got = std::move(m); });
      }
    }
    buffers.clear();
  }
  REQUIRE(got);
  CHECK(got->id == id);
  return wire::unpack(*got);
}

void refused(const wire::Message& message, const char* why) {
  INFO(why);
  CHECK_THROWS_WITH(across(message), Catch::Contains(why));
}

wire::Incoming raw(wire::Kind kind, std::initializer_list<int> bytes) {
  ByteVector body;
  for (const int b : bytes) body.push_back(static_cast<std::byte>(b));
  return {kind, 1, Blob::take(std::move(body)), {}};
}

}  // namespace

TEST_CASE("operations arrive as they were sent") {
  Out out{"physics", {Payload(tuple_of({"task", 7}))}, 1'000'000, true, -5, 20};
  const auto got = std::get<Out>(across(out));
  CHECK(got.space == "physics");
  CHECK(got.lease_us == 1'000'000);
  CHECK(got.owned);
  CHECK(got.priority == -5);
  CHECK(got.delay_us == 20);
  REQUIRE(got.tuples.size() == 1);
  CHECK(got.tuples[0].blob() == tuple_of({"task", 7}));

  Get get{"s", {Payload(any_template()), Payload(any_template())}, true, false, 12, 3, 0, true, 99, 4, 5};
  const auto got_get = std::get<Get>(across(get));
  CHECK(got_get.templates.size() == 2);
  CHECK(!got_get.wait);
  CHECK(got_get.max == 3);
  CHECK(got_get.begin);
  CHECK(got_get.ticket_epoch == 4);
  CHECK(got_get.ticket == 5);

  Commit commit{9, {Put{"t", Payload(tuple_of({1})), -1, 2}}, true, {1, 2}, {3}};
  const auto got_commit = std::get<Commit>(across(commit));
  CHECK(got_commit.puts.at(0).priority == 2);
  CHECK(got_commit.consumed == std::vector<TupleId>{1, 2});
  CHECK(got_commit.released == std::vector<TupleId>{3});

  CHECK(std::get<Confirm>(across(Confirm{10, {12, 14}}, 0)).also == std::vector<Sequence>{12, 14});
  CHECK(std::get<Failed>(across(Failed{ErrorCode::conflict, "gone"})).text == "gone");
}

TEST_CASE("large payloads travel as segments, from where they lie") {
  const Blob big = Blob::take(ByteVector(100'000, std::byte{7}));
  const Tuple tuple{{Value("array"), Value(big)}};
  Encoding encoding;
  encode(encoding, tuple);
  const wire::Outgoing packed =
      wire::pack(1, Operation(Out{"s", {Payload(&encoding), Payload(tuple_of({1}))}, -1, false, 0, 0}));
  REQUIRE(packed.segments.size() == 1);
  CHECK(packed.body.size() < 100);
  CHECK(std::any_of(packed.segments[0].begin(), packed.segments[0].end(),
                    [&](const Blob& piece) { return piece.data() == big.data(); }));
  const auto got = std::get<Out>(across(Out{"s", {Payload(&encoding), Payload(tuple_of({1}))}, -1, false, 0, 0}));
  CHECK(got.tuples[0].blob() == encoded(tuple));
  CHECK(got.tuples[1].blob() == tuple_of({1}));
  ByteVector frame;
  CHECK(!wire::pack_into(frame, 1, wire::Message(Out{"s", {Payload(&encoding)}, -1, false, 0, 0})));
  CHECK(frame.empty());
}

TEST_CASE("many tuples in one out, far more than there are segments") {
  const Blob big = tuple_of({Value(Blob::take(ByteVector(20'000, std::byte{1})))});
  Out out{"s", std::vector<Payload>(4200, Payload(big)), -1, false, 0, 0};
  CHECK(wire::pack(1, Operation(out)).segments.size() == max_segments);
  CHECK(std::get<Out>(across(out)).tuples.size() == 4200);
}

TEST_CASE("what the archives cannot see is checked") {
  const Payload good(tuple_of({1}));
  refused(Out{"", {good}, -1, false, 0, 0}, "empty");
  refused(Out{std::string(256, 'x'), {good}, -1, false, 0, 0}, "max_name_bytes");
  refused(Out{"\xff", {good}, -1, false, 0, 0}, "UTF-8");
  refused(Out{"s", {}, -1, false, 0, 0}, "no tuple");
  refused(Out{"s", {good}, -2, false, 0, 0}, "lease");
  refused(Out{"s", {good}, -1, false, 40'000, 0}, "priority");
  refused(Out{"s", {Payload(Blob::copy(as_bytes("nonsense")))}, -1, false, 0, 0}, "");
  refused(Get{"s", {}}, "no template");
  refused(Get{"s", std::vector<Payload>(65, Payload(any_template()))}, "max_templates");
  refused(Get{"s", {Payload(any_template())}, true, true, -1, 0}, "at most 0");
  refused(Get{"s", {Payload(any_template())}, false, true, -1, 1, 0, true}, "only a get that takes begins");
  refused(Commit{1, {}, true, std::vector<TupleId>(max_operation_tuples + 1, 1), {}}, "max_operation_tuples");
  refused(Spaces{static_cast<Spaces::What>(3), "", Durability::durable}, "unknown request");
  refused(Failed{static_cast<ErrorCode>(0), ""}, "error code");
  CHECK_THROWS_WITH(wire::unpack({wire::Kind::out,
                                  1,
                                  wire::pack(1, Operation(Out{"s", {good}, -1, false, 0, 0})).body.empty()
                                      ? Blob()
                                      : Blob::take(wire::pack(1, Operation(Out{"s", {good}, -1, false, 0, 0})).body),
                                  {}},
                                 2),
                    Catch::Contains("tuple_bytes"));
}

TEST_CASE("bodies that lie are refused") {
  CHECK_THROWS_WITH(wire::unpack(raw(static_cast<wire::Kind>(99), {})), Catch::Contains("unknown kind of message 99"));
  CHECK_THROWS_AS(wire::unpack(raw(wire::Kind::begin, {})), Error);           // cut off
  CHECK_THROWS_AS(wire::unpack(raw(wire::Kind::begin, {1, 0})), Error);       // too long
  CHECK_THROWS_AS(wire::unpack(raw(wire::Kind::out, {1, 's', 100})), Error);  // more tuples than bytes
  CHECK_THROWS_AS(wire::unpack(raw(wire::Kind::out, {1, 's', 1, 200, 1, 1, 1, 1, 1})),
                  Error);  // a payload beyond the end
  CHECK_THROWS_WITH(wire::unpack(raw(wire::Kind::count, {1, 's', 1, 1})),
                    Catch::Contains("segment"));  // one that is not there
  wire::Incoming unused = raw(wire::Kind::abort, {1});
  unused.segments.push_back(tuple_of({1}));
  CHECK_THROWS_WITH(wire::unpack(unused), Catch::Contains("not referred to"));
}
