// The errors of Parvis: few, typed, the same in C++, in Python and on the wire (docs/protocol.md lists the codes).
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace parvis {

enum class ErrorCode : std::uint8_t {
  timeout = 1,         // the wait ended without a match
  not_found = 2,       // a space, kernel or result that does not exist (never the answer of inp or rdp)
  conflict = 3,        // the transaction or claim has ended, or somebody else holds what was asked for
  limit_exceeded = 4,  // a limit of limits.hpp; the text names limit, value and how to raise it
  unauthorized = 5,    // wrong token, missing right
  protocol_error = 6,  // bytes that do not follow docs/protocol.md, or an invalid value or template
  storage_full = 7,    // no room for an out; takes still work
  storage_error = 8,   // the disk failed; nothing is written until the server is restarted
  disconnected = 9,    // no server, or it stayed away after reconnecting was tried
  kernel_died = 10,    // the kernel ended before it answered
  remote_error = 11,   // Python raised in a kernel; the text is the remote traceback
};

// "Timeout", "NotFound", ...: the class name in Python and the word in messages of the command line.
std::string_view name_of(ErrorCode code);

class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& text, bool outcome_unknown = false)
      : std::runtime_error(text), code_(code), outcome_unknown_(outcome_unknown) {}
  [[nodiscard]] ErrorCode code() const { return code_; }
  // Only with `disconnected`: whether the operation took effect can no longer be learnt.
  [[nodiscard]] bool outcome_unknown() const { return outcome_unknown_; }

 private:
  ErrorCode code_;
  bool outcome_unknown_;
};

}  // namespace parvis
