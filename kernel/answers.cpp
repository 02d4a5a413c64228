#include "kernel/answers.hpp"

namespace parvis::kernel {

void Answers::add(const std::string& id, std::shared_ptr<const Encoding> reply) {
  bytes_ += reply->size();
  by_id_[id] = std::move(reply);
  order_.push_back(id);
  while (order_.size() > kept || (bytes_ > kept_bytes && order_.size() > 1)) {
    const auto oldest = by_id_.find(order_.front());
    bytes_ -= oldest->second->size();
    by_id_.erase(oldest);
    order_.pop_front();
  }
}

std::shared_ptr<const Encoding> Answers::find(const std::string& id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second;
}

}  // namespace parvis::kernel
