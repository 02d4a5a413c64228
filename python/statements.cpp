// Guarded statements, from the rows that parvis._statements makes of them.
#include <pybind11/stl.h>

#include "python/patterns.hpp"
#include "python/spaces.hpp"

namespace py = pybind11;

namespace parvis::python {
namespace {

Payload form_of(const py::tuple& fields) {
  Encoding encoding;
  write_form(encoding, fields_of(fields));
  return encoding.flatten();
}

Payload template_of(const py::tuple& fields) {
  Encoding encoding;
  write_template(encoding, fields_of(fields));
  return encoding.flatten();
}

// (what, space, template)
Condition condition_of(const py::tuple& row) {
  return {static_cast<Condition::What>(row[0].cast<int>()), row[1].cast<std::string>(),
          template_of(row[2].cast<py::tuple>())};
}

// (position, how, operand)
Change change_of(const py::tuple& row) {
  return {row[0].cast<std::uint32_t>(), static_cast<Change::How>(row[1].cast<int>()), form_of(py::make_tuple(row[2]))};
}

// (what, space, to, condition, fields or None, changes, lease, priority)
Action action_of(const py::tuple& row) {
  Action action;
  action.what = static_cast<Action::What>(row[0].cast<int>());
  action.space = row[1].cast<std::string>();
  action.to = row[2].cast<std::string>();
  action.condition = row[3].cast<std::uint32_t>();
  if (!row[4].is_none()) {
    const auto fields = row[4].cast<py::tuple>();
    action.form = action.what == Action::What::out ? form_of(fields) : template_of(fields);
  }
  for (py::handle change : row[5]) action.changes.push_back(change_of(change.cast<py::tuple>()));
  action.lease_us = microseconds(row[6], "lease");
  action.priority = priority_of(row[7].cast<int>());
  return action;
}

Asked statement(const py::iterable& branches, bool wait, const py::object& timeout) {
  Statement statement;
  statement.wait = wait;
  statement.timeout_us = microseconds(timeout, "timeout");
  for (py::handle row : branches) {
    const auto parts = row.cast<py::tuple>();
    Branch& branch = statement.branches.emplace_back();
    for (py::handle condition : parts[0]) branch.guard.push_back(condition_of(condition.cast<py::tuple>()));
    for (py::handle action : parts[1]) branch.body.push_back(action_of(action.cast<py::tuple>()));
  }
  return {std::move(statement), Call::Shape::none};
}

}  // namespace

void register_statements(py::module_& module) {
  module.def("statement", &statement, py::arg("branches"), py::arg("wait"), py::arg("timeout"));
}

}  // namespace parvis::python
