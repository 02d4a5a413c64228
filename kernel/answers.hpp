// The answers a kernel keeps in memory, by id. Control thread only.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <unordered_map>

#include "kernel/request.hpp"

namespace parvis::kernel {

class Answers {
 public:
  static constexpr std::size_t kept = 1000;
  static constexpr std::size_t kept_bytes = std::size_t{256} << 20;  // the newest is kept whatever its size

  void add(const std::string& id, std::shared_ptr<const Encoding> reply);
  [[nodiscard]] std::shared_ptr<const Encoding> find(const std::string& id) const;

 private:
  std::unordered_map<std::string, std::shared_ptr<const Encoding>> by_id_;
  std::deque<std::string> order_;
  std::size_t bytes_ = 0;
};

}  // namespace parvis::kernel
