// in, rd, inp, rdp and their forms.
#include "python/convert.hpp"
#include "python/patterns.hpp"
#include "python/spaces.hpp"

namespace py = pybind11;

namespace parvis::python {
namespace {

template <bool take>
py::object get_blocking(const Space& space, const py::args& fields, const py::object& timeout) {
  const Templates templates(fields);
  Get get = space.get(take, true, timeout, 1, py::none());
  get.templates = templates.lent();
  return space.call(std::move(get), Call::Shape::one);
}

template <bool take>
py::object get_now(const Space& space, const py::args& fields, const py::object& settle) {
  const Templates templates(fields);
  Get get = space.get(take, false, py::none(), 1, settle);
  get.templates = templates.lent();
  return space.call(std::move(get), Call::Shape::one);
}

template <bool take>
py::object get_many(const Space& space, std::int64_t n, const py::args& fields, const py::object& timeout) {
  const Templates templates(fields);
  Get get = space.get(take, true, timeout, up_to(n), py::none());
  get.templates = templates.lent();
  return space.call(std::move(get), Call::Shape::many);
}

// Several templates, any of them: the way of the farm, which asks for many results by their ids in one trip.
py::object get_any(const Space& space, const py::iterable& templates, bool take, bool wait, const py::object& timeout,
                   std::int64_t n, bool raw) {
  Get get = space.get(take, wait, timeout, up_to(n), py::none());
  for (py::handle fields : templates) {
    Encoding encoding;
    const py::tuple tuple = as_tuple(fields, "a template");
    write_template(encoding, fields_of(tuple));
    get.templates.emplace_back(encoding.flatten());
  }
  return space.call(std::move(get), raw ? Call::Shape::raw : Call::Shape::many);
}

std::shared_ptr<Call> start_get(const Space& space, const py::args& fields, bool take, bool wait,
                                const py::object& timeout, std::int64_t n, bool many, const py::object& settle) {
  Get get = space.get(take, wait, timeout, up_to(n), settle);
  get.templates = Templates(fields).owned();
  return space.start(std::move(get), many ? Call::Shape::many : Call::Shape::one);
}

// That the transaction is still open, a read says, which looks where nothing is: Conflict otherwise.
void check_open(const Space& space) {
  Get get = space.get(false, false, py::none(), 1, py::none());
  get.space = "parvis.nothing";
  get.templates = Templates(py::make_tuple(0)).owned();
  space.call(std::move(get), Call::Shape::one);
}

py::object count(const Space& space, const py::args& fields) {
  const Templates templates(fields);
  return space.call(Count{space.name(), templates.lent()}, Call::Shape::number);
}

const char* const in_doc =
    "Takes the oldest tuple (of the highest priority) that matches, and waits for one. timeout: seconds, then "
    "parvis.Timeout.\n\n"
    "Ctrl-C ends the wait; nothing is lost.";
const char* const rd_doc = "As in_, but the tuple stays.";
const char* const inp_doc =
    "Takes a tuple that matches, or returns None at once when there is none. settle: seconds to wait while all that\n"
    "matches is held by others, for it to come back or to be gone.";
const char* const rdp_doc = "As inp, but the tuple stays.";

}  // namespace

void register_gets(py::class_<Space>& space) {
  const auto forever = py::arg("timeout") = py::none();
  const auto settle = py::arg("settle") = py::none();
  for (const char* name : {"in_", "take"}) space.def(name, &get_blocking<true>, py::kw_only(), forever, in_doc);
  for (const char* name : {"rd", "read"}) space.def(name, &get_blocking<false>, py::kw_only(), forever, rd_doc);
  space.def("inp", &get_now<true>, py::kw_only(), settle, inp_doc);
  space.def("rdp", &get_now<false>, py::kw_only(), settle, rdp_doc);
  space.def("take_many", &get_many<true>, py::arg("n"), py::kw_only(), forever,
            "Takes up to n tuples that match; waits for the first. A list, [] at the timeout.");
  space.def("read_many", &get_many<false>, py::arg("n"), py::kw_only(), forever,
            "Reads up to n tuples that match; waits for the first. A list, [] at the timeout.");
  space.def("count", &count, "How many tuples match.");
  space.def("_check_open", &check_open);
  space.def("_get_any", &get_any, py::arg("templates"), py::arg("take") = false, py::arg("wait") = false,
            py::arg("timeout") = py::none(), py::arg("n") = 1, py::arg("raw") = false);
  space.def("_start_get", &start_get, py::kw_only(), py::arg("take"), py::arg("wait"), py::arg("timeout") = py::none(),
            py::arg("n") = 1, py::arg("many") = false, settle);
}

}  // namespace parvis::python
