// The operations of the model test: what the naive model calls a Request as the engine wants it, and in one line for
// whoever looks for the cause of a failure.
#pragma once

#include <map>
#include <sstream>
#include <string>
#include <utility>

#include "harness.hpp"
#include "naive_model.hpp"

namespace parvis::space::test {

// What the engine calls things, as answers told it.
struct Names {
  std::map<std::uint64_t, TupleId> tuples;              // by serial
  std::map<std::uint64_t, TransactionId> transactions;  // by the model's name
};

inline Statement statement_of(const Naive::Request& r, const std::vector<Payload>& templates,
                              const std::vector<Payload>& puts) {
  Statement statement;
  Branch& branch = statement.branches.emplace_back();
  for (const auto& c : r.guard) {
    const std::string kind = c.pattern.kind ? '"' + *c.pattern.kind + '"' : "?";
    const std::string number = c.joins ? "?n:int" : c.pattern.number ? std::to_string(*c.pattern.number) : "?int";
    const Payload wanted = pattern("(" + kind + ", " + number + ", ?)");
    branch.guard.push_back({static_cast<Condition::What>(c.what), c.space, wanted});
  }
  const auto act = [&](Action::What what, const std::string& space, const Payload& form) -> Action& {
    return branch.body.emplace_back(Action{what, space, r.to, 0, form, {}, r.lease, 0});
  };
  if (!r.to.empty()) act(Action::What::move, r.space, templates[0]);
  if (r.update >= 0) {
    Action& update = act(Action::What::update, {}, {});
    update.condition = static_cast<std::uint32_t>(r.update);
    update.changes = {{1, Change::How::add, pattern("(1,)")}};
  }
  for (std::size_t i = 0; i < puts.size(); ++i)
    act(Action::What::out, r.space, pattern(to_text(decode_tuple(puts[i].blob())))).priority = r.puts[i].priority;
  if (r.otherwise) statement.branches.emplace_back();
  statement.wait = r.wait;
  statement.timeout_us = r.timeout;
  return statement;
}

inline Operation operation_of(const Naive::Request& r, const Names& names) {
  std::vector<Payload> puts, templates;
  for (const auto& t : r.puts)
    puts.emplace_back(encoded(Tuple{{Value(t.kind), Value(t.number), Value(static_cast<std::int64_t>(t.serial))}}));
  for (const auto& p : r.templates) {
    const std::string kind = p.kind ? '"' + *p.kind + '"' : "?str";
    if (p.number)
      templates.emplace_back(pattern("(" + kind + ", " + std::to_string(*p.number) + ", ?int)"));
    else if (p.kind)
      templates.emplace_back(pattern("(" + kind + ", ...)"));
    else
      templates.emplace_back(pattern(r.max % 2 == 0 ? "(...)" : "(?, ?, ?)"));
  }
  const TransactionId transaction = r.transaction == 0 ? 0 : names.transactions.at(r.transaction);
  switch (r.what) {
    case Naive::Request::out: return Out{r.space, puts, r.lease, r.owned, r.puts[0].priority, r.delay};
    case Naive::Request::get:
      return Get{r.space,     templates, r.take, r.wait, r.timeout, static_cast<std::uint32_t>(r.max),
                 transaction, r.begins,  r.lease};
    case Naive::Request::collect: return Collect{r.space, r.to, templates, false};
    case Naive::Request::statement: return statement_of(r, templates, puts);
    case Naive::Request::count: return Count{r.space, templates};
    case Naive::Request::begin: return Begin{r.lease};
    case Naive::Request::abort: return Abort{transaction};
    case Naive::Request::renew: return Renew{transaction, r.lease};
    case Naive::Request::commit: break;
  }
  Commit commit{transaction, {}, r.partial, {}, {}};
  for (std::size_t i = 0; i < puts.size(); ++i) commit.puts.push_back({r.space, puts[i], r.lease, r.puts[i].priority});
  for (auto serial : r.consumed) commit.consumed.push_back(names.tuples.at(serial));
  for (auto serial : r.released) commit.released.push_back(names.tuples.at(serial));
  return commit;
}

inline std::string to_text(const Naive::Request& r) {
  static const char* const names[] = {"out",   "get",   "count",   "begin",    "commit",
                                      "abort", "renew", "collect", "statement"};
  const std::pair<bool, const char*> flags[] = {
      {r.take, "take"},       {r.wait, "wait"},   {r.begins, "begins"},
      {r.partial, "partial"}, {r.owned, "owned"}, {r.otherwise, "else"}};
  std::ostringstream out;
  out << names[r.what] << ' ' << r.space;
  for (auto [is_set, name] : flags)
    if (is_set) out << ' ' << name;
  out << " max " << r.max << " transaction " << r.transaction << " lease " << r.lease;
  out << " timeout " << r.timeout << " delay " << r.delay;
  for (const auto& t : r.puts) out << ' ' << Naive::text(t) << '^' << t.priority;
  for (const auto& p : r.templates) out << " (" << p.kind.value_or("?") << ' ' << p.number.value_or(-1) << ')';
  for (const auto& c : r.guard)
    out << " if " << c.what << ' ' << c.space << " (" << c.pattern.kind.value_or("?") << ' '
        << (c.joins ? "n" : std::to_string(c.pattern.number.value_or(-1))) << ')';
  out << " update " << r.update << " to " << r.to;
  for (auto serial : r.consumed) out << " consumed " << serial;
  for (auto serial : r.released) out << " released " << serial;
  return out.str();
}

}  // namespace parvis::space::test
