#include "python/calls.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "python/convert.hpp"
#include "python/errors.hpp"

namespace py = pybind11;

namespace parvis::python {
namespace {

using Clock = std::chrono::steady_clock;
// How often a wait for a callback looks for signals: Ctrl-C ends it within this time. Only the main thread handles
// them.
constexpr std::chrono::milliseconds signal_check{50};
constexpr std::chrono::minutes no_signals{10};

std::optional<Clock::time_point> deadline_in(std::optional<double> seconds) {
  if (!seconds || *seconds > 1e9) return std::nullopt;
  return Clock::now() +
         std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(std::max(*seconds, 0.0)));
}

// Waits for `ready` without the GIL; false at the deadline. Throws what a signal handler raised.
template <class Ready>
bool wait_until(std::mutex& mutex, std::condition_variable& changed, std::optional<double> timeout_s, Ready ready) {
  const auto deadline = deadline_in(timeout_s);
  const std::chrono::milliseconds check =
      ::gettid() == ::getpid() ? signal_check : std::chrono::milliseconds(no_signals);
  return without_gil([&](const client::Wait& wait) {
    std::unique_lock lock(mutex);
    while (!ready()) {
      const auto now = Clock::now();
      if (deadline && now >= *deadline) return false;
      const auto slice = deadline ? std::min<Clock::duration>(check, *deadline - now) : check;
      // NOLINTNEXTLINE(bugprone-spuriously-wake-up-functions): the loop asks again
      if (changed.wait_for(lock, slice) == std::cv_status::no_timeout) continue;
      lock.unlock();
      if (wait.on_signal()) throw client::Interrupted{};
      lock.lock();
    }
    return true;
  });
}

int drop_reference(void* token) {
  Py_DECREF(static_cast<PyObject*>(token));
  return 0;
}

py::object tuples_of(const std::vector<Item>& items, Objects objects) {
  py::list tuples(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) tuples[i] = read_tuple(items[i].tuple.blob(), objects);
  return tuples;
}

py::object items_of(const std::vector<Item>& items) {
  py::list rows(items.size());
  for (std::size_t i = 0; i < items.size(); ++i)
    rows[i] = py::make_tuple(items[i].id, read_tuple(items[i].tuple.blob()));
  return rows;
}

// (branch, what it found, what it updated, the ids of what it put). It has happened: what cannot be loaded is raw.
py::object ran_to_python(const Ran& ran) {
  py::list put;
  for (const TupleId id : ran.put) put.append(id);
  return py::make_tuple(ran.branch, tuples_of(ran.items, Objects::lenient), tuples_of(ran.updated, Objects::lenient),
                        put);
}

// ([(kind, number, tuple)], the number to ask from, whether events before these are lost)
py::object events_to_python(const Events& events) {
  py::list rows;
  for (const Event& event : events.events)
    rows.append(py::make_tuple(static_cast<int>(event.kind), event.number,
                               read_tuple(event.item.tuple.blob(), Objects::lenient)));
  return py::make_tuple(rows, events.next, events.gap);
}

py::object listing_to_python(const Listing& listing) {
  py::list rows;
  for (const SpaceInfo& info : listing.spaces)
    rows.append(py::make_tuple(info.name, static_cast<int>(info.durability), info.tuples, info.bytes, info.waiters,
                               info.held, info.quota_tuples, info.quota_bytes));
  return rows;
}

py::object found_to_python(const Found& found, Call::Shape shape) {
  try {
    if (shape == Call::Shape::many) return tuples_of(found.items, Objects::load);
    if (shape == Call::Shape::raw) return tuples_of(found.items, Objects::raw);
    if (shape == Call::Shape::items) return items_of(found.items);
    if (found.items.empty()) return py::none();
    return read_tuple(found.items.front().tuple.blob());
  } catch (py::error_already_set& error) {
    // Whoever catches a DecodeError finds the tuples in it, what cannot be loaded as raw objects.
    const py::module_ errors = py::module_::import("parvis._errors");
    if (error.matches(errors.attr("DecodeError")))
      error.value().attr("tuples") = tuples_of(found.items, Objects::lenient);
    throw;
  }
}

}  // namespace

py::object to_python(const Answer& answer, Call::Shape shape) {
  if (const auto* failed = std::get_if<Failed>(&answer)) {
    if (failed->code == ErrorCode::timeout && (shape == Call::Shape::many || shape == Call::Shape::raw))
      return py::list();
    throw Error(failed->code, failed->text);
  }
  if (const auto* found = std::get_if<Found>(&answer)) return found_to_python(*found, shape);
  if (const auto* page = std::get_if<Page>(&answer))
    return py::make_tuple(found_to_python(Found{0, page->items}, shape), page->after, page->until, page->done);
  if (const auto* ran = std::get_if<Ran>(&answer)) return ran_to_python(*ran);
  if (const auto* events = std::get_if<Events>(&answer)) return events_to_python(*events);
  if (const auto* listing = std::get_if<Listing>(&answer)) return listing_to_python(*listing);
  if (const auto* done = std::get_if<Done>(&answer); done && shape == Call::Shape::number)
    return py::int_(done->number);
  return py::none();
}

