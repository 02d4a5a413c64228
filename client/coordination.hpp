// Locks, queues and the like, made of nothing but tuples: named, shared by every process that uses the same space, in
// C++ and in Python (docs/coordination.md). #include <parvis/coordination.hpp>.
//
//   coordination::Lock lock(space, "results.csv");
//   const std::scoped_lock held(lock);
//
// A name is made by its first use, once, and lasts. What a process holds is a claim of its session: when it dies it is
// free again. Whoever has waited longest is served next. Names and habits are those of <mutex>, <semaphore>, <barrier>.
//
// Threads: an object belongs to one thread at a time (each thread makes its own of the same name); the Space may be
// shared. All throw parvis::Error.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "client/space.hpp"

namespace parvis::coordination {

// The tuples (kind, name, id, …) of a name. (kind, name, "made", id, setting) says that they are there: the oldest one
// holds, should two processes have made them at the same time.
class Named {
 public:
  [[nodiscard]] const std::string& name() const { return name_; }

 protected:
  using Duration = std::chrono::microseconds;
  using Tokens = std::vector<std::vector<Value>>;  // what the first user puts behind (kind, name, id)

  Named(Space space, std::string kind, std::string name, Value setting, Tokens tokens)
      : space_(std::move(space)),
        kind_(std::move(kind)),
        name_(std::move(name)),
        setting_(std::move(setting)),
        tokens_(std::move(tokens)) {}

  const std::string& id();  // made if need be
  const Value& setting() {  // as its first user settled it
    id();
    return setting_;
  }
  template <class... F>
  Tuple tuple(const F&... fields) {
    return {{Value(kind_), Value(name_), Value(id()), to_value(fields)...}};
  }
  template <class... F>
  Template pattern(const F&... fields) {
    Encoding encoding;
    detail::encode_template<>(encoding, kind_, name_, id(), fields...);
    return decode_template(encoding.flatten());
  }
  // A transaction that holds the token: as long as it and the session live. Nothing when there is none in time; no
  // timeout: wait for ever.
  std::optional<Transaction> claim(const Template& token, std::optional<Duration> timeout);
  // Changes the one tuple that matches, where it stands.
  template <class... C>
  Tuple change(const Template& pattern, const C&... changes) {
    auto changed = space_.update(pattern, changes...);
    if (!changed) removed();
    return std::move(*changed);
  }

  Space space_;
  std::string kind_, name_;

 private:
  void make();
  [[noreturn]] void removed() const;

  std::string id_;
  Value setting_;
  Tokens tokens_;
};

class Lock : public Named {
 public:
  Lock(Space space, std::string name) : Named(std::move(space), "parvis.lock", std::move(name), Nil{}, {{}}) {}
  void lock() { (void)hold(std::nullopt); }
  bool try_lock() { return hold(Duration(0)); }
  bool try_lock_for(Duration timeout) { return hold(timeout); }
  void unlock();  // Error{conflict} when it is not held here, or has been lost with the session
  bool locked();  // by anybody

 private:
  bool hold(std::optional<Duration> timeout);
  std::optional<Transaction> held_;
};

class Semaphore : public Named {
 public:
  // The first user settles how many may hold it at a time.
  Semaphore(Space space, std::string name, int leases = 1);
  void acquire() { (void)hold(std::nullopt); }
  bool try_acquire() { return hold(Duration(0)); }
  bool try_acquire_for(Duration timeout) { return hold(timeout); }
  void release();         // Error{conflict} when it is not held here, or has been lost with the session
  std::uint64_t value();  // free places

 private:
  bool hold(std::optional<Duration> timeout);
  std::vector<Transaction> held_;
};

class Leader : public Named {
 public:
  // `me`: what this candidate is called.
  Leader(Space space, std::string name, std::string me)
      : Named(std::move(space), "parvis.leader", std::move(name), Nil{}, {{Value("crown")}}), me_(std::move(me)) {}
  bool campaign(std::optional<Duration> timeout = {});  // whether we lead
  void resign();                                        // Error{conflict} when we do not
  bool is_leader();                                     // asks the server
  std::optional<std::string> leader();

