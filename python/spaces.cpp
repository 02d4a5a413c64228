#include "python/spaces.hpp"

#include "python/convert.hpp"
#include "python/errors.hpp"

namespace py = pybind11;

namespace parvis::python {

Get Space::get(bool take, bool wait, const py::object& timeout, std::uint32_t max, const py::object& settle) const {
  Get get;
  get.space = name_;
  get.take = take;
  get.wait = wait;
  get.timeout_us = microseconds(timeout, "timeout");
  get.max = max;
  get.settle_us = settle.is_none() ? 0 : microseconds(settle, "settle");
  get.transaction = inside_ ? inside_->id : 0;
  return get;
}

// A get that own writes of its transaction match does not wait; they are added to its answer.
std::optional<Joined> Space::join(Operation& operation) const {
  auto* get = inside_ ? std::get_if<Get>(&operation) : nullptr;
  if (get == nullptr || !inside_->own.join(*get)) return std::nullopt;
  Joined joined{inside_, *get, {}};
  for (auto& pattern : joined.get.templates)
    if (pattern.encoding() != nullptr) pattern = Payload(pattern.encoding()->flatten());
  return joined;
}

py::object Space::call(Operation operation, Call::Shape shape) const {
  const auto* get = std::get_if<Get>(&operation);
  const bool take = get && get->take;
  auto joined = join(operation);
  Sequence sequence = 0;
  Answer answer;
  try {
    answer = without_gil([&](const client::Wait& wait) { return session_->call(operation, wait, &sequence); }, !take);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::timeout && (shape == Call::Shape::many || shape == Call::Shape::raw))
      return py::list();
    throw;
  }
  if (joined) joined->complete(answer);
  if (!take) return to_python(answer, shape);
  try {
    py::object result = to_python(answer, shape);
    session_->confirm(sequence);
    if (joined) joined->used();
    return result;
  } catch (...) {  // what cannot be loaded here goes back: nothing is lost
    session_->refuse(sequence);
    throw;
  }
}

std::shared_ptr<Call> Space::start(Operation operation, Call::Shape shape) const {
  const auto* get = std::get_if<Get>(&operation);
  auto call = std::make_shared<Call>();
  call->session = session_;
  call->shape = shape;
  call->take = get && get->take;
  call->joined = join(operation);
  const Unlocked unlocked;
  call->sequence = session_->start(
      operation, [call](Answer answer) { call->finish(std::move(answer)); }, !call->take);
  return call;
}

void register_spaces(py::module_& module) {
  // NOLINTNEXTLINE(bugprone-unused-raii): it is registered
  py::class_<Asked>(module, "Operation", "An operation, to be asked by Space._call or Space._start.");
  py::class_<Space> space(module, "Space", "The operations of one named space.");
  space.def(py::init<std::shared_ptr<client::Session>, std::string>(), py::arg("session"), py::arg("name"))
      .def_property_readonly("name", &Space::name, "The name of the space.")
      .def_property_readonly("session", &Space::session, "The connection.")
      .def("_call", [](const Space& s, const Asked& asked) { return s.call(asked.operation, asked.shape); })
      .def("_start", [](const Space& s, const Asked& asked) { return s.start(asked.operation, asked.shape); });
  register_puts(module, space);
  register_gets(space);
  register_operations(module);
  register_statements(module);
}

}  // namespace parvis::python
