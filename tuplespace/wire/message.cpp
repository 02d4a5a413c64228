#include "tuplespace/wire/message.hpp"

#include <fmt/format.h>

#include "tuplespace/wire/operation_archive.hpp"
#include "tuplespace/wire/validate.hpp"

namespace parvis::wire {

// clang-format off
template <class A>
void serialize(A& ar, Hello& m, unsigned) {
  ar & m.magic & m.version_min & m.version_max & m.nonce & m.name;
}
template <class A>
void serialize(A& ar, Challenge& m, unsigned) {
  ar & m.version & m.nonce & m.server & m.token_needed;
}
template <class A> void serialize(A& ar, Proof& m, unsigned) { ar & m.proof & m.resume & m.resume_proof; }
template <class A> void serialize(A& ar, Welcome& m, unsigned) {
  ar & m.proof & m.session & m.secret & m.resumed & m.epoch & m.heartbeat_ms & m.grace_ms & m.tuple_bytes;
  ar & m.remembered & m.confirmed & m.applied;
}
template <class A> void serialize(A&, Ping&, unsigned) {}
template <class A> void serialize(A&, Pong&, unsigned) {}
template <class A> void serialize(A&, Bye&, unsigned) {}
template <class A> void serialize(A& ar, Ended& m, unsigned) { ar & m.text; }
template <class A> void serialize(A& ar, Call& m, unsigned) { ar & m.tuple; }
template <class A> void serialize(A& ar, Reply& m, unsigned) { ar & m.tuple; }
template <class A> void serialize(A& ar, Output& m, unsigned) { ar & m.tuple; }
// clang-format on

namespace {

constexpr std::size_t small_body = 192;  // most are: one allocation for all their bytes

// Which struct a kind carries, both ways, in one place.
template <class M, Kind K>
struct Entry {
  using Type = M;
  static constexpr Kind kind = K;
};
template <class... E>
struct Table {
  template <class M>
  static constexpr Kind kind_of() {
    Kind kind{};
    (void)((std::is_same_v<M, typename E::Type> ? (kind = E::kind, true) : false) || ...);
    return kind;
  }
  // Calls f with a default message of this kind, made in its place; false when there is none.
  template <class F>
  static bool with(Kind kind, Message& place, F&& f) {
    return ((kind == E::kind ? (f(place.emplace<typename E::Type>()), true) : false) || ...);
  }
};
using Kinds =
    Table<Entry<Hello, Kind::hello>, Entry<Challenge, Kind::challenge>, Entry<Proof, Kind::proof>,
          Entry<Welcome, Kind::welcome>, Entry<Failed, Kind::failed>, Entry<Done, Kind::done>,
          Entry<Found, Kind::found>, Entry<Waiting, Kind::waiting>, Entry<Listing, Kind::listing>,
          Entry<Pong, Kind::pong>, Entry<Reply, Kind::answer>, Entry<Output, Kind::output>, Entry<Ended, Kind::ended>,
          Entry<Out, Kind::out>, Entry<Get, Kind::get>, Entry<Count, Kind::count>, Entry<Begin, Kind::begin>,
          Entry<Commit, Kind::commit>, Entry<Abort, Kind::abort>, Entry<Renew, Kind::renew>,
          Entry<Spaces, Kind::spaces>, Entry<Page, Kind::page>, Entry<Ran, Kind::ran>, Entry<Events, Kind::events>,
          Entry<Scan, Kind::scan>, Entry<Aggregate, Kind::aggregate>, Entry<Collect, Kind::collect>,
          Entry<Statement, Kind::statement>, Entry<Watch, Kind::watch>, Entry<Explain, Kind::explain>,
          Entry<ListWaiters, Kind::waiters>, Entry<Cancel, Kind::cancel>, Entry<Refuse, Kind::refuse>,
          Entry<Confirm, Kind::confirm>, Entry<Ping, Kind::ping>, Entry<Bye, Kind::bye>, Entry<Call, Kind::call>>;

template <class M>
Outgoing pack_one(std::uint64_t id, const M& message) {
  Outgoing out;
  out.kind = Kinds::kind_of<M>();
  out.id = id;
  out.body.reserve(small_body);
  PayloadSink sink{&out.segments};
  OutArchive(out.body, &sink) << message;
  if (out.body.size() > max_body_bytes) {
    throw Error(ErrorCode::limit_exceeded,
                fmt::format("a message body of {} bytes exceeds the limit max_body_bytes = {}: use several operations",
                            out.body.size(), max_body_bytes));
  }
  return out;
}

template <class M>
bool pack_one_into(ByteVector& out, std::uint64_t id, const M& message) {
  const std::size_t start = out.size();
  append_frame(out, Kinds::kind_of<M>(), id, {});
  PayloadSink sink;
  OutArchive(out, &sink) << message;
  const std::size_t length = out.size() - start - frame_header_bytes;
  if (sink.overflow || length > max_fragment_bytes) {
    out.resize(start);
    return false;
  }
  for (std::size_t i = 0; i < 4; ++i) out[start + i] = static_cast<std::byte>(length >> (8 * i));
  return true;
}

// The parts of an encoding in order; what is not shared is copied, so that the result stands by itself.
std::vector<Blob> pieces_of(const Payload& payload) {
  const Encoding* encoding = payload.encoding();
  if (!encoding) return {payload.blob().owner() ? payload.blob() : Blob::copy(payload.blob().span())};
  std::vector<Blob> pieces;
  const Blob small = Blob::copy(encoding->small());
  std::size_t at = 0;
  for (const auto& splice : encoding->splices()) {
    if (splice.at > at) pieces.push_back(small.slice(at, splice.at - at));
    at = splice.at;
    pieces.push_back(splice.bytes);
  }
  if (at < small.size()) pieces.push_back(small.slice(at, small.size() - at));
  return pieces;
}

void append_inline(OutArchive& ar, const Payload& payload) {
  ar.varint(std::uint64_t{payload.size()} * 2);
  const Encoding* encoding = payload.encoding();
  if (!encoding) return ar.raw(payload.blob().span());
  std::size_t at = 0;
  for (const auto& splice : encoding->splices()) {
    ar.raw(encoding->small().subspan(at, splice.at - at));
    at = splice.at;
    ar.raw(splice.bytes.span());
  }
  ar.raw(encoding->small().subspan(at));
}

}  // namespace

void save_payload(OutArchive& ar, const Payload& payload) {
  PayloadSink* sink = ar.sink();
  const bool fits = ar.bytes().size() + payload.size() <= max_body_bytes / 2;
  if (payload.size() <= inline_bytes && fits) return append_inline(ar, payload);
  if (!sink || !sink->segments) {
    if (sink) sink->overflow = true;
    return;
  }
  if (payload.size() == 0 || sink->segments->size() >= max_segments) return append_inline(ar, payload);
  ar.varint(sink->segments->size() * std::uint64_t{2} + 1);
  sink->segments->push_back(pieces_of(payload));
}

void load_payload(InArchive& ar, Payload& payload) {
  const std::uint64_t head = ar.varint();
  PayloadSource* source = ar.source();
  if (head % 2 == 0) {
    if (head / 2 > ar.left()) throw_malformed("a payload goes beyond the end");
    payload = Payload(source->body->slice(ar.raw(static_cast<std::size_t>(head / 2))));
    return;
  }
  // Once each and in order: else one segment could be made to count many times.
  if (head / 2 != source->used || source->used >= source->segments.size())
    throw_malformed("a payload refers to a segment out of order");
  payload = Payload(source->segments[source->used++]);
}

Outgoing pack(std::uint64_t id, const Message& message) {
  return std::visit([id](const auto& m) { return pack_one(id, m); }, message);
}
Outgoing pack(std::uint64_t id, const Operation& operation) {
  return std::visit([id](const auto& m) { return pack_one(id, m); }, operation);
}
Outgoing pack(std::uint64_t id, const Answer& answer) {
  return std::visit([id](const auto& m) { return pack_one(id, m); }, answer);
}
bool pack_into(ByteVector& out, std::uint64_t id, const Message& message) {
  return std::visit([&](const auto& m) { return pack_one_into(out, id, m); }, message);
}
bool pack_into(ByteVector& out, std::uint64_t id, const Operation& operation) {
  return std::visit([&](const auto& m) { return pack_one_into(out, id, m); }, operation);
}

Message unpack(const Incoming& incoming, std::size_t tuple_bytes) {
  Message message;
  PayloadSource source{&incoming.body, incoming.segments};
  InArchive ar(incoming.body.span(), &source);
  const bool known = Kinds::with(incoming.kind, message, [&](auto& m) { ar >> m; });
  if (!known)
    throw Error(ErrorCode::protocol_error,
                fmt::format("unknown kind of message {}", static_cast<unsigned>(incoming.kind)));
  ar.finish();
  if (source.used != source.segments.size()) throw_malformed("a segment is not referred to");
  validate(message, tuple_bytes);
  return message;
}

bool is_operation(Kind kind) { return (kind >= Kind::out && kind <= Kind::waiters) || kind == Kind::call; }

Message to_message(Operation&& operation) {
  return std::visit([](auto&& m) { return Message(std::forward<decltype(m)>(m)); }, std::move(operation));
}
Message to_message(Answer&& answer) {
  return std::visit([](auto&& m) { return Message(std::forward<decltype(m)>(m)); }, std::move(answer));
}

}  // namespace parvis::wire