Call::~Call() {
  for (const Note& note : notes_)
    if (Py_IsInitialized()) Py_AddPendingCall(&drop_reference, note.token);
}

void Call::finish(Outcome outcome) {
  std::vector<Note> notes;
  {
    const std::lock_guard lock(mutex_);
    outcome_ = std::move(outcome);
    notes.swap(notes_);
  }
  changed_.notify_all();
  for (const Note& note : notes) note.inbox->put(note.token);
}

void Call::add_output(Blob tuple) {
  const std::lock_guard lock(mutex_);
  outputs_.push_back(std::move(tuple));
}

bool Call::wait(std::optional<double> timeout_s) {
  if (ready()) return true;
  return wait_until(mutex_, changed_, timeout_s, [this] { return outcome_.has_value(); });
}

bool Call::ready() const {
  const std::lock_guard lock(mutex_);
  return outcome_.has_value();
}

py::object Call::answer() {
  wait(std::nullopt);
  // From here on the outcome does not change.
  if (const auto* error = std::get_if<Error>(&*outcome_)) throw *error;
  if (const auto* reply = std::get_if<Blob>(&*outcome_)) return read_tuple(*reply, Objects::lenient);
  Answer& answer = std::get<Answer>(*outcome_);
  if (joined && !used_) joined->complete(answer);
  if (!take || used_ || !std::holds_alternative<Found>(answer)) return to_python(answer, shape);
  try {
    py::object result = to_python(answer, shape);
    used_ = true;
    if (const auto alive = session.lock()) alive->confirm(sequence);
    if (joined) joined->used();
    return result;
  } catch (...) {
    used_ = true;
    if (const auto alive = session.lock()) alive->refuse(sequence);
    throw;
  }
}

py::list Call::take_outputs() {
  std::deque<Blob> outputs;
  {
    const std::lock_guard lock(mutex_);
    outputs.swap(outputs_);
  }
  py::list tuples;
  for (const Blob& output : outputs) tuples.append(read_tuple(output));
  return tuples;
}

void Call::notify(const std::shared_ptr<Inbox>& inbox, const py::object& token) {
  PyObject* reference = py::object(token).release().ptr();
  {
    const std::lock_guard lock(mutex_);
    if (!outcome_) return notes_.push_back({inbox, reference});
  }
  inbox->put(reference);
}

void Call::cancel() {
  if (used_) return;
  used_ = true;
  const auto alive = session.lock();
  if (!alive || sequence == 0) return;
  if (take) return alive->refuse(sequence);
  if (!ready()) alive->cancel(sequence);
}

void Inbox::put(PyObject* token) {
  {
    const std::lock_guard lock(mutex_);
    tokens_.push_back(token);
  }
  changed_.notify_one();
}

py::list Inbox::take(double timeout_s) {
  wait_until(mutex_, changed_, timeout_s, [this] { return !tokens_.empty(); });
  std::deque<PyObject*> tokens;
  {
    const std::lock_guard lock(mutex_);
    tokens.swap(tokens_);
  }
  py::list list;
  for (PyObject* token : tokens) list.append(py::reinterpret_steal<py::object>(token));
  return list;
}

void register_calls(py::module_& module) {
  py::class_<Inbox, std::shared_ptr<Inbox>>(module, "Inbox",
                                            "Finished calls on their way to the thread that serves them.")
      .def(py::init<>())
      .def("take", &Inbox::take, py::arg("timeout"),
           "The tokens of finished calls; waits for the first, [] at the timeout.")
      .def(
          "put", [](Inbox& inbox, const py::object& token) { inbox.put(py::object(token).release().ptr()); },
          py::arg("token"), "A token of the caller's own.");
  py::class_<Call, std::shared_ptr<Call>>(module, "Call", "An operation under way.")
      .def("wait", &Call::wait, py::arg("timeout") = py::none(), "Waits until it is finished; False at the timeout.")
      .def("ready", &Call::ready, "Whether it is finished.")
      .def("answer", &Call::answer, "What it came to; raises what it failed with. Waits until it is finished.")
      .def("take_outputs", &Call::take_outputs, "The output tuples that arrived since the last time.")
      .def("notify", &Call::notify, py::arg("inbox"), py::arg("token"),
           "Puts the token into the inbox when it is finished.")
      .def("cancel", &Call::cancel, "Ends a waiting take; what was handed over goes back to its place.");
}

}  // namespace parvis::python
