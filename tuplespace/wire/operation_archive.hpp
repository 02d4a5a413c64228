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

// A table of fields, no arithmetic:
// clang-format off
template <class A> void serialize(A& ar, Payload& p, unsigned) {
  if constexpr (A::is_saving::value) wire::save_payload(ar, p);
  else wire::load_payload(ar, p);
}

template <class A>
void serialize(A& ar, Out& m, unsigned) {
  ar & m.space & m.tuples & m.lease_us & m.owned & m.priority & m.delay_us & m.group & m.room_us;
}
template <class A> void serialize(A& ar, Get& m, unsigned) {
  ar & m.space & m.templates & m.take & m.wait & m.timeout_us & m.max;
  ar & m.transaction & m.begin & m.lease_us & m.ticket_epoch & m.ticket & m.settle_us;
}
template <class A> void serialize(A& ar, Count& m, unsigned) { ar & m.space & m.templates; }
template <class A> void serialize(A& ar, Begin& m, unsigned) { ar & m.lease_us; }
template <class A>
void serialize(A& ar, Put& m, unsigned) {
  ar & m.space & m.tuple & m.lease_us & m.priority & m.delay_us & m.group;
}
template <class A>
void serialize(A& ar, Commit& m, unsigned) {
  ar & m.transaction & m.puts & m.partial & m.consumed & m.released;
}
template <class A> void serialize(A& ar, Abort& m, unsigned) { ar & m.transaction; }
template <class A> void serialize(A& ar, Renew& m, unsigned) { ar & m.transaction & m.lease_us & m.tuples; }
template <class A>
void serialize(A& ar, Spaces& m, unsigned) {
  ar & m.what & m.space & m.durability & m.quota_tuples & m.quota_bytes;
}
template <class A>
void serialize(A& ar, Scan& m, unsigned) {
  ar & m.space & m.templates & m.max & m.after & m.until & m.whole;
}
template <class A> void serialize(A& ar, Aggregate::Term& m, unsigned) { ar & m.function & m.position; }
template <class A>
void serialize(A& ar, Aggregate& m, unsigned) {
  ar & m.space & m.templates & m.group_by & m.terms;
}
template <class A> void serialize(A& ar, Collect& m, unsigned) { ar & m.from & m.to & m.templates & m.copy; }
template <class A> void serialize(A& ar, Condition& m, unsigned) { ar & m.what & m.space & m.pattern; }
template <class A> void serialize(A& ar, Change& m, unsigned) { ar & m.position & m.how & m.operand; }
template <class A>
void serialize(A& ar, Action& m, unsigned) {
  ar & m.what & m.space & m.to & m.condition & m.form & m.changes & m.lease_us & m.priority;
}
template <class A> void serialize(A& ar, Branch& m, unsigned) { ar & m.guard & m.body; }
template <class A>
void serialize(A& ar, Statement& m, unsigned) {
  ar & m.branches & m.wait & m.timeout_us & m.ticket_epoch & m.ticket;
}
template <class A> void serialize(A& ar, Watch& m, unsigned) {
  ar & m.space & m.templates & m.kinds & m.begin & m.from & m.max & m.wait & m.timeout_us;
}
template <class A> void serialize(A& ar, Explain& m, unsigned) { ar & m.space & m.pattern & m.max; }
template <class A> void serialize(A& ar, ListWaiters& m, unsigned) { ar & m.space & m.max; }

template <class A> void serialize(A& ar, Cancel& m, unsigned) { ar & m.sequence; }
template <class A> void serialize(A& ar, Refuse& m, unsigned) { ar & m.sequence; }
template <class A> void serialize(A& ar, Confirm& m, unsigned) { ar & m.upto & m.also; }

template <class A> void serialize(A& ar, Done& m, unsigned) { ar & m.number; }
template <class A> void serialize(A& ar, Item& m, unsigned) { ar & m.id & m.attempts & m.tuple; }
template <class A> void serialize(A& ar, Found& m, unsigned) { ar & m.transaction & m.items; }
template <class A>
void serialize(A& ar, SpaceInfo& m, unsigned) {
  ar & m.name & m.durability & m.tuples & m.bytes & m.waiters & m.held & m.quota_tuples & m.quota_bytes;
}
template <class A> void serialize(A& ar, Listing& m, unsigned) { ar & m.spaces; }
template <class A> void serialize(A& ar, Page& m, unsigned) { ar & m.items & m.after & m.until & m.done & m.puts; }
template <class A> void serialize(A& ar, Ran& m, unsigned) { ar & m.branch & m.items & m.updated & m.put; }
template <class A> void serialize(A& ar, Event& m, unsigned) { ar & m.number & m.kind & m.item; }
template <class A> void serialize(A& ar, Events& m, unsigned) { ar & m.events & m.next & m.gap; }
template <class A> void serialize(A& ar, Failed& m, unsigned) { ar & m.code & m.text; }
template <class A> void serialize(A& ar, Waiting& m, unsigned) { ar & m.epoch & m.ticket; }
// clang-format on

}  // namespace parvis
