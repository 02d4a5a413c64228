// How the operations and answers of model/operation.hpp describe themselves to the archives: the order of the lines is
// the order of the bytes. docs/protocol.md quotes this file; a new field goes to the end, with a new protocol version.
#pragma once

#include "tuplespace/model/operation.hpp"
#include "tuplespace/wire/archive.hpp"

namespace parvis::wire {
// A payload is a varint and, for small ones, bytes: length * 2, then the encoding; or, for large ones, segment index *
// 2 + 1.
void save_payload(OutArchive& ar, const Payload& payload);
void load_payload(InArchive& ar, Payload& payload);
}  // namespace parvis::wire

namespace parvis {

template <class A> void serialize(A& ar, Payload& p, unsigned) {
  if constexpr (A::is_saving::value) wire::save_payload(ar, p);
  else wire::load_payload(ar, p);
}

template <class A>
void serialize(A& ar, Out& m, unsigned) {
  ar& m.space& m.tuples& m.lease_us& m.owned& m.priority& m.delay_us;
}
template <class A> void serialize(A& ar, Get& m, unsigned) {
  ar & m.space & m.templates & m.take & m.wait & m.timeout_us & m.max;
  ar & m.transaction & m.begin & m.lease_us & m.ticket_epoch & m.ticket;
}
template <class A> void serialize(A& ar, Count& m, unsigned) { ar & m.space & m.templates; }
template <class A> void serialize(A& ar, Begin& m, unsigned) { ar & m.lease_us; }
template <class A> void serialize(A& ar, Put& m, unsigned) { ar & m.space & m.tuple & m.lease_us & m.priority; }
template <class A>
void serialize(A& ar, Commit& m, unsigned) {
  ar& m.transaction& m.puts& m.partial& m.consumed& m.released;
}
template <class A> void serialize(A& ar, Abort& m, unsigned) { ar & m.transaction; }
template <class A> void serialize(A& ar, Renew& m, unsigned) { ar & m.transaction & m.lease_us; }
template <class A> void serialize(A& ar, Spaces& m, unsigned) { ar & m.what & m.space & m.durability; }

template <class A> void serialize(A& ar, Cancel& m, unsigned) { ar & m.sequence; }
template <class A> void serialize(A& ar, Refuse& m, unsigned) { ar & m.sequence; }
template <class A> void serialize(A& ar, Confirm& m, unsigned) { ar & m.upto & m.also; }

template <class A> void serialize(A& ar, Done& m, unsigned) { ar & m.number; }
template <class A> void serialize(A& ar, Item& m, unsigned) { ar & m.id & m.attempts & m.tuple; }
template <class A> void serialize(A& ar, Found& m, unsigned) { ar & m.transaction & m.items; }
template <class A>
void serialize(A& ar, SpaceInfo& m, unsigned) {
  ar& m.name& m.durability& m.tuples& m.bytes& m.waiters;
}
template <class A> void serialize(A& ar, Listing& m, unsigned) { ar & m.spaces; }
template <class A> void serialize(A& ar, Failed& m, unsigned) { ar & m.code & m.text; }
template <class A> void serialize(A& ar, Waiting& m, unsigned) { ar & m.epoch & m.ticket; }

}  // namespace parvis
