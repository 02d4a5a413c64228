// What a request prints: file descriptors 1 and 2 are pipes, so that C code and child processes are caught as well as
// Python. A reader thread empties them; it never needs the GIL, so code that prints while holding the GIL cannot
// deadlock.
//
// Whoever reads the pipe, reads and files the bytes under one lock. So end() needs no marker: it empties the pipes
// itself under that lock, and everything written before it is filed, whoever came first.
//
// Threads: begin and end belong to the main thread; the reader is the capture's own; OnChunk runs on whichever of the
// two read the bytes, under the lock, and must not block for long nor call back. Bounds: one request keeps the first
// and the last half of `limit` bytes of each stream, with a line between that says how much is missing. What is printed
// while no request runs goes to the kernel's log.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace parvis::kernel {

// The first and the last part of a text of any length.
class BoundedText {
 public:
  explicit BoundedText(std::size_t limit = 8 << 20) : half_(limit / 2) {}
  void append(std::string_view text);
  [[nodiscard]] bool empty() const { return head_.empty(); }
  std::string take();  // valid UTF-8: other bytes become U+FFFD

 private:
  std::size_t half_;
  std::string head_, tail_;
  std::size_t left_out_ = 0;
};

class OutputCapture {
 public:
  enum Stream : int { out = 0, err = 1 };
  using OnChunk = std::function<void(Stream, std::string_view)>;
  struct Text {
    std::string out, err;
  };

  // Takes over descriptors 1 and 2 of the process. Throws Error{storage_error} when the process is out of descriptors.
  explicit OutputCapture(std::size_t limit);
  ~OutputCapture();  // gives them back
  OutputCapture(const OutputCapture&) = delete;
  OutputCapture& operator=(const OutputCapture&) = delete;

  void begin(OnChunk on_chunk = {});
  Text end();
  // Everything printed so far is in the log: before the process ends.
  void flush();
  // A line of the kernel's own, on the original standard error. Any thread.
  void log(const std::string& line);

 private:
  void run();
  void drain(Stream stream);
  void file(Stream stream, std::string_view bytes);
  void write_log(std::string_view bytes);

  const std::size_t limit_;
  int log_ = -1;  // the original standard error
  int original_out_ = -1;
  int pipes_[2] = {-1, -1};  // read ends
  int wake_ = -1;
  std::mutex mutex_;  // protects everything below, and the read ends
  bool active_ = false;
  OnChunk on_chunk_;
  BoundedText texts_[2];
  std::size_t logged_ = 0;
  std::string buffer_;
  std::jthread reader_;
};

}  // namespace parvis::kernel
