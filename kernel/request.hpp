// What passes between the threads of a kernel: requests on their way to Python, answers on their way out.
// Plain data; a Request is parsed by the control thread and read by the main thread, a CallAnswer the other way round.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "kernel/shared/verb.hpp"
#include "tuplespace/model/bytes.hpp"
#include "tuplespace/model/codec.hpp"

namespace parvis::kernel {

struct Request {
  std::string id;
  Verb verb{};
  std::string user;
  std::string summary;         // one short line for listings
  std::string code, filename;  // execute
  Blob body;  // apply: the object `call`; push: the map `names`; pull: the list `names` (encoded values)
  bool stream = false;
  std::optional<double> timeout;  // seconds; interrupted after it
  std::size_t slot = 0;           // in the journal
  [[nodiscard]] std::size_t bytes() const { return code.size() + body.size(); }
};

struct CallAnswer {
  std::string id;
  std::string status;                      // "ok", "error", "aborted"
  std::shared_ptr<const Encoding> reply;   // the tuple (status, result)
  std::shared_ptr<const Encoding> stored;  // the tuple for parvis.results; null: not kept (push, pull, aborted)
};

// `from` behind `to`: small parts are copied, bulk parts shared.
void append(Encoding& to, const Encoding& from);

// The answer (status, result) and, when `kernel` is given, the tuple ("result", id, kernel, status, result).
CallAnswer make_answer(std::string id, std::string status, const Encoding& result, const std::string* kernel = nullptr);

// A quick answer built from values: the control thread's verbs.
CallAnswer make_answer(std::string id, std::string status, Map result);

}  // namespace parvis::kernel
