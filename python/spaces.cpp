#include "python/spaces.hpp"

#include <cmath>
#include <vector>

#include "python/convert.hpp"
#include "python/errors.hpp"
#include "python/patterns.hpp"
#include "tuplespace/model/limits.hpp"

namespace py = pybind11;

namespace parvis::python {
namespace {

std::int64_t microseconds(const py::object& seconds, const char* what) {
  if (seconds.is_none()) return -1;
  const double value = PyFloat_AsDouble(seconds.ptr());
  if (value == -1 && PyErr_Occurred()) throw py::error_already_set();
  if (std::isnan(value) || value < 0)
    throw py::value_error(std::string(what) + " is a number of seconds, 0 or more, or None");
  return value > 9e12 ? -1 : std::llround(value * 1e6);
}

std::span<PyObject* const> fields_of(const py::handle& tuple) {
  return {PySequence_Fast_ITEMS(tuple.ptr()), static_cast<std::size_t>(PyTuple_GET_SIZE(tuple.ptr()))};
}

py::tuple as_tuple(py::handle sequence) {
  if (!PyTuple_Check(sequence.ptr()) && !PyList_Check(sequence.ptr()))
    throw py::type_error("a tuple to be put is a tuple or list of its fields, not " +
                         py::cast<std::string>(py::repr(py::type::handle_of(sequence))));
  auto tuple = py::reinterpret_steal<py::tuple>(PySequence_Tuple(sequence.ptr()));
  if (!tuple) throw py::error_already_set();
  return tuple;
}

// What was sent without being answered at once outlives this frame: it owns its bytes.
Blob owned(const Encoding& encoding) { return encoding.flatten(); }

struct Placement {
  py::object lease, delay;
  int priority;
  bool is_owned;
};

Out out_of(const std::string& space, const Placement& placement) {
  if (placement.priority < min_priority || placement.priority > max_priority)
    throw Error(ErrorCode::limit_exceeded, "priority " + std::to_string(placement.priority) +
                                               " is not between min_priority -32768 and max_priority 32767");
  Out out;
  out.space = space;
  out.lease_us = microseconds(placement.lease, "lease");
  out.delay_us = placement.delay.is_none() ? 0 : microseconds(placement.delay, "delay");
  out.priority = placement.priority;
  out.owned = placement.is_owned;
  return out;
}

void put(const Space& space, const py::args& fields, const py::object& lease, int priority, const py::object& delay,
         bool is_owned) {
  Encoding encoding;
  write_tuple(encoding, fields_of(fields));
  Out out = out_of(space.name(), {lease, delay, priority, is_owned});
  out.tuples.emplace_back(&encoding);
  space.call(out, Call::Shape::none);
}

// The tuples of `out_many` in one block of memory each, so that none is encoded twice.
Out many_of(const Space& space, const py::iterable& tuples, const Placement& placement) {
  Out out = out_of(space.name(), placement);
  Encoding encoding;
  for (py::handle tuple : tuples) {
    encoding.clear();
    const py::tuple fields = as_tuple(tuple);
    write_tuple(encoding, fields_of(fields));
    out.tuples.emplace_back(owned(encoding));
  }
  return out;
}

void put_many(const Space& space, const py::iterable& tuples, const py::object& lease, int priority,
              const py::object& delay) {
  const Out out = many_of(space, tuples, {lease, delay, priority, false});
  if (!out.tuples.empty()) space.call(out, Call::Shape::none);
}

std::shared_ptr<Call> start_put_many(const Space& space, const py::iterable& tuples, const py::object& lease,
                                     int priority, const py::object& delay) {
  return space.start(many_of(space, tuples, {lease, delay, priority, false}), Call::Shape::none);
}

struct Template {
  Encoding encoding;
  explicit Template(const py::args& fields) { write_template(encoding, fields_of(fields)); }
};

template <bool take>
py::object get_blocking(const Space& space, const py::args& fields, const py::object& timeout) {
  const Template pattern(fields);
  Get get = space.get(take, true, timeout, 1);
  get.templates.emplace_back(&pattern.encoding);
  return space.call(get, Call::Shape::one);
}

template <bool take>
py::object get_now(const Space& space, const py::args& fields) {
  const Template pattern(fields);
  Get get = space.get(take, false, py::none(), 1);
  get.templates.emplace_back(&pattern.encoding);
  return space.call(get, Call::Shape::one);
}

std::uint32_t up_to(std::int64_t n) {
  if (n < 1) throw py::value_error("the number of tuples is at least 1");
  return static_cast<std::uint32_t>(std::min<std::int64_t>(n, 0xFFFFFFFF));
}

template <bool take>
py::object get_many(const Space& space, std::int64_t n, const py::args& fields, const py::object& timeout) {
  const Template pattern(fields);
  Get get = space.get(take, true, timeout, up_to(n));
  get.templates.emplace_back(&pattern.encoding);
  return space.call(get, Call::Shape::many);
}

// Several templates, any of them: the way of the farm, which asks for many results by their ids in one trip.
Get get_any(const Space& space, const py::iterable& templates, bool take, bool wait, const py::object& timeout,
            std::int64_t n) {
  Get get = space.get(take, wait, timeout, up_to(n));
  for (py::handle fields : templates) {
    Encoding encoding;
    const py::tuple tuple = as_tuple(fields);
    write_template(encoding, fields_of(tuple));
    get.templates.emplace_back(owned(encoding));
  }
  return get;
}

py::object get_any_now(const Space& space, const py::iterable& templates, bool take, bool wait,
                       const py::object& timeout, std::int64_t n, bool raw) {
  return space.call(get_any(space, templates, take, wait, timeout, n), raw ? Call::Shape::raw : Call::Shape::many);
}

std::shared_ptr<Call> start_get(const Space& space, const py::args& fields, bool take, bool wait,
                                const py::object& timeout, std::int64_t n, bool many) {
  const Template pattern(fields);
  Get get = space.get(take, wait, timeout, up_to(n));
  get.templates.emplace_back(owned(pattern.encoding));
  return space.start(get, many ? Call::Shape::many : Call::Shape::one);
}

py::object count(const Space& space, const py::args& fields) {
  const Template pattern(fields);
  Count count{space.name(), {}};
  count.templates.emplace_back(&pattern.encoding);
  return space.call(count, Call::Shape::number);
}

std::shared_ptr<Call> start_count(const Space& space, const py::args& fields) {
  const Template pattern(fields);
  Count count{space.name(), {}};
  count.templates.emplace_back(owned(pattern.encoding));
  return space.start(count, Call::Shape::number);
}

// (space, fields, lease, priority) of every out of a transaction, encoded when it was asked for.
class Puts {
 public:
  void add(const std::string& space, const py::args& fields, const py::object& lease, int priority) {
    Encoding encoding;
    write_tuple(encoding, fields_of(fields));
    puts_.push_back({space, owned(encoding), microseconds(lease, "lease"), priority});
  }
  [[nodiscard]] const std::vector<Put>& all() const { return puts_; }

