// What the engine means, as simply as it can be said: one vector of tuples, one of blocked operations, no index, no
// batches, nothing incremental. A model is a value: the test keeps a copy of it for every batch and goes back to that
// copy when the engine crashes. docs/semantics.md says the same in words.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "naive_request.hpp"

namespace parvis::space::test {

struct Naive : Asked {
  struct Answer {
    std::uint64_t session = 0, sequence = 0;
    std::string text;
    std::uint64_t transaction = 0;  // the one that it began
    std::vector<std::uint64_t> serials{};
  };
  struct Applied {
    Answer answer;
    bool lasting = true, holds = false, begun = false;
    std::uint64_t transaction = 0;
  };
  struct Session {
    bool attached = true;
    std::int64_t grace = never;
    std::map<std::uint64_t, Applied> applied;
  };
  struct Transaction {
    std::uint64_t session = 0;
    std::int64_t lease = -1, until = never;
    bool lasting = false;
  };
  struct Waiter {
    std::uint64_t session, sequence;
    Request request;
    std::int64_t until;
  };

  std::int64_t now = 0;
  std::uint64_t next_order = 1;
  std::vector<Tuple> tuples;
  std::set<std::uint64_t> ever;                       // serials that were put, whatever became of them
  std::map<std::uint64_t, Session> sessions;          // by the engine's ids
  std::map<std::uint64_t, Transaction> transactions;  // by the sequence that began them: session * 1e6 + sequence
  std::vector<Waiter> waiters;                        // the longest waiting first
  std::vector<Answer> answers;                        // of the current call

  static bool lasting(const std::string& space) { return space[0] != 'v'; }
  static std::string text(const Tuple& t) {
    return t.kind + std::to_string(t.number) + "." + std::to_string(t.serial) + "/" + std::to_string(t.attempts);
  }
  static bool before(const Tuple* a, const Tuple* b) {
    return a->priority != b->priority ? a->priority > b->priority : a->order < b->order;
  }
  static std::int64_t later(std::int64_t now, std::int64_t us) { return us < 0 ? never : now + us; }
  Tuple* named(std::uint64_t serial) {
    for (Tuple& t : tuples)
      if (t.serial == serial) return &t;
    return nullptr;
  }
  bool visible(const Tuple& t) const { return t.holder == 0 && t.hidden_until <= now; }
  std::vector<Tuple*> matches(const Request& r) {
    std::vector<Tuple*> found;
    for (Tuple& t : tuples)
      if (t.space == r.space && visible(t) &&
          std::any_of(r.templates.begin(), r.templates.end(), [&](auto& p) { return p.matches(t); }))
        found.push_back(&t);
    std::sort(found.begin(), found.end(), before);
    return found;
  }
  void say(std::uint64_t session, std::uint64_t sequence, std::string text) {
    answers.push_back({session, sequence, std::move(text)});
  }
  void fail(std::uint64_t s, std::uint64_t n, std::string text) {  // also an answer, and final until the next crash
    sessions[s].applied.emplace(n, Applied{{s, n, text}, false});
    say(s, n, std::move(text));
  }
  void done(std::uint64_t s, std::uint64_t n, bool lasts, std::uint64_t begun = 0, std::string text = "done") {
    Answer a{s, n, std::move(text), begun};
    sessions[s].applied[n] = {a, lasts, false, false, begun};
    answers.push_back(a);
  }
  bool open(std::uint64_t s, std::uint64_t transaction) const {
    auto t = transactions.find(transaction);
    return t != transactions.end() && t->second.session == s;
  }

