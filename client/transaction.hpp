// Takes are claimed, outs are kept here; commit makes all of it true at once. Not committed when it goes out of scope:
// all is as before. Its own gets and counts see what it has put (the server's tuples, being older, come first); a put
// that it takes again never happens. An operation on a transaction that has ended throws Error{conflict}. One thread at
// a time.
#pragma once

#include "client/core.hpp"

namespace parvis {

// The operations of a transaction on one space.
class TransactionSpace : public detail::Gets {
 public:
  explicit TransactionSpace(detail::Core core) : Gets(std::move(core)) {}

  template <class... F>
  void out(const F&... fields) const {
    out_with({}, fields...);
  }
  // The lease counts from the commit; `owned` and `room` are not looked at.
  template <class... F>
  void out_with(const OutOptions& options, const F&... fields) const {
    Encoding tuple;
    detail::encode_tuple(tuple, fields...);
    core_.keep(tuple.flatten(), options);
  }
};

class Transaction : public TransactionSpace {
 public:
  Transaction(detail::Core core, TransactionId id);
  Transaction(Transaction&& other) noexcept;
  Transaction& operator=(Transaction&& other) noexcept;
  ~Transaction();

  [[nodiscard]] TransactionSpace named(std::string space) const;  // the same transaction in another space
  // Throws Error. One that the server refuses (limit_exceeded, storage_full, protocol_error) has changed nothing and
  // leaves it open: make room and commit again, or abort.
  void commit();
  void abort();
  void renew(Duration lease);
  [[nodiscard]] TransactionId id() const { return core_.inside ? core_.inside->id : 0; }

 private:
  TransactionId end();
};

}  // namespace parvis