 private:
  std::vector<Put> puts_;
};

py::object begin(const Space& space, const py::object& lease) {
  return space.call(Begin{microseconds(lease, "lease")}, Call::Shape::number);
}
void commit(const Space& space, const Puts& puts) {
  Commit commit;
  commit.transaction = space.transaction();
  commit.puts = puts.all();
  space.call(commit, Call::Shape::none);
}
void abort(const Space& space) { space.call(Abort{space.transaction()}, Call::Shape::none); }
void renew(const Space& space, const py::object& lease) {
  space.call(Renew{space.transaction(), microseconds(lease, "lease")}, Call::Shape::none);
}

const char* const out_doc =
    "Puts a tuple. Returns when the promise of the space's durability holds.\n\n"
    "lease: seconds after which the tuple disappears. priority: higher is handed out first. delay: seconds during "
    "which it is hidden.";
const char* const in_doc =
    "Takes the oldest tuple (of the highest priority) that matches, and waits for one. timeout: seconds, then "
    "parvis.Timeout.\n\n"
    "Ctrl-C ends the wait; nothing is lost.";
const char* const rd_doc = "As in_, but the tuple stays.";

void add_gets(py::class_<Space>& space) {
  const auto forever = py::arg("timeout") = py::none();
  for (const char* name : {"in_", "take"}) space.def(name, &get_blocking<true>, py::kw_only(), forever, in_doc);
  for (const char* name : {"rd", "read"}) space.def(name, &get_blocking<false>, py::kw_only(), forever, rd_doc);
  space.def("inp", &get_now<true>, "Takes a tuple that matches, or returns None at once when there is none.");
  space.def("rdp", &get_now<false>, "Reads a tuple that matches, or returns None at once when there is none.");
  space.def("take_many", &get_many<true>, py::arg("n"), py::kw_only(), forever,
            "Takes up to n tuples that match; waits for the first. A list, [] at the timeout.");
  space.def("read_many", &get_many<false>, py::arg("n"), py::kw_only(), forever,
            "Reads up to n tuples that match; waits for the first. A list, [] at the timeout.");
  space.def("count", &count, "How many tuples match.");
  space.def("_get_any", &get_any_now, py::arg("templates"), py::arg("take") = false, py::arg("wait") = false,
            py::arg("timeout") = py::none(), py::arg("n") = 1, py::arg("raw") = false);
  space.def("_start_get", &start_get, py::kw_only(), py::arg("take"), py::arg("wait"), py::arg("timeout") = py::none(),
            py::arg("n") = 1, py::arg("many") = false);
  space.def("_start_count", &start_count);
}

}  // namespace

Get Space::get(bool take, bool wait, const py::object& timeout, std::uint32_t max) const {
  Get get;
  get.space = name_;
  get.take = take;
  get.wait = wait;
  get.timeout_us = microseconds(timeout, "timeout");
  get.max = max;
  get.transaction = take ? transaction_ : 0;
  return get;
}

py::object Space::call(const Operation& operation, Call::Shape shape) const {
  const auto* get = std::get_if<Get>(&operation);
  const bool take = get && get->take;
  Sequence sequence = 0;
  Answer answer;
  try {
    answer = without_gil([&](const client::Wait& wait) { return session_->call(operation, wait, &sequence); }, !take);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::timeout && (shape == Call::Shape::many || shape == Call::Shape::raw))
      return py::list();
    throw;
  }
  if (!take) return to_python(answer, shape);
  try {
    py::object result = to_python(answer, shape);
    session_->confirm(sequence);
    return result;
  } catch (...) {  // what cannot be loaded here goes back: nothing is lost
    session_->refuse(sequence);
    throw;
  }
}

