// Which tuple comes first: the higher priority, then the older one. Both are packed into one number, so that one
// comparison decides and a returned tuple keeps its place by keeping its number.
#pragma once

#include <cstdint>

#include "tuplespace/model/limits.hpp"
#include "tuplespace/model/operation.hpp"

namespace parvis::space {

// 63 bits: inverted priority (16) over the id (47). The bit left over is IdList's tag. 2^47 ids last for 44 years at
// 100 000 a second.
using Order = std::uint64_t;
inline constexpr unsigned id_bits = 47;

constexpr Order order_of(int priority, TupleId id) {
  return (static_cast<Order>(max_priority - priority) << id_bits) | id;
}
constexpr TupleId id_of(Order order) { return order & ((Order{1} << id_bits) - 1); }
constexpr int priority_of(Order order) { return max_priority - static_cast<int>(order >> id_bits); }

}  // namespace parvis::space
