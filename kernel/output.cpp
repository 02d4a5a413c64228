#include "kernel/output.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <utility>

#include "kernel/shared/text.hpp"
#include "tuplespace/model/error.hpp"

namespace parvis::kernel {

namespace {

constexpr std::size_t log_bytes_max = 16 << 20;  // of output that belongs to no request

int checked(int result, const char* what) {
  if (result < 0)
    throw Error(ErrorCode::storage_error, std::string("cannot capture output: ") + what + ": " + std::strerror(errno));
  return result;
}

}  // namespace

void BoundedText::append(std::string_view text) {
  const std::size_t room = half_ - head_.size();
  head_.append(text.substr(0, room));
  if (text.size() <= room) return;
  tail_.append(text.substr(room));
  if (tail_.size() > 2 * half_) {
    left_out_ += tail_.size() - half_;
    tail_.erase(0, tail_.size() - half_);
  }
}

std::string BoundedText::take() {
  std::string text = std::move(head_);
  if (tail_.size() > half_) {
    left_out_ += tail_.size() - half_;
    tail_.erase(0, tail_.size() - half_);
  }
  if (left_out_ > 0) text += "\n[... " + std::to_string(left_out_) + " bytes left out ...]\n";
  text += tail_;
  head_ = {};
  tail_ = {};
  left_out_ = 0;
  return valid_utf8(std::move(text));
}

OutputCapture::OutputCapture(std::size_t limit) : limit_(limit), buffer_(256 * 1024, '\0') {
  log_ = checked(::fcntl(2, F_DUPFD_CLOEXEC, 3), "standard error");
  original_out_ = checked(::fcntl(1, F_DUPFD_CLOEXEC, 3), "standard output");
  wake_ = checked(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd");
  for (int stream = 0; stream < 2; ++stream) {
    int ends[2];
    checked(::pipe2(ends, O_CLOEXEC), "pipe");
    ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
    ::fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);  // as much as the system lets us have; the default does too
    pipes_[stream] = ends[0];
    checked(::dup2(ends[1], stream + 1), "dup2");  // without O_CLOEXEC: children print here too
    ::close(ends[1]);
  }
  reader_ = std::jthread([this] { run(); });
}

OutputCapture::~OutputCapture() {
  flush();
  ::dup2(original_out_, 1);
  ::dup2(log_, 2);
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wake_, &one, sizeof one);
  reader_.join();
  for (const int fd : {log_, original_out_, wake_, pipes_[0], pipes_[1]}) ::close(fd);
}

void OutputCapture::begin(OnChunk on_chunk) {
  const std::lock_guard lock(mutex_);
  drain(out);
  drain(err);
  active_ = true;
  on_chunk_ = std::move(on_chunk);
  for (BoundedText& text : texts_) text = BoundedText(limit_);
}

OutputCapture::Text OutputCapture::end() {
  std::fflush(stdout);
  std::fflush(stderr);
  const std::lock_guard lock(mutex_);
  drain(out);
  drain(err);
  active_ = false;
  on_chunk_ = {};
  Text text;
  if (!texts_[out].empty()) text.out = texts_[out].take();
  if (!texts_[err].empty()) text.err = texts_[err].take();
  return text;
}

void OutputCapture::flush() {
  std::fflush(stdout);
  std::fflush(stderr);
  const std::lock_guard lock(mutex_);
  drain(out);
  drain(err);
}

void OutputCapture::drain(Stream stream) {
  // More than a pipe holds: then everything written before the call has been read, though a child prints without end.
  for (std::size_t got = 0; got < (std::size_t{2} << 20);) {
    const auto n = ::read(pipes_[stream], buffer_.data(), buffer_.size());
    if (n > 0) {
      file(stream, std::string_view(buffer_.data(), static_cast<std::size_t>(n)));
      got += static_cast<std::size_t>(n);
    }
    // Less than asked for: the pipe was empty, and one call is saved.
    if (n >= 0 && static_cast<std::size_t>(n) < buffer_.size()) return;
    if (n < 0 && errno != EINTR) return;
  }
}

void OutputCapture::file(Stream stream, std::string_view bytes) {
  if (!active_) return write_log(bytes);
  texts_[stream].append(bytes);
  if (on_chunk_) on_chunk_(stream, bytes);
}

void OutputCapture::write_log(std::string_view bytes) {
  if (logged_ >= log_bytes_max) return;
  logged_ += bytes.size();
  if (logged_ >= log_bytes_max) bytes = "\n[... output that belongs to no request is no longer logged ...]\n";
  while (!bytes.empty()) {
    const auto n = ::write(log_, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;  // nobody reads the log any more: there is nowhere left to complain
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

void OutputCapture::log(const std::string& line) {
  const std::string text = "parvis-kernel: " + line + "\n";
  [[maybe_unused]] const auto written = ::write(log_, text.data(), text.size());  // one call: lines do not mix
}

void OutputCapture::run() {
  pollfd fds[3] = {{pipes_[0], POLLIN, 0}, {pipes_[1], POLLIN, 0}, {wake_, POLLIN, 0}};
  while ((fds[2].revents & POLLIN) == 0) {
    if (::poll(fds, 3, -1) < 0) continue;
    const std::lock_guard lock(mutex_);
    if (fds[0].revents != 0) drain(out);
    if (fds[1].revents != 0) drain(err);
    // Without any writer left poll() would report the hang-up for ever.
    for (int stream = 0; stream < 2; ++stream) {
      if ((fds[stream].revents & (POLLHUP | POLLERR)) != 0 && (fds[stream].revents & POLLIN) == 0) fds[stream].fd = -1;
    }
  }
}

}  // namespace parvis::kernel