std::shared_ptr<Call> Space::start(const Operation& operation, Call::Shape shape) const {
  const auto* get = std::get_if<Get>(&operation);
  auto call = std::make_shared<Call>();
  call->session = session_;
  call->shape = shape;
  call->take = get && get->take;
  const Unlocked unlocked;
  call->sequence = session_->start(
      operation, [call](Answer answer) { call->finish(std::move(answer)); }, !call->take);
  return call;
}

void register_spaces(py::module_& module) {
  py::class_<Puts>(module, "Puts", "The outs of a transaction, kept until it commits.")
      .def(py::init<>())
      .def("add", &Puts::add, py::arg("space"), py::kw_only(), py::arg("lease") = py::none(), py::arg("priority") = 0);

  const auto lease = py::arg("lease") = py::none();
  const auto priority = py::arg("priority") = 0;
  const auto delay = py::arg("delay") = py::none();
  py::class_<Space> space(module, "Space", "The operations of one named space.");
  space.def(py::init<std::shared_ptr<client::Session>, std::string>(), py::arg("session"), py::arg("name"))
      .def_property_readonly("name", &Space::name, "The name of the space.")
      .def_property_readonly("session", &Space::session, "The connection.")
      .def_property_readonly("_transaction", &Space::transaction)
      .def("_enter", &Space::enter, py::arg("transaction"));
  for (const char* name : {"out", "write"})
    space.def(name, &put, py::kw_only(), lease, priority, delay, py::arg("owned") = false, out_doc);
  space.def("out_many", &put_many, py::arg("tuples"), py::kw_only(), lease, priority, delay,
            "Puts many tuples, all of them or none, in their order, in one trip.");
  space.def("_start_out_many", &start_put_many, py::arg("tuples"), py::kw_only(), lease, priority, delay);
  add_gets(space);
  space.def("_begin", &begin, py::arg("lease") = py::none())
      .def("_commit", &commit, py::arg("puts"))
      .def("_abort", &abort);
  space.def("_renew", &renew, py::arg("lease"));
}

}  // namespace parvis::python
