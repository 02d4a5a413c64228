#include "client/coordination.hpp"

#include <random>

#include <fmt/format.h>

namespace parvis::coordination {

namespace {

std::string random_id() {
  std::random_device random;
  std::string id;
  for (int i = 0; i < 4; ++i) id += fmt::format("{:08x}", random());
  return id;
}

constexpr int broken_index = -1;  // what a party gets at a barrier that broke

[[noreturn]] void not_held(const std::string& what, const std::string& name) {
  throw Error(ErrorCode::conflict, fmt::format("the {} '{}' is not held here", what, name));
}

}  // namespace

const std::string& Named::id() {
  if (!id_.empty()) return id_;
  const auto look = [&] { return space_.rdp(kind_, name_, "made", of<std::string>, any); };
  auto found = look();
  if (!found) {
    make();
    found = look();
  }
  if (!found) removed();
  setting_ = found->items.at(4);
  id_ = found->items.at(3).get<std::string>();
  return id_;
}

void Named::removed() const {
  throw Error(ErrorCode::not_found, fmt::format("the {} '{}' was removed meanwhile", kind_, name_));
}

// The older of two that were made at the same time holds: everybody sees tuples in one order.
void Named::make() {
  const std::string mine = random_id();
  std::vector<Tuple> tuples{{{Value(kind_), Value(name_), Value("made"), Value(mine), setting_}}};
  for (const auto& token : tokens_) {
    Tuple tuple{{Value(kind_), Value(name_), Value(mine)}};
    tuple.items.insert(tuple.items.end(), token.begin(), token.end());
    tuples.push_back(std::move(tuple));
  }
  space_.out_many(tuples);
  const auto [holds] = space_.rd<std::string>(kind_, name_, "made", formal, rest);
  if (holds == mine) return;
  space_.inp(kind_, name_, "made", mine, any);
  for (std::size_t i = 0; i < tokens_.size(); ++i) space_.inp(kind_, name_, mine, rest);
}

std::optional<Transaction> Named::claim(const Template& token, std::optional<Duration> timeout) {
  auto transaction = space_.transaction();
  if (timeout && timeout->count() == 0) {
    if (!transaction.inp(token)) return std::nullopt;
    return transaction;
  }
  try {
    if (timeout) (void)transaction.in_for(*timeout, token);
    else (void)transaction.in(token);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::timeout) throw;
    return std::nullopt;
  }
  return transaction;
}

bool Lock::hold(std::optional<Duration> timeout) {
  auto claimed = claim(pattern(), timeout);
  if (!claimed) return false;
  held_.emplace(std::move(*claimed));
  return true;
}

void Lock::unlock() {
  if (!held_) not_held("lock", name_);
  auto held = std::move(*held_);
  held_.reset();
  held.abort();  // the token is back at its place
}

bool Lock::locked() { return !space_.rdp(pattern()); }

Semaphore::Semaphore(Space space, std::string name, int leases)
    : Named(std::move(space), "parvis.semaphore", std::move(name), Value(leases), [&] {
        Tokens places;
        for (int place = 0; place < leases; ++place) places.push_back({Value(place)});
        return places;
      }()) {}

bool Semaphore::hold(std::optional<Duration> timeout) {
  auto claimed = claim(pattern(of<std::int64_t>), timeout);
  if (!claimed) return false;
  held_.push_back(std::move(*claimed));
  return true;
}

void Semaphore::release() {
  if (held_.empty()) not_held("semaphore", name_);
  auto held = std::move(held_.back());
  held_.pop_back();
  held.abort();
}

std::uint64_t Semaphore::value() { return space_.count(pattern(of<std::int64_t>)); }

bool Leader::campaign(std::optional<Duration> timeout) {
  if (held_ && is_leader()) return true;
  auto claimed = claim(pattern("crown"), timeout);
  if (!claimed) return false;
  OutOptions owned;
  owned.owned = true;
  space_.out_with(owned, tuple("is", static_cast<std::int64_t>(claimed->id()), me_));
  held_.emplace(std::move(*claimed));
  return true;
}

