// Output on its way from the thread that reads the pipes to the control thread, which sends it to whoever follows.
//
// Bounded: a full buffer makes the reader wait, and with it, through the full pipe, the code that prints. When nothing
// has been taken for `patience`, the follower is too slow and what does not fit is left out, with a line that says how
// much.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace parvis::kernel {

class StreamBuffer {
 public:
  struct Chunk {
    std::string id;  // of the request
    int stream = 0;
    std::string bytes;
  };
  static constexpr std::size_t capacity = 4 << 20;
  static constexpr std::chrono::seconds patience{10};

  // `wake` makes the control thread call take(); any thread.
  explicit StreamBuffer(std::function<void()> wake) : wake_(std::move(wake)) {}
  void put(const std::string& id, int stream, std::string_view bytes);  // whoever reads the pipes
  std::vector<Chunk> take();                                            // control thread

 private:
  std::function<void()> wake_;
  std::mutex mutex_;  // protects all below
  std::condition_variable taken_;
  std::vector<Chunk> chunks_;
  std::size_t bytes_ = 0, left_out_ = 0;
  bool woken_ = false, impatient_ = false;
};

}  // namespace parvis::kernel
