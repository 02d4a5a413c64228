// The agent as a client of the space: registered there, taking commands, leaving reports. Survives restarts of the
// server.
//
// Threads: one of its own waits for commands; `on_command` runs on it and only hands over. report() may be called by
// any thread and does not wait for the server.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "client/session.hpp"
#include "tuplespace/model/value.hpp"

namespace parvis::kernel {

struct Command {
  std::string id, verb;
  Map arguments;
};

class Office {
 public:
  struct Identity {
    std::string id, cluster, address;
    int kernels = 0;  // wanted at first
  };
  Office(Identity identity, std::function<void(Command)> on_command, std::function<void(const std::string&)> log);
  ~Office();
  Office(const Office&) = delete;
  Office& operator=(const Office&) = delete;

  void wanted(int kernels);  // registered anew when it changed
  void report(std::string space, const Tuple& tuple, std::int64_t lease_us);
  void close();  // what was reported is written (at most 5 s)

 private:
  void run();
  std::shared_ptr<client::Session> connect();
  void adopt(std::shared_ptr<client::Session> session);
  void work(client::Session& session);
  void ensure_registered(client::Session& session);
  void hand_over(const Found& found);
  void send(std::unique_lock<std::mutex>& lock);
  bool pause(std::chrono::milliseconds time);

  const Identity identity_;
  const std::function<void(Command)> on_command_;
  const std::function<void(const std::string&)> log_;

  std::mutex mutex_;  // protects all below
  std::condition_variable changed_;
  std::shared_ptr<client::Session> session_;
  struct Report {
    std::string space;
    std::shared_ptr<const Blob> tuple;
    std::int64_t lease_us = -1;
  };
  std::deque<Report> reports_;
  std::size_t in_flight_ = 0;
  int wanted_ = 0;
  bool stale_ = true;  // the registration says another number than wanted_
  SessionId registered_ = 0;
  bool stopping_ = false;
  std::jthread thread_;
};

}  // namespace parvis::kernel
