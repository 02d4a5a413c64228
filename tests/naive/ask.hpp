// What clients ask and are told in random histories, in few words: tuples of (kind, number, serial), templates of kind
// and number. Both the naive model and the engine understand it: operation_of() and told_of() translate.
//
// A serial is given to one tuple that is put, and names it in what people read. A tuple that is copied has its serial,
// too; what names a single tuple is the engine's id here and the model's order there (Names knows which is which).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "tuplespace/space/engine.hpp"

namespace parvis::naive {

using Serial = std::uint32_t;
using Micros = std::int64_t;
using TransactionName = std::uint64_t;  // the session and the sequence that began it
inline constexpr Micros never = INT64_MAX;
inline TransactionName name_of(SessionId session, Sequence sequence) { return session << 24 | sequence; }

struct Fresh {  // a tuple to be put
  int kind = 0, number = 0;
  Serial serial = 0;
  int priority = 0;
  std::uint16_t space = 0;
  bool computed = false;  // by a statement: its number is one more than the variable
};
struct Wanted {
  int kind = -1, number = -1;  // -1: any
  bool range = false;          // the number, if it is not any, or one more
  [[nodiscard]] bool matches(const Fresh& f) const {
    const bool in_range = range && f.number == number + 1;
    return (kind < 0 || kind == f.kind) && (number < 0 || number == f.number || in_range);
  }
};
struct Guarded {  // a condition of a statement
  Condition::What what = Condition::What::in;
  std::uint16_t space = 0;
  Wanted pattern;
  bool joins = false;  // its number is the one variable of the statement
};
struct Course {  // a branch of a statement; without a guard: an else
  std::vector<Guarded> guard;
  int moves_from = -1, to = -1;  // spaces: all that matches `moved`, first
  bool copies = false;
  Wanted moved;
  int updates = -1;  // condition whose tuple's number changes
  Change::How how = Change::How::set;
  int operand = 0;
  bool by_variable = false;  // the operand is
  std::vector<Fresh> puts;
};
struct Ask {  // any operation
  enum What : std::uint8_t {
    out,
    get,
    count,
    begin,
    commit,
    abort,
    renew,
    leases,
    collect,
    scan,
    aggregate,
    statement,
    watch,
    quota
  } what = out;
  std::uint16_t space = 0, to = 0;
  bool owned = false, take = false, wait = false, begins = false, partial = false, copies = false;
  std::uint32_t max = 1;
  int group = 0, quota_tuples = 0;  // 0: none
  Micros lease = -1, timeout = -1, delay = 0, room = 0, settle = 0;
  TransactionName transaction = 0;
  TransactionId transaction_id = 0;
  std::vector<Fresh> puts;
  std::vector<Wanted> patterns;
  std::vector<std::uint64_t> named, released;  // tuples: to be consumed, renewed; the last one of a page before
  std::vector<Course> courses;
  std::uint64_t after = 0, until = 0, from = 0;  // of scan; of watch (0: begin)
  std::uint8_t kinds = 0x1f;
};
struct Shown {  // a tuple, in an answer
  Serial serial = 0;
  int kind = 0, number = 0;
  std::uint32_t attempts = 0;
  int event = 0;
  std::uint64_t name = 0;  // not compared
  friend bool operator==(const Shown& a, const Shown& b) {
    return a.serial == b.serial && a.kind == b.kind && a.number == b.number && a.attempts == b.attempts &&
           a.event == b.event;
  }
};
struct Told {  // an answer
  SessionId session = 0;
  Sequence sequence = 0;
  enum What : std::uint8_t { done, found, rows, page, ran, events, failed, waiting } what = done;
  std::uint64_t number = 0;  // of done; code of failed; ticket; branch; next event; a page is the last
  std::vector<Shown> items{};
  bool gap = false;
  std::uint64_t until = 0;  // of a scan; not compared
  [[nodiscard]] auto key() const { return std::tuple(session, sequence, what); }
};
inline constexpr std::uint64_t any_number = UINT64_MAX;  // the model does not know it

std::string text(const Told& told);
std::string text(const Ask& ask);
std::string space_name(std::size_t space);
Operation operation_of(const Ask& ask);
Told told_of(const space::Reply& reply);

// Empty: what the engine said is what the model says. Both are sorted.
std::string difference(std::vector<Told>& said, std::vector<Told>& expected);

// The engine's names of tuples and the model's.
class Names {
 public:
  [[nodiscard]] std::shared_ptr<const Ask> translated(const std::shared_ptr<const Ask>& ask) const;
  // Not empty: a contradiction. A tuple that nobody was told of may be forgotten by a crash, and its id given again.
  std::string learn(const std::vector<Told>& said, const std::vector<Told>& expected);
  void tell(const Answer& answer);

 private:
  struct Named {
    std::uint64_t order = 0;
    bool told = false;
  };
  std::unordered_map<std::uint64_t, Named> orders_;
  std::unordered_map<std::uint64_t, std::uint64_t> untils_;
};

}  // namespace parvis::naive
