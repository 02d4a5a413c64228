#include "kernel/task.hpp"

#include "kernel/shared/names.hpp"
#include "kernel/shared/text.hpp"
#include "python/convert.hpp"
#include "tuplespace/model/error.hpp"

namespace parvis::kernel {

namespace py = pybind11;

struct TaskRunner::Parts {
  std::string_view cluster, farm, id;
  std::string name;
  std::int64_t retries = 0, deaths = 3, failures = 0, priority = 0;
  ByteSpan meta, function, arguments;  // encoded
};

struct TaskRunner::Report {
  bool loaded = false;  // function and arguments could be unpickled
  Shell::Failure failure;
  double started = 0, took = 0;
  OutputCapture::Text text;
};

namespace {

constexpr std::size_t task_fields = 7;

void read_meta(Reader& reader, std::string& name, std::int64_t& retries, std::int64_t& deaths, std::int64_t& failures,
               std::int64_t& priority) {
  for (std::size_t n = reader.begin_map(); n > 0; --n) {
    const std::string_view key = reader.key();
    const bool number = reader.peek() == Type::integer && reader.integer_fits();
    std::int64_t* const field = key == "retries"    ? &retries
                                : key == "deaths"   ? &deaths
                                : key == "failures" ? &failures
                                : key == "priority" ? &priority
                                                    : nullptr;
    if (field != nullptr && number) {
      *field = reader.integer();
    } else if (key == "name" && reader.peek() == Type::string) {
      name = reader.string();
    } else {
      reader.skip();
    }
  }
}

}  // namespace

std::string task_id(const Blob& tuple) {
  Reader reader(tuple.span());
  if (reader.tuple_body() != task_fields)
    throw Error(ErrorCode::protocol_error, "a task has 7 fields (docs/kernels.md)");
  reader.skip();
  reader.skip();
  reader.skip();
  return std::string(reader.string());
}

TaskRunner::Parts TaskRunner::parse(const Task& task) {
  Parts parts;
  Reader reader(task.bytes.span());
  if (reader.tuple_body() != task_fields)
    throw Error(ErrorCode::protocol_error, "a task has 7 fields (docs/kernels.md)");
  reader.skip();
  parts.cluster = reader.string();
  parts.farm = reader.string();
  parts.id = reader.string();
  parts.meta = reader.skip();
  parts.function = reader.skip();
  parts.arguments = reader.skip();
  Reader meta(parts.meta);
  read_meta(meta, parts.name, parts.retries, parts.deaths, parts.failures, parts.priority);
  return parts;
}

bool TaskRunner::poisoned(const Task& task) {
  return task.attempts > 0 && static_cast<std::int64_t>(task.attempts) > parse(task).deaths;
}

py::object TaskRunner::function(const Parts& parts, const Blob& owner) {
  const std::string_view bytes = as_text(parts.function);
  if (last_ && bytes == last_bytes_) return last_;
  std::string key(bytes);
  if (const auto known = functions_.find(key); known != functions_.end()) {
    last_ = known->second;
  } else {
    // A copy of its own: what the function keeps of its bytes must not keep the whole message alive.
    const Blob own = bytes.size() <= cached_bytes ? Blob::copy(parts.function) : owner.slice(parts.function);
    Reader reader(own.span());
    py::object loaded = python::read_value(reader, own);
    if (bytes.size() > cached_bytes) return loaded;
    if (functions_.size() >= cached_functions) {
      functions_.erase(recent_.front());
      recent_.pop_front();
    }
    recent_.push_back(key);
    functions_.emplace(key, loaded);
    last_ = std::move(loaded);
  }
  last_bytes_ = std::move(key);
  return last_;
}

void TaskRunner::call(const Parts& parts, const Task& task, Encoding& out, Report& report) {
  const py::object callable = function(parts, task.bytes);
  Reader reader(parts.arguments);
  const py::object pair = python::read_value(reader, task.bytes);
  if (!py::isinstance<py::tuple>(pair) || PyTuple_GET_SIZE(pair.ptr()) != 2) {
    throw Error(ErrorCode::protocol_error, "the arguments of a task are a pickled (args, kwargs)");
  }
  report.loaded = true;
  PyObject* const keywords = PyTuple_GET_ITEM(pair.ptr(), 1);
  const auto value = py::reinterpret_steal<py::object>(
      PyObject_Call(callable.ptr(), PyTuple_GET_ITEM(pair.ptr(), 0),
                    PyDict_Check(keywords) && PyDict_GET_SIZE(keywords) > 0 ? keywords : nullptr));
  if (!value) throw py::error_already_set();
  Writer writer(out);
  begin_result(writer, parts, "ok");
  python::write_value(writer, value);
}

TaskOutcome TaskRunner::run(const Task& task, const std::function<bool()>& interrupted) {
  const Parts parts = parse(task);
  Report report;
  auto result = std::make_shared<Encoding>();
  bool ok = false;
  const auto begin = Clock::now();
  report.started = unix_time();
  output_.begin();
  try {
    call(parts, task, *result, report);
    ok = true;
  } catch (const py::error_already_set& error) {
    report.failure = shell_.failure(error);
  } catch (const std::exception& error) {
    report.failure = Shell::failure(error);
  }
  shell_.flush_python_output();
  report.text = output_.end();
  report.took = std::chrono::duration<double>(Clock::now() - begin).count();
  // Python may have made another error of the KeyboardInterrupt on its way up.
  if (!ok) return error_result(parts, task, report, interrupted() || report.failure.type == "KeyboardInterrupt");
  Writer writer(*result);
  end_result(writer, parts, task, report);
  return {std::move(result), nullptr, 0, false};
}

void TaskRunner::begin_result(Writer& out, const Parts& parts, std::string_view status) const {
  out.tuple_body(7);
  out.string("result");
  out.string(parts.cluster);
  out.string(parts.farm);
  out.string(parts.id);
  out.string(status);
}

void TaskRunner::end_result(Writer& out, const Parts& parts, const Task& task, const Report& report) const {
  out.begin_map(7);
  out.key("attempts");
  out.integer(std::int64_t{task.attempts} + parts.failures + 1);
  out.key("kernel");
  out.string(kernel_);
  out.key("name");
  out.string(parts.name);
  out.key("started");
  out.real(report.started);
  out.key("stderr");
  out.string(report.text.err);
  out.key("stdout");
  out.string(report.text.out);
  out.key("took");
  out.real(report.took);
}

TaskOutcome TaskRunner::error_result(const Parts& parts, const Task& task, const Report& report, bool cancelled) {
  if (report.loaded && !cancelled && parts.failures < parts.retries) return again(parts, task);
  auto result = std::make_shared<Encoding>();
  Writer writer(*result);
  begin_result(writer, parts, cancelled ? "cancelled" : "error");
  writer.begin_map(4);
  writer.key("exception");
  Shell::write_exception(writer, report.failure.exception);
  writer.key("message");
  writer.string(report.failure.message);
  writer.key("traceback");
  writer.string(report.failure.traceback);
  writer.key("type");
  writer.string(report.failure.type);
  end_result(writer, parts, task, report);
  return {std::move(result), task_tuple("failed", parts, task, nullptr), 0, cancelled};
}

// The task's own tuple under another first field; `meta`: instead of its own.
std::shared_ptr<const Encoding> TaskRunner::task_tuple(std::string_view tag, const Parts& parts, const Task& task,
                                                       const Value* meta) {
  auto tuple = std::make_shared<Encoding>();
  Writer writer(*tuple);
  writer.tuple_body(task_fields);
  writer.string(tag);
  writer.string(parts.cluster);
  writer.string(parts.farm);
  writer.string(parts.id);
  if (meta != nullptr) {
    writer.value(*meta);
  } else {
    tuple->append(parts.meta);
  }
  tuple->append_bulk(task.bytes.slice(parts.function));
  tuple->append_bulk(task.bytes.slice(parts.arguments));
  return tuple;
}

TaskOutcome TaskRunner::again(const Parts& parts, const Task& task) {
  Reader reader(parts.meta);
  Value meta = decode_value(reader, task.bytes);
  auto& items = std::get<Map>(meta.variant()).items;
  std::erase_if(items, [](const auto& item) { return item.first == "failures"; });
  items.emplace_back("failures", Value(parts.failures + 1));
  return {task_tuple("task", parts, task, &meta), nullptr, static_cast<std::int32_t>(parts.priority), false};
}

TaskOutcome TaskRunner::died(const Task& task, const std::string& story) {
  const Parts parts = parse(task);
  auto result = std::make_shared<Encoding>();
  Writer writer(*result);
  begin_result(writer, parts, "died");
  writer.value(Value(Map{{{"message", Value("the kernels that ran this task died " + std::to_string(task.attempts) +
                                            " times; it is not tried again")},
                          {"story", Value(valid_utf8(story))},
                          {"type", Value("parvis.KernelDied")}}}));
  Report report;
  report.started = unix_time();
  end_result(writer, parts, task, report);
  return {std::move(result), task_tuple("failed", parts, task, nullptr), 0, false};
}

}  // namespace parvis::kernel