 private:
  std::string me_;
  std::optional<Transaction> held_;
};

// Again and again: `parties` wait for each other. One that does not come in time breaks it: Error{conflict} for all
// that wait and all that come, until reset(). One that dies while it waits is not counted any more.
class Barrier : public Named {
 public:
  Barrier(Space space, std::string name, int parties);
  int arrive_and_wait() { return wait(std::nullopt); }  // 0 … parties - 1, another for each
  int wait_for(Duration timeout) { return wait(timeout); }
  void reset() { break_it(false, {}); }
  bool broken();
  std::uint64_t waiting();

 private:
  int wait(std::optional<Duration> timeout);
  std::optional<int> go(const std::string& me, std::optional<Duration> timeout);
  void judge();
  void break_it(bool stays, const std::optional<std::string>& me);
  std::vector<Tuple> arrived(const Transaction& transaction, std::size_t most);
  void let_go(const std::vector<Tuple>& arrived, bool broken, bool stays, Transaction& transaction);
  int parties_;
};

class Event : public Named {
 public:
  Event(Space space, std::string name)
      : Named(std::move(space), "parvis.event", std::move(name), Nil{}, {{Value(false)}}) {}
  void set() { put(true); }
  void clear() { put(false); }
  bool is_set() { return space_.rdp(pattern(true)).has_value(); }
  void wait() { (void)space_.rd(pattern(true)); }
  bool wait_for(Duration timeout);

 private:
  void put(bool value);
};

class Counter : public Named {
 public:
  Counter(Space space, std::string name, std::int64_t start = 0)
      : Named(std::move(space), "parvis.counter", std::move(name), Nil{}, {{Value(start)}}) {}
  std::int64_t add(std::int64_t n = 1);  // what it came to
  std::int64_t value();
};

template <class T>
class Variable : public Named {
 public:
  Variable(Space space, std::string name)
      : Named(std::move(space), "parvis.variable", std::move(name), Nil{}, {{Value(false), Value()}}) {}
  void set(const T& value) { change(pattern(of<bool>, any), statements::set(3, true), statements::set(4, value)); }
  T get() { return from_value<T>(space_.rd(pattern(true, any)).items.at(4)); }
  T get_for(Duration timeout) { return from_value<T>(space_.rd_for(timeout, pattern(true, any)).items.at(4)); }
};

template <class T>
class Queue : public Named {
 public:
  // The first user settles `maxsize`; 0: no bound, or as it is.
  Queue(Space space, std::string name, int maxsize = 0)
      : Named(std::move(space), "parvis.queue", std::move(name), Value(maxsize), places(maxsize)) {}
  void put(const T& item) { (void)put_for(std::nullopt, item); }
  bool try_put(const T& item) { return put_for(Duration(0), item); }
  bool put_for(std::optional<Duration> timeout, const T& item) {
    if (!bounded()) {
      space_.out(tuple("item", item));
      return true;
    }
    auto room = claim(pattern("room", any), timeout);
    if (!room) return false;
    room->out(tuple("item", item));
    room->commit();
    return true;
  }
  T get() { return *get_for(std::nullopt); }
  std::optional<T> try_get() { return get_for(Duration(0)); }
  std::optional<T> get_for(std::optional<Duration> timeout) {
    auto items = space_.transaction();  // the item goes and its place comes in one step
    std::optional<Tuple> found;
    if (timeout && timeout->count() == 0) found = items.inp(pattern("item", any));
    else found = wait_for_item(items, timeout);
    if (!found) return std::nullopt;
    if (bounded()) items.out(tuple("room", 0));
    T item = from_value<T>(found->items.at(4));
    items.commit();
    return item;
  }
  std::uint64_t size() { return space_.count(pattern("item", any)); }

 private:
  static Tokens places(int maxsize) {
    Tokens tokens;
    for (int place = 0; place < maxsize; ++place) tokens.push_back({Value("room"), Value(place)});
    return tokens;
  }
  bool bounded() { return setting().template get<std::int64_t>() != 0; }
  std::optional<Tuple> wait_for_item(Transaction& items, std::optional<Duration> timeout) {
    if (!timeout) return items.in(pattern("item", any));
    try {
      return items.in_for(*timeout, pattern("item", any));
    } catch (const Error& error) {
      if (error.code() != ErrorCode::timeout) throw;
      return std::nullopt;
    }
  }
};

}  // namespace parvis::coordination
