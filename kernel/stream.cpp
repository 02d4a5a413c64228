#include "kernel/stream.hpp"

#include <utility>

namespace parvis::kernel {

void StreamBuffer::put(const std::string& id, int stream, std::string_view bytes) {
  std::unique_lock lock(mutex_);
  const auto has_room = [&] { return bytes_ < capacity; };
  // Waits once; then the follower has to catch up before it is waited for again.
  if (!has_room() && !impatient_)
    impatient_ = !taken_.wait_for(lock, patience, [&] { return has_room() || impatient_; });
  if (!has_room()) {
    left_out_ += bytes.size();
    return;
  }
  if (left_out_ > 0) {
    chunks_.push_back({id, stream, "\n[... " + std::to_string(left_out_) + " bytes left out ...]\n"});
    left_out_ = 0;
  }
  const bool same = !chunks_.empty() && chunks_.back().id == id && chunks_.back().stream == stream;
  if (same) {
    chunks_.back().bytes += bytes;
  } else {
    chunks_.push_back({id, stream, std::string(bytes)});
  }
  bytes_ += bytes.size();
  if (woken_) return;
  woken_ = true;
  lock.unlock();
  wake_();
}

std::vector<StreamBuffer::Chunk> StreamBuffer::take() {
  const std::lock_guard lock(mutex_);
  woken_ = impatient_ = false;
  bytes_ = 0;
  taken_.notify_all();
  return std::exchange(chunks_, {});
}

}  // namespace parvis::kernel
