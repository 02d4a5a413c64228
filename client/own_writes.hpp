// What a transaction has put so far: kept by its client, written by the commit alone, and seen by the transaction's own
// operations. Shared by the C++ Transaction and the Python package; no lock of its own.
//
// The server's tuples are older, so they come first: a get that some own write matches asks the server without
// waiting and takes own writes for what is missing; one that none matches is the server's as it is. Among own writes
// the highest priority comes first, then the oldest. Delayed ones are hidden until the commit and their delay are over.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tuplespace/model/operation.hpp"

namespace parvis::client {

class OwnWrites {
 public:
  void add(Put put) { puts_.push_back({std::move(put), ++last_}); }
  [[nodiscard]] std::vector<Put> puts() const;  // in order: of the commit
  [[nodiscard]] std::size_t size() const { return puts_.size(); }

  [[nodiscard]] std::uint64_t count(const std::string& space, const std::vector<Payload>& templates) const;
  // Does any match? Then `get` is made one that does not wait, and its answer is for complete().
  bool join(Get& get) const;
  // Appends own writes to the answer, up to get.max items. Returns their numbers, for take() once they are used.
  std::vector<std::uint64_t> complete(const Get& get, Found& found) const;
  void take(const std::vector<std::uint64_t>& numbers);  // they are not put any more

 private:
  struct Write {
    Put put;
    std::uint64_t number;
  };
  [[nodiscard]] std::vector<const Write*> find(const std::string& space, const std::vector<Payload>& templates) const;

  std::vector<Write> puts_;
  std::uint64_t last_ = 0;
};

}  // namespace parvis::client
