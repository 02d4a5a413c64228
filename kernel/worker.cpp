#include "kernel/worker.hpp"

#include "kernel/python.hpp"
#include "kernel/shared/names.hpp"

namespace parvis::kernel {

namespace {
constexpr std::chrono::milliseconds idle_before_ipython{30};

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;
}  // namespace

Worker::Worker(WorkQueue& queue, Shell& shell, OutputCapture& output, Journal& journal, Outlets outlets,
               const std::string& kernel)
    : queue_(queue), shell_(shell), journal_(journal), outlets_(std::move(outlets)), tasks_(shell, output, kernel) {}

void Worker::run() {
  for (bool stopped = false; !stopped;) {
    WorkQueue::Work work;
    {
      const WithoutGil released;
      work = shell_.prepared() ? queue_.next() : queue_.next(idle_before_ipython);
    }
    Shell::swallow_interrupt(false);
    std::visit(
        Overloaded{[&](WorkQueue::Nothing) { shell_.prepare(); }, [&](WorkQueue::Stop) { stopped = true; },
                   [&](const Request& request) { run_request(request); }, [&](const TaskRef& ref) { run_task(ref); }},
        work);
  }
}

void Worker::run_request(const Request& request) {
  journal_.running(request.slot);
  outlets_.started(request);
  OutputCapture::OnChunk on_chunk;
  if (request.stream) {
    on_chunk = [this, id = request.id](OutputCapture::Stream stream, std::string_view bytes) {
      outlets_.stream(id, stream, bytes);
    };
  }
  CallAnswer answer = shell_.run(request, std::move(on_chunk),
                                 {[this] { return queue_.finish(); }, [this] { return queue_.timed_out(); }});
  const WithoutGil released;
  outlets_.answered(request.slot, std::move(answer));
}

void Worker::run_task(const TaskRef& ref) {
  const Task& task = ref.task();
  journal_.farm(task.id);
  TaskOutcome outcome;
  if (TaskRunner::poisoned(task)) {
    std::string story;
    {
      const WithoutGil released;
      story = outlets_.story(task.id);
    }
    outcome = tasks_.died(task, story);
  } else {
    outcome = tasks_.run(task, [this] { return queue_.interrupted(); });
  }
  auto finished = queue_.finish_task(ref, farm_space, std::move(outcome));
  Shell::swallow_interrupt(finished.interrupted);
  journal_.clear_farm();
  if (!finished.settlement) return;
  const WithoutGil released;
  outlets_.settle(std::move(*finished.settlement));
}

}  // namespace parvis::kernel
