#include "client/transaction.hpp"

#include <utility>

namespace parvis {

namespace {

detail::Core inside(detail::Core core, TransactionId id) {
  core.inside = std::make_shared<detail::Inside>();
  core.inside->id = id;
  return core;
}

bool leaves_open(ErrorCode refusal) {
  return refusal == ErrorCode::limit_exceeded || refusal == ErrorCode::storage_full ||
         refusal == ErrorCode::protocol_error;
}

}  // namespace

Transaction::Transaction(detail::Core core, TransactionId id) : TransactionSpace(inside(std::move(core), id)) {}

Transaction::Transaction(Transaction&& other) noexcept : TransactionSpace(std::move(other.core_)) {}

Transaction& Transaction::operator=(Transaction&& other) noexcept {
  std::swap(core_, other.core_);
  return *this;
}

Transaction::~Transaction() {
  if (id() == 0) return;
  try {
    core_.session->start(Abort{end()}, [](const Answer&) {});
  } catch (const Error&) {
    // No session any more: the server has aborted it, or will.
  }
}

TransactionSpace Transaction::named(std::string space) const { return TransactionSpace(core_.named(std::move(space))); }

TransactionId Transaction::end() { return std::exchange(core_.inside->id, 0); }

void Transaction::commit() {
  Commit commit;
  commit.transaction = core_.inside->open();
  commit.puts = core_.inside->own.puts();
  try {
    (void)core_.call(commit);
  } catch (const Error& error) {
    if (!leaves_open(error.code())) end();
    throw;
  } catch (...) {
    end();
    throw;
  }
  end();
}

void Transaction::abort() {
  if (id() != 0) (void)core_.call(Abort{end()});
}

void Transaction::renew(Duration lease) { (void)core_.call(Renew{core_.inside->open(), detail::span_us(lease), {}}); }

}  // namespace parvis
