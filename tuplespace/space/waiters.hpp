// The blocked operations. A waiter stands, once per template, in a bucket named by the template's shape (which
// positions are actual) and the values there: a new tuple looks at one bucket per shape that somebody waits with, not
// at everybody. Within a bucket waiters stand by ticket, the longest waiting first.
//
// The engine's rule, which check() asserts: no waiter and a tuple that it matches are ever present together.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <tuple>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "tuplespace/model/match.hpp"
#include "tuplespace/space/engine.hpp"
#include "tuplespace/space/spaces.hpp"
#include "tuplespace/space/tuple_table.hpp"

namespace parvis::space {

struct Ticket {
  std::uint64_t epoch = 0, number = 0;
  friend auto operator<=>(const Ticket&, const Ticket&) = default;
};

// What a Get wants beside its templates.
struct Wish {
  bool take = true;
  std::uint32_t max = 1;
  TransactionId transaction = 0;
  bool begin = false;
  std::int64_t lease_us = -1;
};

struct Waiter {
  std::uint64_t id = 0;  // of this waiting, for its deadline
  SessionId session = 0;
  Sequence sequence = 0;
  Space* space = nullptr;
  Wish wish;
  std::vector<Matcher> templates;
  Ticket ticket;

  std::vector<Entry*> handed;     // while tuples are being placed
  std::size_t handed_bytes = 0;
  // Where it stands, by template; empty: not listed (any more).
  std::vector<std::uint64_t> buckets;
  std::vector<std::uint16_t> shapes;
};

class Waiters {
 public:
  // A tuple beyond the first is handed over only while a reply stays within these bytes.
  explicit Waiters(std::size_t reply_bytes) : reply_bytes_(reply_bytes) {}

  Waiter& add(Waiter waiter);
  void unlist(Waiter& waiter);  // no more tuples for this one
  void remove(Waiter& waiter);  // and gone; releases nothing else
  [[nodiscard]] Waiter* find(std::uint64_t id) const;

  // Everybody who only reads and matches, by ticket; `found` is emptied first.
  void readers(const Space& space, const Fields& fields, std::size_t bytes, std::vector<Waiter*>& found) const;
  // The longest waiting taker that matches; null: nobody.
  [[nodiscard]] Waiter* oldest_taker(const Space& space, const Fields& fields, std::size_t bytes) const;
  // How many waiters the tuple would be compared with, at most.
  [[nodiscard]] std::size_t comparisons(const Space& space, const Fields& fields) const;

  [[nodiscard]] std::size_t size() const { return all_.size(); }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (const auto& [id, waiter] : all_) visit(*waiter);
  }

 private:
  struct Place {
    Ticket ticket;
    std::uint64_t id;
    std::uint32_t which;  // template
    Waiter* waiter;
    friend bool operator<(const Place& a, const Place& b) {
      return std::tie(a.ticket, a.id, a.which) < std::tie(b.ticket, b.id, b.which);
    }
  };
  using Bucket = std::set<Place>;

  template <class Visit>  // the buckets in which a match may stand: visit(bucket)
  void for_each_bucket(const Space& space, const Fields& fields, bool take, Visit&& visit) const;
  [[nodiscard]] bool accepts(const Place& place, const Space& space, bool take, const Fields& fields,
                             std::size_t bytes) const;

  boost::unordered_flat_map<std::uint64_t, std::unique_ptr<Waiter>> all_;
  boost::unordered_flat_map<std::uint64_t, std::unique_ptr<Bucket>> buckets_;
  std::size_t reply_bytes_;
  std::size_t bytes_ = 0;
  std::uint64_t next_id_ = 1;
};

}  // namespace parvis::space
