// Connections: to a server, and to kernels.
#include <chrono>
#include <cmath>

#include "python/convert.hpp"
#include "python/errors.hpp"
#include "python/spaces.hpp"

namespace py = pybind11;

namespace parvis::python {
namespace {

std::chrono::milliseconds milliseconds(double seconds) {
  return std::chrono::milliseconds(std::llround(std::fmin(seconds, 1e9) * 1e3));
}

void encode_call(Encoding& encoding, const std::string& verb, const py::dict& arguments) {
  const py::str name(verb);
  PyObject* fields[] = {name.ptr(), arguments.ptr()};
  write_tuple(encoding, fields);
}

// A call to a kernel; None when `timeout` has passed (the call goes on).
py::object call_kernel(client::Session& session, const std::string& verb, const py::dict& arguments,
                       const std::optional<double>& timeout_s) {
  Encoding encoding;
  encode_call(encoding, verb, arguments);
  std::optional<std::chrono::microseconds> patience;
  if (timeout_s) patience = std::chrono::microseconds(std::llround(std::fmin(*timeout_s, 1e9) * 1e6));
  try {
    const Blob reply =
        without_gil([&](const client::Wait& wait) { return session.call_kernel(&encoding, wait, patience); });
    return read_tuple(reply, Objects::lenient);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::timeout && patience) return py::none();
    throw;
  }
}

std::shared_ptr<Call> start_kernel_call(const std::shared_ptr<client::Session>& session, const std::string& verb,
                                        const py::dict& arguments, bool outputs) {
  Encoding encoding;
  encode_call(encoding, verb, arguments);
  auto call = std::make_shared<Call>();
  call->session = session;
  call->shape = Call::Shape::reply;
  client::Session::OnOutput on_output;
  if (outputs) on_output = [call](Blob tuple) { call->add_output(std::move(tuple)); };
  const auto done = [call](std::variant<Blob, Error> result) {
    std::visit([&](auto& outcome) { call->finish(std::move(outcome)); }, result);
  };
  const Unlocked unlocked;
  session->start_kernel_call(Payload(&encoding), done, std::move(on_output));
  return call;
}

}  // namespace

std::shared_ptr<client::Session> connect(const std::string& address, const std::string& token, const std::string& name,
                                         bool start_server, double connect_timeout_s, double reconnect_for_s) {
  client::Options options;
  options.address = address;
  options.token = token;
  options.name = name;
  options.start_server = start_server;
  options.connect_timeout = milliseconds(connect_timeout_s);
  options.reconnect_for = milliseconds(reconnect_for_s);
  const Unlocked unlocked;
  return client::Session::connect(options);
}

void register_sessions(py::module_& module) {
  using client::Session;
  py::class_<Session, std::shared_ptr<Session>>(module, "Session", "A connection to a server or to a kernel.")
      .def_static("connect", &connect, py::arg("address") = "", py::arg("token") = "", py::arg("name") = "",
                  py::arg("start_server") = false, py::arg("connect_timeout") = 5.0, py::arg("reconnect_for") = 30.0)
      .def_property_readonly("id", &Session::id, "The number of the session.")
      .def_property_readonly("address", &Session::address, "Where it is connected.")
      .def_property_readonly("server_version", &Session::server_version, "What the peer calls itself.")
      .def(
          "close",
          [](Session& session) {
            const Unlocked unlocked;
            session.close();
          },
          "Confirms what was received and says goodbye.")
      .def("call_kernel", &call_kernel, py::arg("verb"), py::arg("arguments"), py::arg("timeout") = py::none(),
           "Calls a kernel and waits for (status, result); None at the timeout.")
      .def("start_kernel_call", &start_kernel_call, py::arg("verb"), py::arg("arguments"), py::arg("outputs") = false,
           "Calls a kernel; the Call's answer is (status, result).");
}

}  // namespace parvis::python