void Leader::resign() {
  if (!held_) not_held("lead of", name_);
  auto held = std::move(*held_);
  held_.reset();
  space_.inp(pattern("is", static_cast<std::int64_t>(held.id()), any));
  held.abort();
}

bool Leader::is_leader() {
  return held_ && space_.rdp(pattern("is", static_cast<std::int64_t>(held_->id()), any)).has_value();
}

std::optional<std::string> Leader::leader() {
  const auto found = space_.rdp(pattern("is", any, of<std::string>));
  if (!found) return std::nullopt;
  return found->items.at(5).get<std::string>();
}

Barrier::Barrier(Space space, std::string name, int parties)
    : Named(std::move(space), "parvis.barrier", std::move(name), Value(parties), {{Value("state"), Value(false)}}),
      parties_(parties) {}

int Barrier::wait(std::optional<Duration> timeout) {
  if (setting().get<std::int64_t>() != parties_)
    throw Error(ErrorCode::conflict, fmt::format("the barrier '{}' was made for another number of parties", name_));
  const std::string me = random_id();
  OutOptions owned;
  owned.owned = true;
  space_.out_with(owned, tuple("here", me));
  judge();
  auto index = go(me, timeout);
  while (!index) {
    break_it(true, me);  // unless they have let us go meanwhile
    index = go(me, std::nullopt);
  }
  if (*index == broken_index) throw Error(ErrorCode::conflict, fmt::format("the barrier '{}' is broken", name_));
  return *index;
}

std::optional<int> Barrier::go(const std::string& me, std::optional<Duration> timeout) {
  const auto wanted = pattern("go", me, of<std::int64_t>);
  try {
    const Tuple found = timeout ? space_.in_for(*timeout, wanted) : space_.in(wanted);
    return static_cast<int>(found.items.at(5).get<std::int64_t>());
  } catch (const Error& error) {
    if (error.code() != ErrorCode::timeout) throw;
    return std::nullopt;
  }
}

std::vector<Tuple> Barrier::arrived(const Transaction& transaction, std::size_t most) {
  std::vector<Tuple> tuples;
  while (tuples.size() < most) {
    auto here = transaction.inp(pattern("here", any));
    if (!here) break;
    tuples.push_back(std::move(*here));
  }
  return tuples;
}

void Barrier::let_go(const std::vector<Tuple>& arrived, bool broken, bool stays, Transaction& transaction) {
  for (std::size_t i = 0; i < arrived.size(); ++i)
    transaction.out(
        tuple("go", arrived[i].items.at(4).get<std::string>(), broken ? broken_index : static_cast<int>(i)));
  transaction.out(tuple("state", stays));
  transaction.commit();
}

// One at a time, so that somebody sees the last one who came.
void Barrier::judge() {
  auto transaction = space_.transaction();
  const bool is_broken = transaction.in(pattern("state", of<bool>)).items.at(4).get<bool>();
  const auto here = arrived(transaction, static_cast<std::size_t>(parties_));
  if (is_broken || here.size() == static_cast<std::size_t>(parties_)) let_go(here, is_broken, is_broken, transaction);
  else transaction.abort();
}

void Barrier::break_it(bool stays, const std::optional<std::string>& me) {
  auto transaction = space_.transaction();
  (void)transaction.in(pattern("state", of<bool>));
  if (me && !transaction.rdp(pattern("here", *me))) return;
  let_go(arrived(transaction, SIZE_MAX), true, stays, transaction);
}

bool Barrier::broken() { return space_.rd(pattern("state", of<bool>)).items.at(4).get<bool>(); }
std::uint64_t Barrier::waiting() { return space_.count(pattern("here", any)); }

void Event::put(bool value) { change(pattern(of<bool>), statements::set(3, value)); }

bool Event::wait_for(Duration timeout) {
  try {
    (void)space_.rd_for(timeout, pattern(true));
    return true;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::timeout) throw;
    return false;
  }
}

std::int64_t Counter::add(std::int64_t n) {
  return change(pattern(any), statements::add(3, n)).items.at(3).get<std::int64_t>();
}

std::int64_t Counter::value() { return space_.rd(pattern(any)).items.at(3).get<std::int64_t>(); }

}  // namespace parvis::coordination
