#include "client/space.hpp"

#include <utility>

namespace parvis {

namespace detail {

namespace {

constexpr std::chrono::microseconds longest{INT64_MAX / 1000};  // 292 years

std::int64_t span_us(std::optional<std::chrono::microseconds> time) {
  return time ? std::clamp(*time, std::chrono::microseconds(0), longest).count() : -1;
}

Get get_of(const std::string& space, const Encoding& pattern, const GetOptions& options) {
  Get get;
  get.space = space;
  get.templates.emplace_back(&pattern);
  get.take = options.take;
  get.wait = options.wait;
  get.timeout_us = span_us(options.timeout);
  get.max = options.max;
  get.transaction = options.transaction;
  return get;
}

Out out_of(const std::string& space, std::vector<Payload> tuples, const OutOptions& options) {
  Out out;
  out.space = space;
  out.tuples = std::move(tuples);
  out.lease_us = span_us(options.lease);
  out.owned = options.owned;
  out.priority = options.priority;
  out.delay_us = span_us(options.delay);
  return out;
}

}  // namespace

std::vector<Tuple> tuples_of(const Answer& answer) {
  std::vector<Tuple> tuples;
  for (const auto& item : std::get<Found>(answer).items) tuples.push_back(decode_tuple(item.tuple.blob()));
  return tuples;
}

std::size_t Core::get(const Encoding& pattern, const GetOptions& options,
                      const std::function<void(Tuple&&)>& use) const {
  const Operation operation = get_of(space, pattern, options);
  Sequence sequence = 0;
  Answer answer;
  try {
    answer = session->call(operation, {on_signal, false}, &sequence);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::timeout && options.max > 1) return 0;
    throw;
  }
  try {
    auto tuples = tuples_of(answer);
    for (auto& tuple : tuples) use(std::move(tuple));
    session->confirm(sequence);
    return tuples.size();
  } catch (...) {
    session->refuse(sequence);
    throw;
  }
}

client::Pending Core::start_get(const Encoding& pattern, const GetOptions& options) const {
  return session->start(get_of(space, pattern, options));
}

TupleId Core::out(std::vector<Payload> tuples, const OutOptions& options) const {
  return std::get<Done>(call(out_of(space, std::move(tuples), options))).number;
}

client::Pending Core::start_out(const Encoding& tuple, const OutOptions& options) const {
  return session->start(out_of(space, {Payload(&tuple)}, options));
}

Answer Core::call(const Operation& operation) const { return session->call(operation, {on_signal, true}); }

}  // namespace detail

TupleId Space::out_many(const std::vector<Tuple>& tuples, const OutOptions& options) const {
  std::vector<Encoding> encodings(tuples.size());
  std::vector<Payload> payloads;
  for (std::size_t i = 0; i < tuples.size(); ++i) {
    encode(encodings[i], tuples[i]);
    payloads.emplace_back(&encodings[i]);
  }
  return core_.out(std::move(payloads), options);
}

Transaction Space::transaction(std::optional<std::chrono::microseconds> lease) const {
  return {core_, std::get<Done>(core_.call(Begin{detail::span_us(lease)})).number};
}

Space Space::named(std::string name) const {
  Space other = *this;
  other.core_.space = std::move(name);
  return other;
}

std::vector<SpaceInfo> Space::spaces() const {
  return std::get<Listing>(core_.call(Spaces{Spaces::What::list, {}, Durability::durable})).spaces;
}

void Space::make(Durability durability) const { core_.call(Spaces{Spaces::What::make, core_.space, durability}); }
void Space::drop() const { core_.call(Spaces{Spaces::What::drop, core_.space, Durability::durable}); }

Space connect(const std::string& address, const ConnectOptions& options) {
  client::Options session;
  session.address = address;
  session.token = options.token;
  session.name = options.name.empty() ? "C++" : options.name;
  session.start_server = options.start_server;
  session.connect_timeout = options.connect_timeout;
  session.reconnect_for = options.reconnect_for;
  return {client::Session::connect(session), options.space};
}

Transaction::Transaction(Transaction&& other) noexcept
    : core_(std::move(other.core_)), id_(std::exchange(other.id_, 0)), outs_(std::move(other.outs_)) {}

Transaction& Transaction::operator=(Transaction&& other) noexcept {
  std::swap(core_, other.core_);
  std::swap(id_, other.id_);
  std::swap(outs_, other.outs_);
  return *this;
}

Transaction::~Transaction() {
  if (id_ == 0) return;
  try {
    core_.session->start(Abort{id_}, [](const Answer&) {});
  } catch (const Error&) {
    // No session any more: the server has aborted it, or will.
  }
}

void Transaction::keep(Blob tuple) {
  if (id_ == 0) throw Error(ErrorCode::conflict, "the transaction has ended");
  outs_.push_back(std::move(tuple));
}

void Transaction::commit() {
  if (id_ == 0) throw Error(ErrorCode::conflict, "the transaction has ended");
  Commit commit;
  commit.transaction = std::exchange(id_, 0);
  for (const auto& tuple : outs_) commit.puts.push_back({core_.space, Payload(tuple), -1, 0});
  core_.call(commit);
}

void Transaction::abort() {
  if (id_ != 0) core_.call(Abort{std::exchange(id_, 0)});
}

void Transaction::renew(std::chrono::microseconds lease) { core_.call(Renew{id_, lease.count()}); }

}  // namespace parvis
