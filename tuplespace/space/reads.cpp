// Looking at many tuples: counts and scans. Aggregates are in aggregate.cpp.
#include <algorithm>

#include "tuplespace/space/state.hpp"

namespace parvis::space {

std::optional<Failed> Engine::State::refuse_read(std::string_view space, const std::vector<Payload>& templates) const {
  if (auto refused = refuse_name(space)) return refused;
  return refuse_templates(templates);
}

void Engine::State::run(Session& s, Sequence sequence, const Count& count) {
  if (auto refused = refuse_read(count.space, count.templates)) return fail(s, sequence, std::move(*refused));
  const Space* space = spaces.find(count.space);
  if (space == nullptr) return answer(s, sequence, Done{0}, spaces_dropped);
  const std::vector<Matcher> matchers = matchers_of(count.templates);
  if (const auto number = space->census.count(matchers)) return answer(s, sequence, Done{*number}, after_look(*space));
  std::uint64_t number = 0;
  Walk walk = candidates(*space, matchers, reads);
  while (walk.next() != nullptr) ++number;
  if (!walk.complete())
    return fail(s, sequence,
                too_many_steps("too many tuples had to be compared to count them (a scan is not limited)",
                               ordering_for(*space, matchers)));
  answer(s, sequence, Done{number}, after_look(*space));
}

// How it would be put to stand as it does. Nothing: it is as good as gone, or goes with its owner.
std::optional<Put> Engine::State::put_of(const Entry& entry) const {
  const TupleHead head = head_of(entry.id(), entry.bytes);
  if (delivered(entry) || head.owner != 0) return std::nullopt;
  const auto left = [&](std::int64_t until) { return std::max<std::int64_t>(until - wall(), 0); };
  Put put;
  put.tuple = entry.bytes.tuple_blob();
  put.lease_us = head.lease_until == 0 ? -1 : left(head.lease_until);
  put.priority = head.priority;
  put.delay_us = entry.is(Entry::delayed) ? left(head.not_before) : 0;
  if (!head.group.empty()) put.group = Blob::copy(head.group);
  return put;
}

// A page ends where the client can go on: behind the last tuple that was looked at. Tuples put after the first page
// have higher ids, wherever their priority places them.
void Engine::State::run(Session& s, Sequence sequence, const Scan& scan) {
  if (auto refused = refuse_read(scan.space, scan.templates)) return fail(s, sequence, std::move(*refused));
  if (scan.max == 0) return fail(s, sequence, ErrorCode::protocol_error, "a page of no tuples");
  const Space* space = spaces.find(scan.space);
  Page page{{}, scan.after, scan.until != 0 ? scan.until : next_id, space == nullptr};
  if (space == nullptr) return answer(s, sequence, std::move(page), spaces_dropped);
  const std::vector<Matcher> matchers = matchers_of(scan.templates);
  Walk walk = candidates(*space, matchers, reads, scan.after);
  if (scan.whole) walk.add(space->away, matchers, scan.after);
  const std::size_t max = std::min<std::size_t>(scan.max, limits.reply_tuples);
  std::size_t bytes = 0;
  while (page.items.size() + page.puts.size() < max) {
    const Entry* entry = walk.next();
    if (entry == nullptr) break;
    if (entry->id() >= page.until) continue;
    auto put = scan.whole ? put_of(*entry) : std::nullopt;
    if (scan.whole && !put) continue;
    bytes += entry->bytes.size + item_overhead;
    if (!(page.items.empty() && page.puts.empty()) && bytes > limits.reply_bytes) {
      page.after = entry->order - 1;
      return answer(s, sequence, std::move(page), after_look(*space));
    }
    if (put) page.puts.push_back(std::move(*put));
    else page.items.push_back(item_of(*entry));
  }
  page.after = std::max(page.after, walk.examined());
  page.done = walk.complete();
  answer(s, sequence, std::move(page), after_look(*space));
}

}  // namespace parvis::space
