// What waits in a kernel's queue (docs/kernels.md).
#pragma once

#include <cstdint>
#include <string_view>

namespace parvis::kernel {

enum class Verb : std::uint8_t { execute, apply, push, pull };
std::string_view name_of(Verb verb);

}  // namespace parvis::kernel
