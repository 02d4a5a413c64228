#include "storage/worker.hpp"

#include <pthread.h>

#include <csignal>
#include <utility>

namespace parvis::storage {

std::thread start_thread(const char* name, std::function<void()> run) {
  // A thread inherits the mask of the one that makes it, so the signals are blocked before it starts.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread thread(std::move(run));
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_setname_np(thread.native_handle(), name);
  return thread;
}

Worker::Worker(const char* name) : thread_(start_thread(name, [this] { run(); })) {}

bool Worker::post(std::function<void()> job) {
  {
    std::lock_guard lock(mutex_);
    if (closed_) return false;
    jobs_.push_back(std::move(job));
  }
  changed_.notify_all();
  return true;
}

void Worker::drain() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return jobs_.empty() && !busy_; });
}

void Worker::close() {
  {
    std::lock_guard lock(mutex_);
    closed_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Worker::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return closed_ || !jobs_.empty(); });
    if (jobs_.empty()) return;
    {
      const std::function<void()> job = std::move(jobs_.front());
      jobs_.pop_front();
      busy_ = true;
      lock.unlock();
      job();
    }  // what the job holds is released before it counts as run
    lock.lock();
    busy_ = false;
    changed_.notify_all();
  }
}

}  // namespace parvis::storage
