// Text that comes from anywhere, made fit for the codec.
#pragma once

#include <string>

namespace parvis::kernel {

// Bytes that are not UTF-8 replaced by U+FFFD.
std::string valid_utf8(std::string text);

}  // namespace parvis::kernel
