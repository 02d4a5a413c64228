// Operations under way whose answers come by a callback of the session: what the asynchronous faces stand on.
//
// The session's callback runs on a thread of its own and must not wait for the GIL. It files the answer in the Call,
// wakes who waits for it, and puts the Call into its Inbox, from which one Python thread takes it and runs Python
// callbacks.
#pragma once

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <variant>
#include <vector>

#include "client/own_writes.hpp"
#include "client/session.hpp"

namespace parvis::python {

class Inbox;

// An open transaction: its gets see what it has put. With the GIL.
struct Inside {
  TransactionId id = 0;
  client::OwnWrites own;
};
// A get whose answer own writes complete.
struct Joined {
  std::shared_ptr<Inside> inside;
  Get get;  // owns its templates
  std::vector<std::uint64_t> numbers;
  void complete(Answer& answer) {
    if (auto* found = std::get_if<Found>(&answer)) numbers = inside->own.complete(get, *found);
  }
  void used() { inside->own.take(numbers); }
};

class Call : public std::enable_shared_from_this<Call> {
 public:
  using Outcome = std::variant<Answer, Blob, Error>;

  // Called by the session, once; without the GIL.
  void finish(Outcome outcome);
  void add_output(Blob tuple);

  // With the GIL; waits without it.
  bool wait(std::optional<double> timeout_s);
  [[nodiscard]] bool ready() const;
  pybind11::object answer();      // what it came to, as Python sees it; raises what it failed with
  pybind11::list take_outputs();  // the output tuples that have come since
  // `token` comes out of `inbox` once the call is finished; at once when it is.
  void notify(const std::shared_ptr<Inbox>& inbox, const pybind11::object& token);
  void cancel();  // a blocked get ends: what was handed over goes back

  ~Call();

  // How the answer becomes a Python object.
  // (`raw`: many, objects as raw objects; `items`: many, as (id, tuple))
  enum class Shape : std::uint8_t { none, one, many, raw, items, number, reply };
  // Weak: the session itself holds the callback that holds the call, and must not be ended by its own thread when that
  // goes.
  std::weak_ptr<client::Session> session;
  Shape shape = Shape::none;
  std::optional<Joined> joined;
  bool take = false;  // its answer is confirmed once it has been used, and refused otherwise
  Sequence sequence = 0;

 private:
  struct Note {
    std::shared_ptr<Inbox> inbox;
    PyObject* token;  // owned; handed to the inbox, which gives it to Python
  };
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Outcome> outcome_;
  std::deque<Blob> outputs_;
  std::vector<Note> notes_;
  bool used_ = false;
};

// Finished calls on their way to the Python thread that serves them.
class Inbox {
 public:
  void put(PyObject* token);              // takes the reference; any thread, without the GIL
  pybind11::list take(double timeout_s);  // all there are; waits for the first without the GIL; [] at the timeout

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<PyObject*> tokens_;
};

void register_calls(pybind11::module_& module);

// An answer of the session as Python sees it: shared with the blocking calls.
pybind11::object to_python(const Answer& answer, Call::Shape shape);

}  // namespace parvis::python
