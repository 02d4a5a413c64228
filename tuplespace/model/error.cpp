#include "tuplespace/model/error.hpp"

namespace parvis {

std::string_view name_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::timeout: return "Timeout";
    case ErrorCode::not_found: return "NotFound";
    case ErrorCode::conflict: return "Conflict";
    case ErrorCode::limit_exceeded: return "LimitExceeded";
    case ErrorCode::unauthorized: return "Unauthorized";
    case ErrorCode::protocol_error: return "ProtocolError";
    case ErrorCode::storage_full: return "StorageFull";
    case ErrorCode::storage_error: return "StorageError";
    case ErrorCode::disconnected: return "Disconnected";
    case ErrorCode::kernel_died: return "KernelDied";
    case ErrorCode::remote_error: return "RemoteError";
  }
  return "Error";  // a code of a newer peer
}

}  // namespace parvis
