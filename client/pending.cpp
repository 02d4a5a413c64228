#include "client/pending.hpp"

#include <algorithm>

namespace parvis::client {

namespace {

bool writes(Effect effect) { return effect == Effect::takes || effect == Effect::claims || effect == Effect::changes; }

}  // namespace

void Ledger::add(std::shared_ptr<Request> request, Effect effect, std::optional<Time> deadline, Time now) {
  tidy();
  request->sequence = ++last_;
  ++unanswered_;
  Entry& e = entries_.emplace_back();
  e.sequence = last_;
  e.effect = effect;
  e.deadline = deadline;
  e.made = now;
  e.request = std::move(request);
}

Ledger::Entry* Ledger::entry(Sequence sequence) {
  if (head_ == entries_.size() || sequence < entries_[head_].sequence) return nullptr;
  // Where it stands if none between has gone; never behind that.
  const std::size_t likely = std::min(head_ + (sequence - entries_[head_].sequence), entries_.size() - 1);
  if (entries_[likely].sequence == sequence) return &entries_[likely];
  const auto begin = entries_.begin() + static_cast<std::ptrdiff_t>(head_);
  const auto at = std::lower_bound(begin, entries_.end(), sequence,
                                   [](const Entry& e, Sequence wanted) { return e.sequence < wanted; });
  return at == entries_.end() || at->sequence != sequence ? nullptr : &*at;
}

const Ledger::Entry* Ledger::entry(Sequence sequence) const { return const_cast<Ledger*>(this)->entry(sequence); }

void Ledger::sent(Sequence sequence, Time now) {
  Entry* e = entry(sequence);
  if (e == nullptr || !open(*e)) return;
  e->stage = Stage::sent;
  e->at = now;
}

Request* Ledger::find(Sequence sequence) {
  Entry* e = entry(sequence);
  return e != nullptr && open(*e) ? e->request.get() : nullptr;
}

void Ledger::waiting(Sequence sequence, const Waiting& ticket, Time) {
  Entry* e = entry(sequence);
  if (e == nullptr || e->stage != Stage::sent) return;
  e->ticket = ticket;
  heard(e->at);
}

std::shared_ptr<Request> Ledger::answered(Sequence sequence, Time now) {
  Entry* e = entry(sequence);
  if (e == nullptr || e->stage != Stage::sent) return nullptr;
  heard(e->at);
  if (writes(e->effect)) settle_kept(e->at);
  --unanswered_;
  auto request = std::move(e->request);
  if (request->hold) {
    e->stage = Stage::held;
  } else {
    finish(*e, now);
  }
  return request;
}

bool Ledger::release(Sequence sequence, Time now) {
  Entry* e = entry(sequence);
  if (e == nullptr || e->stage != Stage::held) return false;
  finish(*e, now);
  return true;
}

void Ledger::finish(Entry& e, Time now) {
  if (writes(e.effect)) {
    if (unconfirmed_.empty()) unconfirmed_since_ = now;
    unconfirmed_.push_back(e.sequence);
    takes_unconfirmed_ |= e.effect == Effect::takes;
  }
  settle(e);
}

void Ledger::settle(Entry& e) {
  e.stage = Stage::settled;
  e.request.reset();
  ++settled_;
  while (head_ < entries_.size() && entries_[head_].stage == Stage::settled) {
    ++head_;
    --settled_;
  }
}

// Called before an entry is added, never while one is in use.
void Ledger::tidy() {
  if (head_ == entries_.size()) {
    entries_.clear();
    head_ = 0;
  } else if (head_ + settled_ > 64 && head_ + settled_ > entries_.size() / 2) {
    std::erase_if(entries_, [](const Entry& e) { return e.stage == Stage::settled; });
    head_ = settled_ = 0;
  }
}

void Ledger::settle_kept(Time answered_sent_at) {
  while (!sent_confirms_.empty() && sent_confirms_.front().at + settle_time <= answered_sent_at)
    sent_confirms_.pop_front();
  if (refused_ == 0) return;
  for (std::size_t i = head_; i < entries_.size(); ++i) {
    Entry& e = entries_[i];
    if (e.stage != Stage::refused || e.at + settle_time > answered_sent_at) continue;
    --refused_;
    settle(e);
  }
}

bool Ledger::refuse(Sequence sequence, Time now) {
  Entry* e = entry(sequence);
  if (e == nullptr || e->stage == Stage::settled || e->stage == Stage::refused) return false;
  const bool was_open = open(*e);
  if (was_open && (e->stage == Stage::unsent || !(e->effect == Effect::claims || e->effect == Effect::changes)))
    --unanswered_;
  if (e->stage == Stage::unsent) {
    settle(*e);
    return false;
  }
  switch (e->effect) {
    case Effect::reads: settle(*e); return was_open;  // nothing was handed over, but the server's waiter has to go
    case Effect::calls: settle(*e); return false;
    case Effect::takes:
      e->request.reset();
      e->stage = Stage::refused;
      e->at = now;
      ++refused_;
      return true;
    case Effect::claims:
    case Effect::changes: break;
  }
  if (!was_open) {
    finish(*e, now);
    return false;
  }
  e->deadline.reset();
  e->request = std::make_shared<Request>();  // nobody's
  e->request->sequence = sequence;
  return false;
}

std::shared_ptr<Request> Ledger::withdraw(Sequence sequence, Time now) {
  Entry* e = entry(sequence);
  if (e == nullptr || !open(*e)) return nullptr;
  auto request = e->request;
  refuse(sequence, now);
  return request;
}

std::optional<Time> Ledger::confirm_due() const {
  if (unconfirmed_.empty()) return std::nullopt;
  return unconfirmed_since_ + confirm_within;
}

Sequence Ledger::upto() const { return head_ < entries_.size() ? entries_[head_].sequence - 1 : last_; }

std::optional<Confirm> Ledger::take_confirm(Time now) {
  if (unconfirmed_.empty()) return std::nullopt;
  Confirm confirm;
  confirm.upto = upto();
  for (Sequence s : unconfirmed_) {
    if (s > confirm.upto) confirm.also.push_back(s);
  }
  unconfirmed_.clear();
  takes_unconfirmed_ = false;
  if (!confirm.also.empty()) sent_confirms_.push_back({now, confirm.also});
  return confirm;
}

Ledger::Resumption Ledger::resumed(Time now) {
  Resumption todo;
  for (std::size_t i = head_; i < entries_.size(); ++i) {
    Entry& e = entries_[i];
    if (e.stage == Stage::refused) {
      e.at = now;
      todo.refuse.push_back({e.sequence});
    } else if (open(e) && e.request->operation() == nullptr && !e.request->packed) {
      --unanswered_;  // its caller has gone and it can't be sent again: whatever became of it is accepted
      finish(e, now);
    } else if (open(e)) {
      todo.resend.push_back(e.sequence);
    }
  }
  Confirm confirm;
  confirm.upto = upto();
  const auto repeat = [&](const std::vector<Sequence>& numbers) {
    for (Sequence s : numbers) {
      if (s > confirm.upto) confirm.also.push_back(s);
    }
  };
  for (const auto& earlier : sent_confirms_) repeat(earlier.also);
  repeat(unconfirmed_);
  sent_confirms_.clear();
  unconfirmed_.clear();
  takes_unconfirmed_ = false;
  if (!confirm.also.empty()) sent_confirms_.push_back({now, confirm.also});
  if (confirm.upto != 0 || !confirm.also.empty()) todo.confirm = std::move(confirm);
  return todo;
}

// A change that is known not to have happened, and that we still have.
bool Ledger::resendable(const Entry& e, const wire::Welcome& welcome) {
  return e.effect == Effect::changes && welcome.remembered && (e.request->operation() != nullptr || e.request->packed);
}

Ledger::Renewal Ledger::renewed(const wire::Welcome& welcome) {
  Renewal todo;
  const auto took_effect = [&](Sequence s) {
    return s <= welcome.confirmed ||
           std::find(welcome.applied.begin(), welcome.applied.end(), s) != welcome.applied.end();
  };
  unconfirmed_.clear();
  takes_unconfirmed_ = false;
  sent_confirms_.clear();
  for (std::size_t i = head_; i < entries_.size(); ++i) {
    Entry& e = entries_[i];
    e.ticket = {};
    if (e.stage == Stage::refused) {
      --refused_;
      settle(e);
    } else if (e.stage == Stage::held) {
      settle(e);
    } else if (e.stage == Stage::sent && e.effect == Effect::changes && welcome.remembered && took_effect(e.sequence)) {
      todo.applied.push_back(e.request);
      --unanswered_;
      settle(e);
    } else if (e.stage == Stage::sent && (e.effect == Effect::changes || e.effect == Effect::calls) &&
               !resendable(e, welcome)) {
      todo.lost.push_back(e.request);
      --unanswered_;
      settle(e);
    } else if (open(e) && e.request->operation() == nullptr && !e.request->packed) {
      --unanswered_;  // its caller has gone and it can't be sent again; what it claimed went with the session
      settle(e);
    } else if (open(e)) {
      e.stage = Stage::unsent;
      todo.resend.push_back(e.sequence);
    }
  }
  return todo;
}

std::optional<Operation> Ledger::again(Sequence sequence, Time now) const {
  const Entry* e = entry(sequence);
  if (e == nullptr || !open(*e) || e->request->operation() == nullptr) return std::nullopt;
  Operation operation = *e->request->operation();
  const auto place = [&](auto& blocked) {
    blocked.ticket_epoch = e->ticket.epoch;
    blocked.ticket = e->ticket.ticket;
  };
  const auto time = [&](auto& blocked) {
    if (!e->deadline) return;
    const auto left = std::chrono::duration_cast<std::chrono::microseconds>(*e->deadline - now);
    blocked.timeout_us = std::max<std::int64_t>(left.count(), 0);
  };
  if (auto* get = std::get_if<Get>(&operation)) place(*get), time(*get);
  if (auto* statement = std::get_if<Statement>(&operation)) place(*statement), time(*statement);
  if (auto* watch = std::get_if<Watch>(&operation)) time(*watch);
  return operation;
}

std::optional<Time> Ledger::deadline(Sequence sequence) const {
  const Entry* e = entry(sequence);
  return e == nullptr ? std::nullopt : e->deadline;
}

Ledger::Failure Ledger::give_up(const Entry& e, Time now) {
  const bool unknown = e.stage == Stage::sent && (e.effect == Effect::changes || e.effect == Effect::calls);
  Failure failure{e.request, unknown};
  refuse(e.sequence, now);
  return failure;
}

std::vector<Ledger::Failure> Ledger::expired(Time now) {
  std::vector<Failure> out;
  for (std::size_t i = head_; i < entries_.size(); ++i) {
    if (open(entries_[i]) && entries_[i].deadline && *entries_[i].deadline <= now)
      out.push_back(give_up(entries_[i], now));
  }
  return out;
}

std::vector<Ledger::Failure> Ledger::fail_all(Time now, Time made_before) {
  std::vector<Failure> out;
  for (std::size_t i = head_; i < entries_.size(); ++i) {
    if (open(entries_[i]) && entries_[i].made < made_before) out.push_back(give_up(entries_[i], now));
  }
  return out;
}

}  // namespace parvis::client
