// The verbs of docs/kernels.md, one short function each; the control thread's part of Control.
#include "kernel/control.hpp"
#include "kernel/shared/names.hpp"
#include "tuplespace/model/error.hpp"

namespace parvis::kernel {

void Control::handle(net::Connection& connection, Call&& call, std::uint64_t id) {
  if (call.queued) return enqueue(connection, std::move(call), id);
  if (call.verb == "status") return send(connection, id, "ok", status());
  if (call.verb == "queue") return send(connection, id, "ok", queue_listing());
  if (call.verb == "result") return result(connection, call, id);
  if (call.verb == "interrupt") return interrupt(connection, call, id);
  if (call.verb == "abort") return reply_abort(connection, call, id);
  if (call.verb == "stop") {
    send(connection, id, "ok", Map{});
    return begin_stop(call.now);
  }
  throw Error(ErrorCode::protocol_error,
              "a kernel knows no verb '" + call.verb +
                  "': execute, apply, push, pull, status, queue, result, interrupt, abort, stop");
}

void Control::enqueue(net::Connection& connection, Call&& call, std::uint64_t id) {
  Request& request = call.request;
  request.id = call.id ? *call.id : random_hex(32);
  const Waiter waiter{connection.weak_from_this(), id, request.stream};
  const auto tell_queued = [&] { send(connection, id, "queued", Map{{{"id", Value(request.id)}}}); };
  // Sent again after a broken connection: it runs once, whoever asks for it.
  if (const auto reply = answers_.find(request.id)) return send(connection, id, reply);
  if (const auto known = waiters_.find(request.id); known != waiters_.end()) {
    if (call.block) {
      known->second.push_back(waiter);
    } else {
      tell_queued();
    }
    return;
  }
  const auto refuse = [&](const char* type, const std::string& why) {
    send_error(connection, id, request.id, type, why);
  };
  if (stopping_) return refuse("parvis.KernelDied", "this kernel is stopping");
  request.slot = journal_.add(request.id, request.verb);
  if (request.slot == 0) {
    return refuse("parvis.LimitExceeded", "this kernel's queue is full: " + std::to_string(Journal::slots - 1) +
                                              " requests; wait, or abort some");
  }
  const std::string request_id = request.id;
  const std::size_t slot = request.slot;
  auto& waiting = waiters_[request_id];
  if (call.block) waiting.push_back(waiter);
  if (!call.block) tell_queued();
  if (queue_.push(std::move(request))) return;
  waiters_.erase(request_id);
  journal_.remove(slot);
  send_error(connection, id, request_id, "parvis.LimitExceeded",
             "this kernel's queue holds " + std::to_string(WorkQueue::queued_bytes_max >> 30) +
                 " GiB of requests; wait, or abort some");
}

void Control::result(net::Connection& connection, const Call& call, std::uint64_t id) {
  if (!call.id) throw Error(ErrorCode::protocol_error, "'result' needs the argument 'id'");
  if (const auto reply = answers_.find(*call.id)) return send(connection, id, reply);
  const auto known = waiters_.find(*call.id);
  if (known == waiters_.end()) {
    return send_error(connection, id, *call.id, "KeyError",
                      "this kernel knows no request " + *call.id + "; older results are in the space parvis.results");
  }
  if (!call.block) return send(connection, id, "queued", Map{{{"id", Value(*call.id)}}});
  known->second.push_back({connection.weak_from_this(), id, call.request.stream});
}

void Control::interrupt(net::Connection& connection, const Call& call, std::uint64_t id) {
  const std::string interrupted = queue_.interrupt(call.id);
  if (!interrupted.empty()) interrupt_again(interrupted);
  send(connection, id, "ok", Map{{{"interrupted", Value(!interrupted.empty())}}});
}

void Control::reply_abort(net::Connection& connection, const Call& call, std::uint64_t id) {
  auto requests = queue_.abort(call.id);
  List ids;
  for (const Request& request : requests) ids.items.emplace_back(request.id);
  aborted(requests);
  send(connection, id, "ok", Map{{{"aborted", Value(std::move(ids))}}});
}

Map Control::status() {
  const WorkQueue::Status now = queue_.status();
  const char* state = !ready_ ? "starting" : now.busy ? "busy" : "idle";
  return Map{{{"id", Value(facts_.id)},
              {"cluster", Value(facts_.cluster)},
              {"index", Value(facts_.index)},
              {"pid", Value(facts_.pid)},
              {"host", Value(facts_.host)},
              {"state", Value(state)},
              {"queue", Value(static_cast<std::int64_t>(now.queued))},
              {"running", now.running.empty() ? Value() : Value(now.running)},
              {"started", Value(facts_.started)},
              {"python", Value(facts_.python)},
              {"executable", Value(facts_.executable)},
              {"executed", Value(static_cast<std::int64_t>(now.executed))}}};
}

Map Control::queue_listing() {
  List rows;
  for (WorkQueue::Listing::Row& row : queue_.listing().rows) {
    rows.items.emplace_back(Map{{{"id", Value(std::move(row.id))},
                                 {"verb", Value(std::move(row.verb))},
                                 {"user", Value(std::move(row.user))},
                                 {"state", Value(std::move(row.state))},
                                 {"summary", Value(std::move(row.summary))}}});
  }
  return Map{{{"requests", Value(std::move(rows))}}};
}

}  // namespace parvis::kernel
