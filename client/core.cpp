#include "client/core.hpp"

#include <algorithm>

namespace parvis::detail {

namespace {

constexpr Duration longest{INT64_MAX / 1000};  // 292 years

Get get_of(const Core& core, std::vector<Payload> templates, const GetOptions& options) {
  Get get;
  get.space = core.space;
  get.templates = std::move(templates);
  get.take = options.take;
  get.wait = options.wait;
  get.timeout_us = span_us(options.timeout);
  get.max = options.max;
  get.settle_us = span_us(options.settle);
  if (core.inside) get.transaction = core.inside->open();
  return get;
}

Payload group_of(const std::optional<Value>& key) {
  if (!key) return {};
  return encoded(Tuple{{*key}});
}

Out out_of(const std::string& space, std::vector<Payload> tuples, const OutOptions& options) {
  Out out;
  out.space = space;
  out.tuples = std::move(tuples);
  out.lease_us = span_us(options.lease);
  out.owned = options.owned;
  out.priority = options.priority;
  out.delay_us = span_us(options.delay);
  out.group = group_of(options.group);
  out.room_us = span_us(options.room);
  return out;
}

}  // namespace

std::int64_t span_us(std::optional<Duration> time) {
  return time ? std::clamp(*time, Duration(0), longest).count() : -1;
}

void Patterns::add(const AnyOf& any) {
  for (const auto& pattern : any.templates) several.push_back(encoded(pattern));
}

std::vector<Payload> Patterns::payloads() const {
  if (one.size() == 0) return {several.begin(), several.end()};
  return {Payload(&one)};
}

std::vector<Payload> Patterns::owned() const {
  if (one.size() == 0) return payloads();
  return {Payload(one.flatten())};
}

TransactionId Inside::open() const {
  if (id == 0) throw Error(ErrorCode::conflict, "the transaction has ended");
  return id;
}

std::vector<Tuple> tuples_of(const std::vector<Item>& items) {
  std::vector<Tuple> tuples;
  tuples.reserve(items.size());
  for (const auto& item : items) tuples.push_back(decode_tuple(item.tuple.blob()));
  return tuples;
}

std::vector<Tuple> tuples_of(const Answer& answer) { return tuples_of(std::get<Found>(answer).items); }

std::size_t Core::get(const Patterns& patterns, const GetOptions& options, const Use& use) const {
  Operation operation = get_of(*this, patterns.payloads(), options);
  auto& get = std::get<Get>(operation);
  const bool joined = inside && inside->own.join(get);
  Sequence sequence = 0;
  Answer answer;
  try {
    answer = session->call(operation, {on_signal, false}, &sequence);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::timeout && options.max > 1) return 0;
    throw;
  }
  try {
    auto& found = std::get<Found>(answer);
    std::vector<std::uint64_t> own;
    if (joined) own = inside->own.complete(get, found);
    auto tuples = tuples_of(found.items);
    for (auto& tuple : tuples) use(std::move(tuple));
    session->confirm(sequence);
    if (joined) inside->own.take(own);
    return tuples.size();
  } catch (...) {
    session->refuse(sequence);
    throw;
  }
}

client::Pending Core::start_get(const Patterns& patterns, const GetOptions& options) const {
  return session->start(get_of(*this, patterns.payloads(), options));
}

TupleId Core::out(std::vector<Payload> tuples, const OutOptions& options) const {
  return number(out_of(space, std::move(tuples), options));
}

void Core::keep(Payload tuple, const OutOptions& options) const {
  (void)inside->open();
  inside->own.add({space, std::move(tuple), span_us(options.lease), options.priority, span_us(options.delay),
                   group_of(options.group)});
}

client::Pending Core::start_out(const Encoding& tuple, const OutOptions& options) const {
  return session->start(out_of(space, {Payload(&tuple)}, options));
}

std::uint64_t Core::count(const Patterns& patterns) const {
  const Count count{space, patterns.payloads()};
  if (!inside) return number(count);
  // A count knows no transaction: that this one is still open, a read says.
  auto open = session->start(get_of(*this, patterns.payloads(), {false, false}));
  const auto found = number(count);
  open.wait({on_signal, true});
  return found + inside->own.count(space, patterns.payloads());
}

Answer Core::call(const Operation& operation) const { return session->call(operation, {on_signal, true}); }

std::uint64_t Core::number(const Operation& operation) const { return std::get<Done>(call(operation)).number; }

Core Core::named(std::string name) const {
  Core other = *this;
  other.space = std::move(name);
  return other;
}

}  // namespace parvis::detail
