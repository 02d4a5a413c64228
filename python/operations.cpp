// The operations that are asked by Space._call and Space._start, built from their arguments.
#include <pybind11/stl.h>

#include "python/patterns.hpp"
#include "python/spaces.hpp"

namespace py = pybind11;

namespace parvis::python {
namespace {

using Shape = Call::Shape;

Asked begin(const py::object& lease) { return {Begin{microseconds(lease, "lease")}, Shape::number}; }
Asked abort(TransactionId transaction) { return {Abort{transaction}, Shape::none}; }
Asked renew(TransactionId transaction, const std::vector<TupleId>& tuples, const py::object& lease) {
  return {Renew{transaction, microseconds(lease, "lease"), tuples}, Shape::none};
}

Asked asked_count(const std::string& space, const py::tuple& fields) {
  return {Count{space, Templates(fields).owned()}, Shape::number};
}

Asked scan(const std::string& space, const py::tuple& fields, std::int64_t max, std::uint64_t after,
           std::uint64_t until) {
  return {Scan{space, Templates(fields).owned(), up_to(max), after, until}, Shape::many};
}

Asked aggregate(const std::string& space, const py::tuple& fields, const std::vector<std::uint32_t>& group_by,
                const std::vector<std::pair<int, std::uint32_t>>& terms) {
  Aggregate aggregate{space, Templates(fields).owned(), group_by, {}};
  for (const auto& [function, position] : terms)
    aggregate.terms.push_back({static_cast<Aggregate::Function>(function), position});
  return {std::move(aggregate), Shape::many};
}

Asked collect(const std::string& from, const std::string& to, const py::tuple& fields, bool copy) {
  return {Collect{from, to, Templates(fields).owned(), copy}, Shape::number};
}

Asked watch(const std::string& space, const py::tuple& fields, unsigned kinds, std::optional<std::uint64_t> from,
            const py::object& timeout) {
  Watch watch;
  watch.space = space;
  watch.templates = Templates(fields).owned();
  watch.kinds = static_cast<std::uint8_t>(kinds);
  watch.begin = !from;
  watch.from = from.value_or(0);
  watch.timeout_us = microseconds(timeout, "timeout");
  watch.wait = watch.timeout_us != 0;
  return {std::move(watch), Shape::many};
}

Asked explain(const std::string& space, const py::tuple& fields, std::uint32_t max) {
  const auto templates = Templates(fields).owned();
  if (templates.size() != 1) throw py::type_error("explain looks at one template, not at AnyOf several");
  return {Explain{space, templates.front(), max}, Shape::items};
}

Asked list_waiters(const std::string& space, std::uint32_t max) { return {ListWaiters{space, max}, Shape::many}; }

Asked list_spaces() { return {Spaces{}, Shape::many}; }

Asked make(const std::string& space, int durability, std::int64_t quota_tuples, std::int64_t quota_bytes) {
  Spaces make;
  make.what = Spaces::What::make;
  make.space = space;
  make.durability = static_cast<Durability>(durability);
  make.quota_tuples = quota_tuples;
  make.quota_bytes = quota_bytes;
  return {std::move(make), Shape::many};
}

Asked drop(const std::string& space) {
  Spaces drop;
  drop.what = Spaces::What::drop;
  drop.space = space;
  return {std::move(drop), Shape::none};
}

}  // namespace

void register_operations(py::module_& module) {
  module.def("begin", &begin, py::arg("lease"));
  module.def("abort", &abort, py::arg("transaction"));
  module.def("renew", &renew, py::arg("transaction"), py::arg("tuples"), py::arg("lease"));
  module.def("count", &asked_count, py::arg("space"), py::arg("fields"));
  module.def("scan", &scan, py::arg("space"), py::arg("fields"), py::arg("max"), py::arg("after"), py::arg("until"));
  module.def("aggregate", &aggregate, py::arg("space"), py::arg("fields"), py::arg("group_by"), py::arg("terms"));
  module.def("collect", &collect, py::arg("from_"), py::arg("to"), py::arg("fields"), py::arg("copy"));
  module.def("watch", &watch, py::arg("space"), py::arg("fields"), py::arg("kinds"), py::arg("from_"),
             py::arg("timeout"));
  module.def("explain", &explain, py::arg("space"), py::arg("fields"), py::arg("max"));
  module.def("list_waiters", &list_waiters, py::arg("space"), py::arg("max"));
  module.def("list_spaces", &list_spaces);
  module.def("make", &make, py::arg("space"), py::arg("durability"), py::arg("quota_tuples"), py::arg("quota_bytes"));
  module.def("drop", &drop, py::arg("space"));
}

}  // namespace parvis::python
