#include "checker.hpp"

#include <algorithm>
#include <map>
#include <unordered_set>
#include <utility>

namespace parvis::linearizability {

namespace {

using State = std::vector<std::uint32_t>;

// The state that an operation leads to from this one; nothing: it cannot be next.
std::optional<State> step(const State& state, const Operation& o) {
  State next = state;
  if (o.what == Operation::What::put) {
    next.push_back(*o.value);
    return next;
  }
  const bool unknown = o.returned == Operation::unknown;  // what it found nobody knows
  if (!unknown && o.value.has_value() == state.empty()) return std::nullopt;
  if (!unknown && o.value && *o.value != state.front()) return std::nullopt;
  if (o.what == Operation::What::take && !next.empty()) next.erase(next.begin());
  return next;
}

struct Tried {
  std::vector<std::uint64_t> done;  // a bit for each operation
  State state;
  friend bool operator==(const Tried&, const Tried&) = default;
};
struct Hash {
  std::size_t operator()(const Tried& t) const {
    std::size_t h = 1469598103934665603u;
    for (auto word : t.done) h = (h ^ word) * 1099511628211u;
    for (auto value : t.state) h = (h ^ (value + 0x9e3779b9u)) * 1099511628211u;
    return h;
  }
};

// The calls and returns of one kind as a doubly linked list in the order of time.
class Search {
 public:
  Search(const History& history, std::size_t memory)
      : history_(history), memory_(memory), return_of_(history.size()), done_((history.size() + 63) / 64) {
    struct Moment {
      std::int64_t at;
      bool is_return;
      std::size_t operation;
    };
    std::vector<Moment> moments;
    for (std::size_t i = 0; i < history.size(); ++i) {
      moments.push_back({history[i].called, false, i});
      if (history[i].returned == Operation::unknown) continue;
      moments.push_back({history[i].returned, true, i});
      ++required_;
    }
    // A call at the instant of another's return counts as concurrent with it.
    std::sort(moments.begin(), moments.end(), [](const Moment& a, const Moment& b) {
      return std::pair(a.at, a.is_return) < std::pair(b.at, b.is_return);
    });
    nodes_.resize(moments.size() + 2);
    nodes_[0].next = 1;
    for (std::size_t i = 0; i < moments.size(); ++i) {
      nodes_[i + 1] = {i, i + 2, moments[i].operation, moments[i].is_return};
      if (moments[i].is_return) return_of_[moments[i].operation] = i + 1;
    }
    nodes_.back() = {moments.size(), 0, 0, true};
  }

  Verdict run() {
    std::size_t at = nodes_[0].next;
    while (required_ != 0) {
      if (remembered_ > memory_) return Verdict::undecided;
      if (!nodes_[at].is_return) {
        at = nodes_[linearize(at) ? 0 : at].next;
        continue;
      }
      // An operation returned that is not in the order yet: a choice before was wrong.
      if (chosen_.empty()) return Verdict::not_linearizable;
      at = nodes_[undo()].next;
    }
    return Verdict::linearizable;
  }

 private:
  struct Node {
    std::size_t previous = 0, next = 0, operation = 0;
    bool is_return = false;
  };

  bool linearize(std::size_t call) {
    const std::size_t o = nodes_[call].operation;
    auto next = step(state_, history_[o]);
    if (!next) return false;
    done_[o / 64] ^= std::uint64_t{1} << (o % 64);
    if (!tried_.insert({done_, *next}).second) {
      done_[o / 64] ^= std::uint64_t{1} << (o % 64);
      return false;
    }
    remembered_ += sizeof(Tried) + 64 + done_.size() * sizeof done_[0] + next->size() * sizeof(*next)[0];
    chosen_.emplace_back(call, std::exchange(state_, std::move(*next)));
    unlink(call);
    if (return_of_[o] != 0) {
      unlink(return_of_[o]);
      --required_;
    }
    return true;
  }

  std::size_t undo() {
    auto [call, state] = std::move(chosen_.back());
    chosen_.pop_back();
    state_ = std::move(state);
    const std::size_t o = nodes_[call].operation;
    done_[o / 64] ^= std::uint64_t{1} << (o % 64);
    if (return_of_[o] != 0) {
      link(return_of_[o]);
      ++required_;
    }
    link(call);
    return call;
  }

  void unlink(std::size_t n) {
    nodes_[nodes_[n].previous].next = nodes_[n].next;
    nodes_[nodes_[n].next].previous = nodes_[n].previous;
  }
  void link(std::size_t n) {
    nodes_[nodes_[n].previous].next = n;
    nodes_[nodes_[n].next].previous = n;
  }

  const History& history_;
  const std::size_t memory_;
  std::size_t remembered_ = 0;
  std::vector<Node> nodes_;             // the first and the last are no moments
  std::vector<std::size_t> return_of_;  // its node; 0: none
  std::size_t required_ = 0;            // operations that returned and are not in the order yet
  State state_;
  std::vector<std::uint64_t> done_;
  std::vector<std::pair<std::size_t, State>> chosen_;
  std::unordered_set<Tried, Hash> tried_;
};

}  // namespace

Verdict verdict(const History& history, std::size_t memory) {
  std::map<int, History> kinds;
  for (const Operation& o : history) kinds[o.kind].push_back(o);
  Verdict all = Verdict::linearizable;
  for (const auto& [kind, part] : kinds) {
    const Verdict one = Search(part, memory).run();
    if (one == Verdict::not_linearizable) return one;
    if (one == Verdict::undecided) all = one;
  }
  return all;
}

}  // namespace parvis::linearizability
