// What the clients of the model test ask for, by a seed.
#pragma once

#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "naive_request.hpp"

namespace parvis::space::test {

inline constexpr std::int64_t second = 1'000'000;
inline const std::vector<std::string> space_names{"d1", "d2", "v"};

class RandomRequests {
 public:
  explicit RandomRequests(std::uint64_t seed) : random_(seed) {}

  bool chance(int percent) { return static_cast<int>(random_() % 100) < percent; }
  std::size_t below(std::size_t n) { return random_() % n; }
  // No two deadlines at one time: then their order is not defined.
  std::int64_t duration(std::int64_t seconds) {
    return seconds * second + static_cast<std::int64_t>(below(999'999)) + 1;
  }

  Asked::Template some_template() {
    Asked::Template p;
    if (chance(70)) p.kind = chance(50) ? "a" : "b";
    if (chance(50)) p.number = static_cast<int>(below(3));
    return p;
  }

  using Claims = std::map<std::uint64_t, std::set<std::uint64_t>>;  // open transactions, and the serials in them
  Asked::Request request(const Claims& claims);

 private:
  void make_statement(Asked::Request& r);

  std::mt19937_64 random_;
  std::uint64_t serial_ = 0;
};

inline Asked::Request RandomRequests::request(const Claims& claims) {
  Asked::Request r;
  r.space = space_names[below(4) % 3];
  const std::size_t dice = chance(20) ? 100 + below(10) : below(100);
  if (dice < 100 && !claims.empty() && chance(40)) {
    auto claim = std::next(claims.begin(), static_cast<std::ptrdiff_t>(below(claims.size())));
    r.transaction = claim->first;
    for (auto serial : claim->second) {
      if (chance(40))
        r.consumed.push_back(serial);
      else if (chance(40))
        r.released.push_back(serial);
    }
  }
  if (r.transaction != 0 && dice < 45) {
    r.what = dice < 30 ? Asked::Request::commit : dice < 38 ? Asked::Request::abort : Asked::Request::renew;
    r.partial = r.what == Asked::Request::commit && chance(50);
    if (r.what == Asked::Request::renew && chance(80)) r.lease = duration(2);
  } else if (dice < 55) {
    r.what = dice < 50 ? Asked::Request::out : Asked::Request::begin;
    if (chance(30)) r.lease = duration(3);
    if (chance(10)) r.delay = duration(1);
    r.owned = chance(15);
  } else if (dice >= 100) {
    r.what = dice < 102 ? Asked::Request::collect : Asked::Request::statement;
    if (r.what == Asked::Request::collect || chance(15)) r.to = r.space == "d1" ? "v" : "d1";
    if (r.what == Asked::Request::statement) make_statement(r);
  } else {
    r.what = dice < 60 ? Asked::Request::count : Asked::Request::get;
    r.take = chance(65);
    r.wait = chance(60);
    r.begins = r.take && r.transaction == 0 && chance(40);
    r.max = chance(60) ? 1 : 1 + below(4);
    if (chance(50)) r.timeout = chance(20) ? 0 : duration(2);
    if (chance(50)) r.lease = duration(3);
  }
  const bool may_put = r.what == Asked::Request::commit || r.what == Asked::Request::statement;
  const std::size_t puts = r.what == Asked::Request::out ? 1 + below(3) : may_put ? below(3) : 0;
  for (std::size_t i = 0; i < puts; ++i) {
    Asked::Tuple t;
    t.space = r.space;
    t.kind = chance(50) ? "a" : "b";
    t.number = static_cast<int>(below(3));
    t.serial = ++serial_;
    t.priority = static_cast<int>(below(6)) / 4;
    if (!r.puts.empty() && r.what == Asked::Request::out) t.priority = r.puts[0].priority;
    r.puts.push_back(t);
  }
  const std::size_t templates = r.what == Asked::Request::statement || chance(80) ? 1 : 2;
  for (std::size_t i = 0; i < templates; ++i) r.templates.push_back(some_template());
  return r;
}

inline void RandomRequests::make_statement(Asked::Request& r) {
  r.take = true;
  r.wait = chance(70);
  r.otherwise = chance(20);
  if (chance(50)) r.timeout = chance(20) ? 0 : duration(2);
  for (std::size_t n = below(4); n > 0; --n) {
    Asked::Condition c;
    c.what = static_cast<Asked::Condition::What>(below(5) / 2);
    c.space = space_names[below(4) % 3];
    c.pattern = some_template();
    c.joins = chance(50);
    if (c.joins) c.pattern.number.reset();
    if (c.what == Asked::Condition::in && r.update < 0 && chance(50)) r.update = static_cast<int>(r.guard.size());
    r.guard.push_back(c);
  }
  if (r.guard.empty()) r.otherwise = false;
}

}  // namespace parvis::space::test
