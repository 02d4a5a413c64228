// out and its forms, and transactions: what they put is kept here until they commit.
#include <vector>

#include "python/convert.hpp"
#include "python/spaces.hpp"

namespace py = pybind11;

namespace parvis::python {
namespace {

struct Placement {
  const py::object &lease, &delay, &group, &room;
  int priority;
  bool owned;
};

Out out_of(const std::string& space, const Placement& placement) {
  Out out;
  out.space = space;
  out.lease_us = microseconds(placement.lease, "lease");
  out.delay_us = placement.delay.is_none() ? 0 : microseconds(placement.delay, "delay");
  out.priority = priority_of(placement.priority);
  out.owned = placement.owned;
  out.group = group_of(placement.group);
  out.room_us = microseconds(placement.room, "room");
  return out;
}

py::object lease_of(const py::object& space, std::uint64_t first, std::size_t number) {
  py::tuple ids(number);
  for (std::size_t i = 0; i < number; ++i) ids[i] = py::int_(first == 0 ? 0 : first + i);
  return py::module_::import("parvis._leases").attr("Lease")(space, ids);
}

// With a lease it answers with that; nothing else needs the answer.
py::object put(const py::object& self, const py::args& fields, const py::object& lease, int priority,
               const py::object& delay, const py::object& group, const py::object& room, bool owned) {
  const auto& space = self.cast<const Space&>();
  Encoding encoding;
  write_tuple(encoding, fields_of(fields));
  Out out = out_of(space.name(), {lease, delay, group, room, priority, owned});
  out.tuples.emplace_back(&encoding);
  if (lease.is_none()) return space.call(std::move(out), Call::Shape::none);
  const py::object first = space.call(std::move(out), Call::Shape::number);
  return lease_of(self, first.cast<std::uint64_t>(), 1);
}

// The tuples of `out_many` in one block of memory each, so that none is encoded twice.
void add_all(Out& out, const py::iterable& tuples) {
  for (py::handle tuple : tuples) {
    const py::tuple fields = as_tuple(tuple, "a tuple to be put");
    out.tuples.emplace_back(tuple_of(fields));
  }
}

py::object put_many(const py::object& self, const py::iterable& tuples, const py::object& lease, int priority,
                    const py::object& delay, const py::object& group, const py::object& room, bool owned) {
  const auto& space = self.cast<const Space&>();
  Out out = out_of(space.name(), {lease, delay, group, room, priority, owned});
  add_all(out, tuples);
  const std::size_t number = out.tuples.size();
  if (number == 0) return lease.is_none() ? py::object(py::none()) : lease_of(self, 0, 0);
  if (lease.is_none()) return space.call(std::move(out), Call::Shape::none);
  const py::object first = space.call(std::move(out), Call::Shape::number);
  return lease_of(self, first.cast<std::uint64_t>(), number);
}

std::shared_ptr<Call> start_put_many(const Space& space, const py::iterable& tuples, const py::object& lease,
                                     int priority, const py::object& delay, const py::object& group,
                                     const py::object& room, bool owned) {
  Out out = out_of(space.name(), {lease, delay, group, room, priority, owned});
  add_all(out, tuples);
  return space.start(std::move(out), Call::Shape::number);
}

void keep(Inside& inside, const std::string& space, const py::args& fields, const py::object& lease, int priority,
          const py::object& delay, const py::object& group) {
  inside.own.add({space, Payload(tuple_of(fields)), microseconds(lease, "lease"), priority_of(priority),
                  delay.is_none() ? 0 : microseconds(delay, "delay"), group_of(group)});
}

Asked commit_of(const Inside& inside) {
  Commit commit;
  commit.transaction = inside.id;
  commit.puts = inside.own.puts();
  return {std::move(commit), Call::Shape::none};
}

const char* const out_doc =
    "Puts a tuple. Returns when the promise of the space's durability holds.\n\n"
    "lease: seconds after which the tuple disappears; then the answer is its Lease. priority: higher is handed out\n"
    "first. delay: seconds during which it is hidden. group: the key of an exclusive group, whose tuples are handed\n"
    "out one at a time. room: seconds to wait when the space is over its quota, None for ever. owned: the tuple\n"
    "disappears with this connection.";

}  // namespace

void register_puts(py::module_& module, py::class_<Space>& space) {
  const auto lease = py::arg("lease") = py::none();
  const auto priority = py::arg("priority") = 0;
  const auto delay = py::arg("delay") = py::none();
  const auto group = py::arg("group") = py::none();
  const auto room = py::arg("room") = 0.0;
  const auto owned = py::arg("owned") = false;
  for (const char* name : {"out", "write"})
    space.def(name, &put, py::kw_only(), lease, priority, delay, group, room, owned, out_doc);
  space.def("out_many", &put_many, py::arg("tuples"), py::kw_only(), lease, priority, delay, group, room, owned,
            "Puts many tuples, all of them or none, in their order, in one trip; options as out.");
  space.def("_start_out_many", &start_put_many, py::arg("tuples"), py::kw_only(), lease, priority, delay, group, room,
            owned);

  py::class_<Inside, std::shared_ptr<Inside>>(module, "Inside", "What a transaction has put, kept until it commits.")
      .def(py::init([](std::uint64_t id) {
             return std::make_shared<Inside>(Inside{id, {}});
           }),
           py::arg("id"))
      .def_property_readonly("id", [](const Inside& inside) { return inside.id; })
      .def("add", &keep, py::arg("space"), py::kw_only(), lease, priority, delay, group)
      .def("count", [](const Inside& inside, const std::string& name,
                       const py::args& fields) { return inside.own.count(name, Templates(fields).lent()); })
      .def("commit", &commit_of, "The operation that commits it.");
  space.def("_enter", &Space::enter, py::arg("inside"));
}

}  // namespace parvis::python
