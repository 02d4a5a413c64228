#include "client/space.hpp"

#include <utility>

namespace parvis {

namespace {

Template actuals(const Tuple& tuple) {
  Template pattern;
  for (const auto& value : tuple.items) pattern.fields.push_back({value});
  return pattern;
}

}  // namespace

void Lease::renew(Duration lease) const { (void)core_.call(Renew{0, detail::span_us(lease), ids_}); }

TupleId Space::out_many(const std::vector<Tuple>& tuples, const OutOptions& options) const {
  std::vector<Encoding> encodings(tuples.size());
  std::vector<Payload> payloads;
  for (std::size_t i = 0; i < tuples.size(); ++i) {
    encode(encodings[i], tuples[i]);
    payloads.emplace_back(&encodings[i]);
  }
  return core_.out(std::move(payloads), options);
}

Lease Space::lease(TupleId first, std::size_t tuples) const {
  std::vector<TupleId> ids;
  for (std::size_t i = 0; i < tuples; ++i) ids.push_back(first + i);
  return {core_, std::move(ids)};
}

Transaction Space::transaction(std::optional<Duration> lease) const {
  return {core_, core_.number(Begin{detail::span_us(lease)})};
}

std::optional<Outcome> Space::run_statement(std::vector<Branch> branches, bool wait,
                                            std::optional<Duration> timeout) const {
  auto statement = detail::statement_of(core_.space, std::move(branches));
  statement.wait = wait;
  statement.timeout_us = detail::span_us(timeout);
  return detail::outcome_of(statement, core_.call(statement));
}

Future<Outcome> Space::start_statement(std::vector<Branch> branches) const {
  auto statement = detail::statement_of(core_.space, std::move(branches));
  auto pending = core_.session->start(statement);
  auto read = [statement](const Answer& answer) { return *detail::outcome_of(statement, answer); };
  return {std::move(pending), std::move(read), core_.on_signal};
}

std::optional<Tuple> Space::update_one(const Template& pattern, const std::vector<statements::Changes>& changes) const {
  using namespace statements;
  auto outcome = runp(when(take(pattern)).then(statements::update(0, changes)));
  if (!outcome) return std::nullopt;
  return std::move(outcome->updated.at(0));
}

std::optional<Tuple> Space::swap(const Template& pattern, const Tuple& tuple) const {
  using namespace statements;
  auto outcome = runp(when(take(pattern)).then(statements::detail::put_of(actuals(tuple), {})));
  if (!outcome) return std::nullopt;
  return std::move(outcome->tuples.at(0));
}

bool Space::out_if_absent(const Tuple& tuple, const Template& unless) const {
  using namespace statements;
  return runp(when(absent(unless)).then(statements::detail::put_of(actuals(tuple), {}))).has_value();
}

bool Space::out_if_absent(const Tuple& tuple) const { return out_if_absent(tuple, actuals(tuple)); }

Space Space::named(std::string name) const {
  Space other = *this;
  other.core_.space = std::move(name);
  return other;
}

std::vector<SpaceInfo> Space::spaces() const { return std::get<Listing>(core_.call(Spaces{})).spaces; }

void Space::make(const SpaceOptions& options) const {
  Spaces make;
  make.what = Spaces::What::make;
  make.space = core_.space;
  if (options.durability) {
    make.durability = *options.durability;
  } else {
    for (const auto& info : spaces())
      if (info.name == core_.space) make.durability = info.durability;
  }
  const auto quota = [](const auto& wanted) { return wanted ? static_cast<std::int64_t>(*wanted) : -1; };
  make.quota_tuples = quota(options.quota_tuples);
  make.quota_bytes = quota(options.quota_bytes);
  (void)core_.call(make);
}

void Space::drop() const {
  Spaces drop;
  drop.what = Spaces::What::drop;
  drop.space = core_.space;
  (void)core_.call(drop);
}

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

}  // namespace parvis
