// How many tuples of each kind a space shows, so that a count of many needs no walk. A kind is the types of all fields
// and the value of the first: ("task", int, float). Exact, for spaces of few kinds; a space of many has no census until
// it is empty again.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include <boost/unordered/unordered_flat_map.hpp>

#include "tuplespace/space/tuple_table.hpp"

namespace parvis::space {

class Census {
 public:
  void add(const Fields& fields);     // of a tuple that came into view
  void remove(const Fields& fields);  // and left it

  // The number of tuples that any of the templates matches; nothing when their kinds alone do not tell.
  [[nodiscard]] std::optional<std::uint64_t> count(std::span<const Matcher> matchers) const;

  [[nodiscard]] bool exact() const { return exact_; }
  [[nodiscard]] std::uint64_t total() const { return total_; }
  [[nodiscard]] std::uint64_t sum() const;  // over the kinds: total(), while exact

 private:
  const std::string& kind_of(const Fields& fields);

  boost::unordered_flat_map<std::string, std::uint64_t> kinds_;
  std::string scratch_;
  std::uint64_t total_ = 0;
  bool exact_ = true;
};

}  // namespace parvis::space
