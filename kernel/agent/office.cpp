#include "kernel/agent/office.hpp"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "kernel/shared/names.hpp"
#include "tuplespace/model/codec.hpp"
#include "tuplespace/model/error.hpp"

namespace parvis::kernel {

namespace {
using namespace std::chrono_literals;
constexpr std::chrono::milliseconds reconnect_for = std::chrono::hours(24 * 365 * 10);  // an agent outlives its server
constexpr std::chrono::milliseconds check{500};
constexpr std::chrono::milliseconds close_patience{5'000};
}  // namespace

Office::Office(Identity identity, std::function<void(Command)> on_command, std::function<void(const std::string&)> log)
    : identity_(std::move(identity)),
      on_command_(std::move(on_command)),
      log_(std::move(log)),
      wanted_(identity_.kernels) {
  thread_ = std::jthread([this] { run(); });
}

Office::~Office() { close(); }

bool Office::pause(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return !changed_.wait_for(lock, time, [&] { return stopping_; });
}

std::shared_ptr<client::Session> Office::connect() {
  std::string said;
  for (auto wait = 100ms; pause(0ms); wait = std::min(wait * 2, std::chrono::milliseconds(2'000))) {
    try {
      client::Options options;
      options.address = identity_.address;
      options.name = "agent " + identity_.id;
      options.reconnect_for = reconnect_for;
      return client::Session::connect(options);
    } catch (const Error& error) {
      if (said != error.what()) log_(said = error.what());
    }
    if (!pause(wait)) break;
  }
  return nullptr;
}

void Office::adopt(std::shared_ptr<client::Session> session) {
  std::unique_lock lock(mutex_);
  session_ = std::move(session);
  registered_ = 0;
  send(lock);
}

void Office::run() {
  while (const auto session = connect()) {
    adopt(session);
    try {
      work(*session);
      return;
    } catch (const Error& error) {
      if (pause(0ms)) log_(std::string("the session with the server has ended: ") + error.what());
    }
    adopt(nullptr);
    if (!pause(500ms)) return;
  }
}

void Office::ensure_registered(client::Session& session) {
  const SessionId id = session.id();
  int kernels = 0;
  bool again = false;
  {
    const std::lock_guard lock(mutex_);
    if (id == registered_ && !stale_) return;
    again = id == registered_;
    kernels = wanted_;
    stale_ = false;
    registered_ = id;
  }
  const Map info{{{"pid", Value(::getpid())}, {"host", Value(host_name())}, {"kernels", Value(kernels)}}};
  const Blob tuple = encoded(Tuple{{"agent", identity_.cluster, identity_.id, info}});
  Out out;
  out.space = kernels_space;
  out.tuples.emplace_back(tuple);
  out.owned = true;
  session.call(out);
  if (!again) return;
  // The new one is there before the old one goes: nobody ever finds this agent missing.
  Get old;
  old.space = kernels_space;
  old.templates.emplace_back(encoded(
      Template{{{Value("agent")}, {Value(identity_.cluster)}, {Value(identity_.id)}, {Formal{Type::map}}}, false}));
  old.wait = false;
  session.call(old);
}

void Office::work(client::Session& session) {
  Get get;
  get.space = kernels_space;
  get.templates.emplace_back(encoded(Template{
      {{Value("command")}, {Value(identity_.id)}, {Formal{Type::string}}, {Formal{Type::string}}, {Formal{Type::map}}},
      false}));
  for (;;) {
    ensure_registered(session);
    client::Pending pending = session.start(get);
    std::optional<Answer> answer;
    while (!answer) {
      answer = pending.wait({}, check);
      if (!pause(0ms)) return;
      ensure_registered(session);
    }
    hand_over(std::get<Found>(*answer));
  }
}

void Office::hand_over(const Found& found) {
  for (const Item& item : found.items) {
    const Tuple tuple = decode_tuple(item.tuple.blob());
    on_command_({tuple.items[2].get<std::string>(), tuple.items[3].get<std::string>(), tuple.items[4].get<Map>()});
  }
}

void Office::wanted(int kernels) {
  const std::lock_guard lock(mutex_);
  stale_ = stale_ || kernels != wanted_;
  wanted_ = kernels;
}

void Office::report(std::string space, const Tuple& tuple, std::int64_t lease_us) {
  std::unique_lock lock(mutex_);
  reports_.push_back({std::move(space), std::make_shared<const Blob>(encoded(tuple)), lease_us});
  send(lock);
}

// What waits goes to the session, which keeps it until it is acknowledged, over reconnects too.
void Office::send(std::unique_lock<std::mutex>& lock) {
  while (session_ && !reports_.empty()) {
    const Report next = std::move(reports_.front());
    reports_.pop_front();
    ++in_flight_;
    const auto session = session_;
    lock.unlock();
    const auto done = [this, next](const Answer& answer) {
      if (const auto* failed = std::get_if<Failed>(&answer)) log_("a report could not be written: " + failed->text);
      const std::lock_guard inner(mutex_);
      --in_flight_;
      changed_.notify_all();
    };
    Out out;
    out.space = next.space;
    out.tuples.emplace_back(*next.tuple);
    out.lease_us = next.lease_us;
    try {
      session->start(out, done);
    } catch (const Error& error) {
      done(Failed{error.code(), error.what()});
    }
    lock.lock();
  }
}

void Office::close() {
  std::shared_ptr<client::Session> session;
  {
    std::unique_lock lock(mutex_);
    if (stopping_) return;
    changed_.wait_for(lock, close_patience, [&] { return !session_ || (in_flight_ == 0 && reports_.empty()); });
    stopping_ = true;
    session = session_;
    changed_.notify_all();
  }
  if (session) session->close();
  thread_.join();
}

}  // namespace parvis::kernel
