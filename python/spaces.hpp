// The operations of a space as methods of a Python class, each built from its arguments without a detour.
#pragma once

#include <pybind11/pybind11.h>

#include <memory>
#include <string>

#include "client/session.hpp"
#include "python/calls.hpp"

namespace parvis::python {

std::shared_ptr<client::Session> connect(const std::string& address, const std::string& token, const std::string& name,
                                         bool start_server, double connect_timeout_s, double reconnect_for_s);

// One named space, perhaps inside a transaction. Immutable, so that any thread may use it.
class Space {
 public:
  Space(std::shared_ptr<client::Session> session, std::string name)
      : session_(std::move(session)), name_(std::move(name)) {}

  [[nodiscard]] const std::shared_ptr<client::Session>& session() const { return session_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  // The same space, whose takes belong to a transaction.
  void enter(TransactionId transaction) { transaction_ = transaction; }
  [[nodiscard]] TransactionId transaction() const { return transaction_; }

  [[nodiscard]] Get get(bool take, bool wait, const pybind11::object& timeout, std::uint32_t max) const;
  pybind11::object call(const Operation& operation, Call::Shape shape) const;
  std::shared_ptr<Call> start(const Operation& operation, Call::Shape shape) const;

 private:
  std::shared_ptr<client::Session> session_;
  std::string name_;
  TransactionId transaction_ = 0;
};

void register_spaces(pybind11::module_& module);
void register_sessions(pybind11::module_& module);

}  // namespace parvis::python