  void apply(std::uint64_t s, std::uint64_t n, const Request& r) {
    if (auto known = sessions[s].applied.find(n); known != sessions[s].applied.end()) {
      Applied& a = known->second;
      if (a.holds) {  // tuples: those it still holds
        a.answer.text.clear();
        for (auto serial : a.answer.serials) {
          Tuple* t = named(serial);
          if (t == nullptr || t->holder != (a.transaction != 0 ? a.transaction : s)) return say(s, n, "conflict");
          a.answer.text += text(*t) + " ";
        }
      }
      return answers.push_back(a.answer);
    }
    for (Waiter& w : waiters)
      if (w.session == s && w.sequence == n) return;
    switch (r.what) {
      case Request::out:
        put(s, r.puts, r);
        return settle([&] { done(s, n, lasting(r.space)); });
      case Request::get:
        return settle([&] { get(s, n, r); });
      case Request::count:
        return say(s, n, std::to_string(matches(r).size()));
      case Request::collect:
        return settle([&] {
          const auto found = matches(r);
          for (Tuple* t : found) move(*t, r.to);
          done(s, n, !found.empty() && (lasting(r.space) || lasting(r.to)), 0, std::to_string(found.size()));
        });
      case Request::statement:
        return statement(s, n, r);
      case Request::begin:
        transactions[s * 1000000 + n] = {s, r.lease, later(now, r.lease), true};
        return done(s, n, true, s * 1000000 + n);
      case Request::commit:
        return commit(s, n, r);
      case Request::abort:
        if (!open(s, r.transaction)) return fail(s, n, "conflict");
        return settle([&] {
          const bool lasts = transactions[r.transaction].lasting;
          end_transaction(r.transaction, true);
          done(s, n, lasts);
        });
      case Request::renew:
        if (!open(s, r.transaction)) return fail(s, n, "conflict");
        transactions[r.transaction].lease = r.lease;
        transactions[r.transaction].until = later(now, r.lease);
        return say(s, n, "done");
    }
  }
  void put(std::uint64_t s, std::vector<Tuple> puts, const Request& r) {
    for (Tuple& t : puts) {
      t.order = next_order++;
      t.lease_until = later(now, r.lease);
      t.hidden_until = r.delay > 0 ? now + r.delay : 0;
      t.owner = r.owned ? s : 0;
      tuples.push_back(t);
      ever.insert(t.serial);
    }
  }
  void move(Tuple& t, const std::string& to) {
    t.space = to;
    t.order = next_order++;
  }
  void statement(std::uint64_t s, std::uint64_t n, const Request& r) {
    bool ran = false;
    settle([&] { ran = run(s, n, r); });
    if (ran) return;
    if (!r.wait) return fail(s, n, "none");
    if (r.timeout == 0) return fail(s, n, "timeout");
    waiters.push_back({s, n, r, later(now, r.timeout)});
  }
  // Whether the guard holds, the conditions from `i` on; with which tuples and with which number.
  bool holds(const Request& r, std::vector<Tuple*>& chosen, std::optional<int> number) {
    if (chosen.size() == r.guard.size())
      return std::none_of(r.guard.begin(), r.guard.end(), [&](const Condition& c) {
        return c.what == Condition::absent && !candidates(c, number).empty();
      });
    const Condition& c = r.guard[chosen.size()];
    std::vector<Tuple*> all{nullptr};
    if (c.what != Condition::absent) all = candidates(c, number);
    for (Tuple* t : all) {
      if (t != nullptr && std::count(chosen.begin(), chosen.end(), t) != 0) continue;
      chosen.push_back(t);
      if (holds(r, chosen, t != nullptr && c.joins ? std::optional(t->number) : number)) return true;
      chosen.pop_back();
    }
    return false;
  }
  std::vector<Tuple*> candidates(const Condition& c, std::optional<int> number) {
    Request r;
    r.space = c.space;
    r.templates = {c.pattern};
    if (c.joins && number) r.templates[0].number = number;
    return matches(r);
  }
  bool run(std::uint64_t s, std::uint64_t n, const Request& r) {
    std::vector<Tuple*> chosen;
    if (!holds(r, chosen, std::nullopt)) {
      if (r.otherwise) done(s, n, false, 0, "else");
      return r.otherwise;
    }
    bool lasts = !r.puts.empty() && lasting(r.space);
    std::string found, updated;
    std::vector<std::uint64_t> gone;
    for (std::size_t i = 0; i < chosen.size(); ++i) {
      if (r.guard[i].what == Condition::absent) continue;
      found += text(*chosen[i]) + " ";
      if (r.guard[i].what == Condition::rd) continue;
      lasts = lasts || lasting(chosen[i]->space);
      gone.push_back(chosen[i]->serial);
    }
    if (!r.to.empty())
      for (Tuple* t : matches(r)) {
        if (std::count(gone.begin(), gone.end(), t->serial) != 0) continue;
        lasts = lasts || lasting(r.space) || lasting(r.to);
        move(*t, r.to);
      }
    if (r.update >= 0) {
      Tuple& t = *chosen[static_cast<std::size_t>(r.update)];
      ++t.number;
      updated = text(t);
      std::erase(gone, t.serial);
    }
    std::erase_if(tuples, [&](const Tuple& t) { return std::count(gone.begin(), gone.end(), t.serial) != 0; });
    put(s, r.puts, r);
    done(s, n, lasts, 0, "ran " + found + "-> " + updated);
    return true;
  }
  void get(std::uint64_t s, std::uint64_t n, const Request& r) {
    if (r.transaction != 0 && !open(s, r.transaction)) return fail(s, n, "conflict");
    std::vector<std::uint64_t> found;
    for (Tuple* t : matches(r))
      if (found.size() < r.max) found.push_back(t->serial);
    if (!found.empty()) return give(s, n, r, found);
    if (!r.wait) return r.take ? fail(s, n, "") : say(s, n, "");
    if (r.timeout == 0) return fail(s, n, "timeout");
    waiters.push_back({s, n, r, later(now, r.timeout)});
  }
  void give(std::uint64_t s, std::uint64_t n, const Request& r, const std::vector<std::uint64_t>& serials) {
    Answer a{s, n, "", 0, serials};
    for (auto serial : serials) a.text += text(*named(serial)) + " ";
    if (r.take) {
      std::uint64_t t = r.transaction;
      if (r.begins) transactions[a.transaction = t = s * 1000000 + n] = {s, r.lease, later(now, r.lease), false};
      if (t != 0 && lasting(r.space)) transactions[t].lasting = true;
      for (auto serial : serials) named(serial)->holder = t != 0 ? t : s;
      sessions[s].applied[n] = {a, lasting(r.space), true, r.begins, t};
    }
    answers.push_back(a);
  }
  // Runs `change`, then serves whoever can run: all that only read, then always the longest waiting.
  template <class Change>
  void settle(Change&& change) {
    change();
    do
      while (serve_one(false)) {}
    while (serve_one(true));
  }
  bool serve_one(bool take) {
    for (std::size_t i = 0; i < waiters.size(); ++i) {
      const Waiter w = waiters[i];
      const Request& r = w.request;
      if (r.take != take || (r.what == Request::get && matches(r).empty())) continue;
      if (r.what == Request::get)
        get(w.session, w.sequence, r);
      else if (!run(w.session, w.sequence, r))
        continue;
      waiters.erase(waiters.begin() + static_cast<std::ptrdiff_t>(i));
      return true;
    }
    return false;
  }
  void give_back(Tuple& t, bool tried) {
    t.holder = 0;
    t.attempts += tried ? 1 : 0;
  }
  void forget_ended() {  // whose lease or owner ended while it was held
    std::erase_if(tuples, [&](const Tuple& t) {
      return t.holder == 0 && (t.lease_until <= now || (t.owner != 0 && !sessions.contains(t.owner)));
    });
  }
  void end_transaction(std::uint64_t id, bool tried) {
    for (Tuple& t : tuples)
      if (t.holder == id) give_back(t, tried);
    for (Waiter& w : waiters)
      if (w.request.transaction == id) fail(w.session, w.sequence, "conflict");
    std::erase_if(waiters, [&](const Waiter& w) { return w.request.transaction == id; });
    transactions.erase(id);
    forget_ended();
  }
  void commit(std::uint64_t s, std::uint64_t n, const Request& r) {
    if (!open(s, r.transaction)) return fail(s, n, "conflict");
    for (auto* list : {&r.consumed, &r.released})
      for (auto serial : *list)
        if (r.partial && (named(serial) == nullptr || named(serial)->holder != r.transaction))
          return fail(s, n, "conflict");
    settle([&] {
      bool lasts = transactions[r.transaction].lasting || (!r.puts.empty() && lasting(r.space));
      for (auto serial : r.released)
        if (r.partial) give_back(*named(serial), false);
      std::erase_if(tuples, [&](const Tuple& t) {
        return t.holder == r.transaction &&
               (!r.partial || std::count(r.consumed.begin(), r.consumed.end(), t.serial) != 0);
      });
      if (!r.partial) end_transaction(r.transaction, false);
      put(s, r.puts, r);
      forget_ended();
      done(s, n, lasts);
    });
  }
  void refuse(std::uint64_t s, std::uint64_t n, bool cancel_only) {
    const auto waits = [&](const Waiter& w) { return w.session == s && w.sequence == n; };
    if (std::erase_if(waiters, waits) != 0) return fail(s, n, "timeout");
    auto found = sessions[s].applied.find(n);
    if (cancel_only || found == sessions[s].applied.end() || !found->second.holds) return;
    const Applied a = std::exchange(found->second, Applied{{s, n, "timeout"}, false});
    settle([&] {
      if (a.begun && transactions.contains(a.transaction)) end_transaction(a.transaction, false);
      for (auto serial : a.answer.serials)
        if (Tuple* t = named(serial); t != nullptr && t->holder == (a.transaction != 0 ? a.transaction : s))
          give_back(*t, false);
      forget_ended();
    });
  }
  void confirm(std::uint64_t s, std::uint64_t n) {
    auto found = sessions[s].applied.find(n);
    if (found == sessions[s].applied.end()) return;
    const auto& serials = found->second.answer.serials;
    if (found->second.holds && found->second.transaction == 0)
      std::erase_if(tuples, [&](const Tuple& t) { return std::count(serials.begin(), serials.end(), t.serial) != 0; });
    sessions[s].applied.erase(found);
  }
  void detach(std::uint64_t s, std::int64_t grace) {
    std::erase_if(waiters, [&](const Waiter& w) { return w.session == s; });
    sessions[s].attached = false;
    sessions[s].grace = now + grace;
  }
  void end(std::uint64_t s) {
    std::erase_if(waiters, [&](const Waiter& w) { return w.session == s; });
    settle([&] {
      sessions.erase(s);
      for (auto& [id, t] : std::map(transactions))
        if (t.session == s) end_transaction(id, true);
      for (Tuple& t : tuples)
        if (t.holder == s) give_back(t, true);
      forget_ended();
    });
  }
  void advance(std::int64_t to) {
    for (;;) {
      std::int64_t next = never;
      for (auto& [id, s] : sessions) next = std::min(next, s.grace);
      for (auto& [id, t] : transactions) next = std::min(next, t.until);
      for (auto& w : waiters) next = std::min(next, w.until);
      for (auto& t : tuples) {
        if (t.holder == 0) next = std::min(next, t.lease_until);
        if (t.hidden_until > now) next = std::min(next, t.hidden_until);
      }
      if (next > to) break;
      now = std::max(now, next);
      settle([&] { forget_ended(); });
      for (auto& w : std::vector<Waiter>(waiters))
        if (w.until <= now) refuse(w.session, w.sequence, true);
      for (auto& [id, t] : std::map(transactions))
        if (t.until <= now) settle([&, id = id] { end_transaction(id, true); });
      for (auto& [id, s] : std::map(sessions))
        if (s.grace <= now) end(id);
    }
    now = to;
  }
  // After a restart: nobody is connected, volatile spaces are empty, leases of claims and graces are whole again.
  void crash(std::int64_t at, std::int64_t grace) {
    waiters.clear();
    std::erase_if(tuples, [](const Tuple& t) { return !lasting(t.space); });
    std::erase_if(transactions, [](auto& t) { return !t.second.lasting; });
    now = std::max(now, at);
    for (auto& [id, t] : transactions) t.until = later(now, t.lease);
    for (auto& [id, s] : sessions) {
      std::erase_if(s.applied, [](auto& a) { return !a.second.lasting; });
      s.attached = false;
      s.grace = now + grace;
    }
  }
};

}  // namespace parvis::space::test
