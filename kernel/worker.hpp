// The main thread's loop: takes work from the queue with the GIL released, has it run, hands the outcome on.
#pragma once

#include <functional>
#include <string>

#include "kernel/output.hpp"
#include "kernel/queue.hpp"
#include "kernel/shared/journal.hpp"
#include "kernel/shell.hpp"
#include "kernel/task.hpp"

namespace parvis::kernel {

// Where outcomes go. Called by the main thread without the GIL (stream: by the thread that reads output); none may
// block.
struct Outlets {
  std::function<void(const Request&)> started;
  std::function<void(std::size_t slot, CallAnswer)> answered;
  std::function<void(const std::string& id, OutputCapture::Stream, std::string_view)> stream;
  std::function<void(Settlement)> settle;
  std::function<std::string(const std::string& task)>
      story;  // what is known of the deaths a task has caused; may block
};

class Worker {
 public:
  Worker(WorkQueue& queue, Shell& shell, OutputCapture& output, Journal& journal, Outlets outlets,
         const std::string& kernel);
  // Until the queue says stop. With the GIL; releases it while it waits.
  void run();

 private:
  void run_request(const Request& request);
  void run_task(const TaskRef& ref);

  WorkQueue& queue_;
  Shell& shell_;
  Journal& journal_;
  const Outlets outlets_;
  TaskRunner tasks_;
};

}  // namespace parvis::kernel
