#include "kernel/shell.hpp"

#include <sched.h>

#include "kernel/package.hpp"
#include "kernel/python.hpp"
#include "kernel/shared/names.hpp"
#include "kernel/shared/text.hpp"
#include "python/convert.hpp"
#include "tuplespace/model/error.hpp"

namespace parvis::kernel {

namespace py = pybind11;

struct Shell::Outcome {
  bool ok = false;
  bool has_value = false;
  Encoding value;  // execute, apply: the value; pull: the list
  std::string unpicklable;
  py::object repr = py::none();
  Failure failure;
  double started = 0, took = 0;
  OutputCapture::Text text;
};

namespace {

constexpr int descriptions = 3;

py::object decoded(const Blob& encoded) {
  Reader reader(encoded.span());
  return python::read_value(reader, encoded);
}

}  // namespace

Shell::Shell(const ShellOptions& options, OutputCapture& output)
    : options_(options), output_(output), prepared_(!options.ipython) {
  make_package_importable();
  boot_ = py::module_::import("parvis._kernel.boot");
  nothing_ = py::module_::import("parvis._kernel.shell").attr("NOTHING");
  session_ = boot_.attr("start")(options.stack_fd, options.dump_fd);
}

void Shell::prepare() {
  if (prepared_) return;
  session_ = boot_.attr("with_ipython")(session_);
  prepared_ = true;
}

void Shell::perform(const Request& request, Outcome& outcome) {
  switch (request.verb) {
    case Verb::execute:
    case Verb::apply: return evaluate(request, outcome);
    case Verb::push: session_.attr("push")(decoded(request.body)); return;
    case Verb::pull: {
      const py::object values = session_.attr("pull")(decoded(request.body));
      Writer writer(outcome.value);
      python::write_value(writer, values, 1);
      return;
    }
  }
}

void Shell::evaluate(const Request& request, Outcome& outcome) {
  py::object value;
  if (request.verb == Verb::execute) {
    prepare();
    value = session_.attr("execute")(request.code, request.filename);
  } else {
    const py::tuple call = decoded(request.body);
    if (call.size() != 3) throw Error(ErrorCode::protocol_error, "apply: `call` is a pickled (function, args, kwargs)");
    const py::tuple arguments = call[1];
    const py::dict keywords = call[2];
    value =
        py::reinterpret_steal<py::object>(PyObject_Call(py::object(call[0]).ptr(), arguments.ptr(), keywords.ptr()));
    if (!value) throw py::error_already_set();
  }
  outcome.has_value = !value.is(nothing_) && !value.is_none();
  if (!outcome.has_value) return;
  outcome.repr = session_.attr("represent")(value);
  const auto unpicklable = [&](const auto& error) {
    outcome.value.clear();
    outcome.unpicklable = valid_utf8(error.what());
  };
  try {
    Writer writer(outcome.value);
    python::write_value(writer, value, 1);
  } catch (const py::error_already_set& error) {
    if (error.matches(PyExc_KeyboardInterrupt)) throw;
    unpicklable(error);
  } catch (const Error& error) {
    unpicklable(error);
  }
}

CallAnswer Shell::run(const Request& request, OutputCapture::OnChunk on_chunk, const Guard& guard) {
  Outcome outcome;
  const auto begin = Clock::now();
  outcome.started = unix_time();
  output_.begin(std::move(on_chunk));
  try {
    perform(request, outcome);
    outcome.ok = true;
  } catch (const py::error_already_set& error) {
    outcome.failure = failure(error);
  } catch (const std::exception& error) {
    outcome.failure = failure(error);
  }
  const bool timed_out = request.timeout && guard.timed_out();
  swallow_interrupt(guard.finished());
  if (!outcome.ok && timed_out) {  // whatever Python has made of the interrupt
    outcome.failure.exception = session_.attr("interrupted")(*request.timeout);
    outcome.failure.type = "TimeoutError";
    outcome.failure.message = py::cast<std::string>(py::str(outcome.failure.exception));
  }
  flush_python_output();
  outcome.text = output_.end();
  outcome.took = std::chrono::duration<double>(Clock::now() - begin).count();
  return outcome.ok ? success(request, outcome) : failed(request, outcome);
}

CallAnswer Shell::success(const Request& request, Outcome& outcome) {
  Encoding result;
  Writer writer(result);
  const bool evaluated = request.verb == Verb::execute || request.verb == Verb::apply;
  if (!evaluated) {
    writer.begin_map(request.verb == Verb::pull ? 2 : 1);
    writer.key("id");
    writer.string(request.id);
    if (request.verb == Verb::pull) writer.key("values");
    append(result, outcome.value);
    return make_answer(request.id, "ok", result);
  }
  // Keys ascend; the value comes last, because it is encoded already.
  writer.begin_map(outcome.unpicklable.empty() ? 10 : 11);
  writer.key("count");
  writer.integer(py::cast<std::int64_t>(session_.attr("count")));
  writer.key("displays");
  python::write_value(writer, session_.attr("take_displays")(), 1);
  writer.key("id");
  writer.string(request.id);
  writer.key("kernel");
  writer.string(options_.kernel);
  writer.key("repr");
  python::write_value(writer, outcome.repr, 1);
  writer.key("started");
  writer.real(outcome.started);
  writer.key("stderr");
  writer.string(outcome.text.err);
  writer.key("stdout");
  writer.string(outcome.text.out);
  writer.key("took");
  writer.real(outcome.took);
  if (!outcome.unpicklable.empty()) {
    writer.key("unpicklable");
    writer.string(outcome.unpicklable);
  }
  writer.key("value");
  if (outcome.value.size() == 0) {
    writer.nil();
  } else {
    append(result, outcome.value);
  }
  return make_answer(request.id, "ok", result, &options_.kernel);
}

CallAnswer Shell::failed(const Request& request, Outcome& outcome) {
  const bool kept = request.verb == Verb::execute || request.verb == Verb::apply;
  drop_displays();
  Encoding result;
  Writer writer(result);
  writer.begin_map(10);
  writer.key("exception");
  write_exception(writer, outcome.failure.exception);
  const std::pair<const char*, const std::string*> texts[] = {
      {"id", &request.id}, {"kernel", &options_.kernel}, {"message", &outcome.failure.message}};
  for (const auto& [key, text] : texts) {
    writer.key(key);
    writer.string(*text);
  }
  writer.key("started");
  writer.real(outcome.started);
  writer.key("stderr");
  writer.string(outcome.text.err);
  writer.key("stdout");
  writer.string(outcome.text.out);
  writer.key("took");
  writer.real(outcome.took);
  writer.key("traceback");
  writer.string(outcome.failure.traceback);
  writer.key("type");
  writer.string(outcome.failure.type);
  return make_answer(request.id, "error", result, kept ? &options_.kernel : nullptr);
}

Shell::Failure Shell::failure(const py::error_already_set& error) {
  const py::object& exception = error.value();
  if (error.trace()) PyException_SetTraceback(exception.ptr(), error.trace().ptr());
  // Interrupts may arrive while it is being described: it is described again, and in the end by its type alone.
  for (int attempt = 0; attempt < descriptions; ++attempt) {
    try {
      const py::tuple described = session_.attr("describe")(exception);
      return {py::cast<std::string>(described[0]), py::cast<std::string>(described[1]),
              py::cast<std::string>(described[2]), exception};
    } catch (const py::error_already_set&) {
      continue;
    }
  }
  const std::string type = Py_TYPE(exception.ptr())->tp_name;
  return {type, "", type, exception};
}

// Errors of the codec: a value that is beyond a limit, a request that holds nonsense.
Shell::Failure Shell::failure(const std::exception& error) {
  const auto* ours = dynamic_cast<const Error*>(&error);
  const std::string type = ours != nullptr ? "parvis." + std::string(name_of(ours->code())) : "RuntimeError";
  return {type, valid_utf8(error.what()), type + ": " + valid_utf8(error.what()), py::none()};
}

void Shell::write_exception(Writer& out, const py::object& exception) {
  if (!exception || exception.is_none()) return out.nil();
  try {
    // The traceback holds frames and so the user's objects; the text has been taken from it.
    PyException_SetTraceback(exception.ptr(), Py_None);
    Encoding trial;
    Writer trial_writer(trial);
    python::write_value(trial_writer, exception, 1);
    // Pickled, but of no use when it does not come back: an __init__ with arguments of its own is the usual reason.
    const Blob encoded = trial.flatten();
    decoded(encoded);
    // The bytes that came back, not pickled again: an interrupt may not leave half an object in the answer.
    Reader reader(encoded.span());
    out.value(decode_value(reader, encoded));
  } catch (const py::error_already_set&) {
    out.nil();
  } catch (const Error&) {
    out.nil();
  }
}

std::string Shell::text_of(py::error_already_set& error) { return valid_utf8(error.what()); }

void Shell::flush_python_output() {
  for (const char* name : {"stdout", "stderr"}) {
    PyObject* stream = PySys_GetObject(name);  // borrowed
    if (stream == nullptr || stream == Py_None) continue;
    const auto done = py::reinterpret_steal<py::object>(PyObject_CallMethod(stream, "flush", nullptr));
    if (!done) PyErr_Clear();  // user code closed or replaced it: then nothing of ours is left in it
  }
}

void Shell::drop_displays() { session_.attr("take_displays")(); }

void Shell::swallow_interrupt(bool sent) {
  // The signal is delivered at the latest when a system call returns; Python's handler then leaves a flag, and
  // PyErr_CheckSignals turns that into the exception that is dropped here.
  if (sent) ::sched_yield();
  if (PyErr_CheckSignals() != 0) PyErr_Clear();
}

void Shell::finish() { boot_.attr("finish")(session_); }

}  // namespace parvis::kernel
