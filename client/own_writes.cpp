#include "client/own_writes.hpp"

#include <algorithm>

#include "tuplespace/model/match.hpp"

namespace parvis::client {

std::vector<Put> OwnWrites::puts() const {
  std::vector<Put> puts;
  puts.reserve(puts_.size());
  for (const auto& write : puts_) puts.push_back(write.put);
  return puts;
}

std::vector<const OwnWrites::Write*> OwnWrites::find(const std::string& space,
                                                     const std::vector<Payload>& templates) const {
  std::vector<const Write*> found;
  if (puts_.empty()) return found;
  std::vector<Matcher> matchers;
  matchers.reserve(templates.size());
  for (const auto& pattern : templates) matchers.emplace_back(pattern.flat().span());
  std::vector<ByteSpan> fields;
  for (const auto& write : puts_) {
    if (write.put.space != space || write.put.delay_us > 0) continue;
    const Blob tuple = write.put.tuple.flat();
    split_tuple(tuple.span(), fields);
    const auto matches = [&](const Matcher& matcher) { return matcher.matches(fields); };
    if (std::any_of(matchers.begin(), matchers.end(), matches)) found.push_back(&write);
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const Write* a, const Write* b) { return a->put.priority > b->put.priority; });
  return found;
}

std::uint64_t OwnWrites::count(const std::string& space, const std::vector<Payload>& templates) const {
  return find(space, templates).size();
}

bool OwnWrites::join(Get& get) const {
  if (find(get.space, get.templates).empty()) return false;
  get.wait = false;
  get.timeout_us = -1;
  get.settle_us = 0;
  return true;
}

std::vector<std::uint64_t> OwnWrites::complete(const Get& get, Found& found) const {
  std::vector<std::uint64_t> numbers;
  for (const Write* write : find(get.space, get.templates)) {
    if (found.items.size() >= get.max) break;
    found.items.push_back({0, 0, Payload(write->put.tuple.flat())});
    if (get.take) numbers.push_back(write->number);
  }
  return numbers;
}

void OwnWrites::take(const std::vector<std::uint64_t>& numbers) {
  std::erase_if(puts_, [&](const Write& write) {
    return std::find(numbers.begin(), numbers.end(), write.number) != numbers.end();
  });
}

}  // namespace parvis::client
