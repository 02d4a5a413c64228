// The blocked operations. A waiter stands, once per template, in a bucket named by the template's shape (which
// positions are actual) and the values there: a new tuple looks at one bucket per shape that somebody waits with, not
// at everybody. Within a bucket waiters stand by ticket, the longest waiting first. A blocked statement stands so with
// each of its conditions, in the condition's space, apart from the others.
//
// The engine's rule, which check() asserts: no waiter and a tuple that it matches are ever present together, and no
// statement waits whose guard holds.
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

// A place in the queue of those who wait: the longest waiting first.
struct Place {
  Ticket ticket;
  std::uint64_t id = 0;  // of the waiter
  [[nodiscard]] Place next() const { return {ticket, id + 1}; }
  friend auto operator<=>(const Place&, const Place&) = default;
};

// What a Get wants beside its templates.
struct Wish {
  bool take = true;
  std::uint32_t max = 1;
  TransactionId transaction = 0;
  bool begin = false;
  std::int64_t lease_us = -1;
  bool settling = false;  // does not wait for a match, but for the end of a conflict (conflicts.cpp)
};

// Where a template is listed.
struct Site {
  Space* space = nullptr;
  Role role = Role::reader;
  std::uint16_t shape = 0;
  std::uint64_t bucket = 0;
};

struct Waiter {
  std::uint64_t id = 0;  // of this waiting, for its deadline
  SessionId session = 0;
  Sequence sequence = 0;
  Space* space = nullptr;  // of a statement: that of its first condition
  Wish wish;
  std::vector<Matcher> templates;              // of a statement: of all conditions of all guards
  std::unique_ptr<const Statement> statement;  // null: a Get
  Ticket ticket;
  Time since{};
  TupleId witness = 0;  // while settling: a match that somebody else's transaction holds

  std::vector<Entry*> handed;  // while tuples are being placed
  std::size_t handed_bytes = 0;
  std::vector<Site> sites;  // by template; empty: not listed (any more). Of a statement, given to add()

  [[nodiscard]] Place place() const { return {ticket, id}; }
  [[nodiscard]] std::vector<Space*> spaces() const;  // where it is listed, each once
};

std::size_t bytes_of(const Statement& statement);  // in memory

class Waiters {
 public:
  // A tuple beyond the first is handed over only while a reply stays within these bytes.
  explicit Waiters(std::size_t reply_bytes) : reply_bytes_(reply_bytes) {}

  Waiter& add(Waiter waiter);   // with an id of its own
  void unlist(Waiter& waiter);  // no more tuples for this one
  void remove(Waiter& waiter);  // and gone; releases nothing else
  [[nodiscard]] Waiter* find(std::uint64_t id) const;

  // Everybody who only reads and matches, by ticket; `found` is emptied first.
  void readers(const Space& space, const Fields& fields, std::size_t bytes, std::vector<Waiter*>& found) const;
  // The longest waiting of that role that matches, at this place of the queue or behind it; null: nobody.
  [[nodiscard]] Waiter* oldest(Role role, const Space& space, const Fields& fields, std::size_t bytes,
                               const Place& from = {}) const;
  // Every statement that wants no tuple like this one to be there.
  template <class Visit>
  void for_each_absence(const Space& space, const Fields& fields, Visit&& visit) const {
    for_each_bucket(space, fields, Role::absence, [&](const Bucket& bucket) {
      for (const Listed& listed : bucket)
        if (accepts(listed, space, Role::absence, fields, 0)) visit(*listed.waiter);
    });
  }
  // How many waiters the tuple would be compared with, at most.
  [[nodiscard]] std::size_t comparisons(const Space& space, const Fields& fields) const;

  [[nodiscard]] std::size_t size() const { return all_.size(); }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (const auto& [id, waiter] : all_) visit(*waiter);
  }

 private:
  struct Listed {
    Place place;
    std::uint32_t which = 0;  // template
    Waiter* waiter = nullptr;
    friend bool operator<(const Listed& a, const Listed& b) {
      return std::tie(a.place, a.which) < std::tie(b.place, b.which);
    }
  };
  using Bucket = std::set<Listed>;

  static std::uint64_t bucket_of(const Space& space, Role role, std::uint16_t mask, const auto& hash_at) {
    std::uint64_t key = hash_combine(space.id << 2 | static_cast<std::uint64_t>(role), mask);
    for (unsigned i = 0; i < indexed_positions; ++i)
      if ((mask >> i & 1) != 0) key = hash_combine(key, hash_at(i));
    return key;
  }
  // The buckets in which a match may stand: visit(bucket).
  template <class Visit>
  void for_each_bucket(const Space& space, const Fields& fields, Role role, Visit&& visit) const {
    const std::uint32_t present = (std::uint32_t{1} << fields.indexed()) - 1;
    for (const Shape& shape : space.shapes) {
      if (shape.number(role) == 0 || (shape.actuals & ~present) != 0) continue;
      auto found = buckets_.find(bucket_of(space, role, shape.actuals, [&](unsigned i) { return fields.hashes[i]; }));
      if (found != buckets_.end()) visit(*found->second);
    }
  }
  void list(Waiter& waiter);
  [[nodiscard]] bool accepts(const Listed& listed, const Space& space, Role role, const Fields& fields,
                             std::size_t bytes) const;

  boost::unordered_flat_map<std::uint64_t, std::unique_ptr<Waiter>> all_;
  boost::unordered_flat_map<std::uint64_t, std::unique_ptr<Bucket>> buckets_;
  std::size_t reply_bytes_;
  std::size_t bytes_ = 0;
  std::uint64_t next_id_ = 1;
};

}  // namespace parvis::space
