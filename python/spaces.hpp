// The operations of a space as methods of a Python class, each built from its arguments without a detour; those that
// are not asked a million times are built by _parvis's functions and asked by Space._call and Space._start.
#pragma once

#include <pybind11/pybind11.h>

#include <memory>
#include <string>

#include "client/own_writes.hpp"
#include "client/session.hpp"
#include "python/arguments.hpp"
#include "python/calls.hpp"

namespace parvis::python {

std::shared_ptr<client::Session> connect(const std::string& address, const std::string& token, const std::string& name,
                                         bool start_server, double connect_timeout_s, double reconnect_for_s);

// An operation, and how its answer becomes a Python object.
struct Asked {
  Operation operation;
  Call::Shape shape = Call::Shape::none;
};

// One named space, perhaps inside a transaction. Immutable but for enter(), so that any thread may use it.
class Space {
 public:
  Space(std::shared_ptr<client::Session> session, std::string name)
      : session_(std::move(session)), name_(std::move(name)) {}

  [[nodiscard]] const std::shared_ptr<client::Session>& session() const { return session_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  // The same space, whose gets belong to a transaction and see what it has put.
  void enter(std::shared_ptr<Inside> inside) { inside_ = std::move(inside); }
  [[nodiscard]] const std::shared_ptr<Inside>& inside() const { return inside_; }

  [[nodiscard]] Get get(bool take, bool wait, const pybind11::object& timeout, std::uint32_t max,
                        const pybind11::object& settle) const;
  pybind11::object call(Operation operation, Call::Shape shape) const;
  [[nodiscard]] std::shared_ptr<Call> start(Operation operation, Call::Shape shape) const;

 private:
  [[nodiscard]] std::optional<Joined> join(Operation& operation) const;

  std::shared_ptr<client::Session> session_;
  std::string name_;
  std::shared_ptr<Inside> inside_;
};

void register_puts(pybind11::module_& module, pybind11::class_<Space>& space);
void register_gets(pybind11::class_<Space>& space);
void register_operations(pybind11::module_& module);
void register_statements(pybind11::module_& module);
void register_spaces(pybind11::module_& module);
void register_sessions(pybind11::module_& module);

}  // namespace parvis::python
