// A thread of the storage's own that runs jobs one after the other. Jobs must not throw.
//
// post, drain and close may be called from any thread but the worker's. close() runs what was posted and ends the
// thread; the destructor closes. The thread takes no signals: they belong to the program's main thread.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace parvis::storage {

std::thread start_thread(const char* name, std::function<void()> run);  // name: at most 15 characters

class Worker {
 public:
  explicit Worker(const char* name);
  ~Worker() { close(); }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  bool post(std::function<void()> job);  // false: closed, the job was not taken
  void drain();                          // returns when every job posted before has run
  void close();

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> jobs_;  // under mutex_, as are the next two
  bool busy_ = false;
  bool closed_ = false;
  std::thread thread_;
};

}  // namespace parvis::storage
