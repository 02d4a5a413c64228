// The kernel as a client of the space: its registration, the results it leaves there, and the farm's feeder.
//
// Two threads of its own, neither ever needs the GIL: `feeder` connects, registers and claims tasks; `keeper` writes
// results, pipelined. The session lives through restarts of the server; when it had to be made anew, the kernel
// registers again and what it had claimed is another's. keep, settle and story may be called by any thread; keep and
// settle do not wait for the server.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "client/session.hpp"
#include "kernel/control.hpp"
#include "kernel/queue.hpp"

namespace parvis::kernel {

class SpaceLink {
 public:
  struct Options {
    std::string address;  // of the server; empty: the local one
    bool farm = true;
    Facts facts;
    std::string kernel_address;  // where this kernel listens
    std::function<void(const std::string&)> log;
  };
  SpaceLink(Options options, WorkQueue& queue, std::function<void()> claimed);
  ~SpaceLink();
  SpaceLink(const SpaceLink&) = delete;
  SpaceLink& operator=(const SpaceLink&) = delete;

  void keep(CallAnswer answer);
  void settle(Settlement settlement);
  std::string story(const std::string& task);  // blocks
  // After the queue was stopped: what is on its way is written (at most 5 s), then the session ends.
  void stop();

 private:
  static constexpr std::size_t in_flight_max = 256;
  static constexpr std::size_t waiting_max = 100'000;  // results that could not be written yet
  static constexpr std::size_t waiting_bytes_max = std::size_t{1} << 30;

  void feed();
  void write_results();
  std::shared_ptr<client::Session> connect();
  std::shared_ptr<client::Session> session();
  void adopt(std::shared_ptr<client::Session> session);
  void ensure_registered(client::Session& session);
  void work(const std::shared_ptr<client::Session>& session);
  void claim(const std::shared_ptr<client::Session>& session, std::uint32_t wanted);
  void take(const std::shared_ptr<client::Session>& session, Found&& found);
  void finished_one();
  bool pause(std::chrono::milliseconds time);

  const Options options_;
  WorkQueue& queue_;
  const std::function<void()> claimed_;
  SessionId registered_ = 0;  // feeder only: the session that owns the registration

  std::mutex mutex_;  // protects all below
  std::condition_variable changed_;
  std::shared_ptr<client::Session> session_;
  std::deque<std::shared_ptr<const Encoding>> results_;
  std::size_t results_bytes_ = 0;
  std::size_t in_flight_ = 0;  // commits and results not yet acknowledged
  bool stopping_ = false;
  std::jthread feeder_, keeper_;
};

}  // namespace parvis::kernel
