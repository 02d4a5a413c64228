// Large tuples go to the disk before they are in the space, beside what others commit, so that a gigabyte stalls
// nobody. Their out is parked meanwhile, and then applied as if it came now; only their leases and delays began when it
// came.
#include <algorithm>
#include <memory>

#include "tuplespace/space/state.hpp"

namespace parvis::space {

// True: it has begun.
bool Engine::State::write_ahead(Session& s, Sequence sequence, const Out& out) {
  const auto is_large = [this](const Payload& tuple) { return tuple.size() >= limits.write_ahead_bytes; };
  if (!ahead.empty() || std::none_of(out.tuples.begin(), out.tuples.end(), is_large)) return false;
  Space& space = use_space(out.space);
  Parked waiting;
  std::uint64_t bytes = 0;
  for (const Payload& tuple : out.tuples) bytes += tuple.size();
  if (!space.lasting() || refuse_to_block(s, bytes)) return false;
  Out own = out;
  own.group = out.group.flat();
  std::vector<Blob> records;
  for (Payload& tuple : own.tuples) {
    tuple = tuple.flat();
    TupleBytes& written = waiting.ahead.emplace_back();
    if (!is_large(tuple)) continue;
    TupleHead head;
    written =
        encoded_new({space, tuple, out.priority, out.lease_us, out.delay_us, out.owned ? s.id : 0, own.group}, head);
    records.push_back(written.record_blob());
  }
  waiting.again = std::make_shared<const Operation>(std::move(own));
  asked_ahead.push_back({next_parked, std::move(records)});
  ahead_sizes.emplace(next_parked, bytes);
  parked_bytes += bytes;  // until it is written, whoever has left
  park(s, sequence, std::move(waiting), -1);
  return true;
}

// Of those that left meanwhile nothing is known any more.
void Engine::State::written_ahead(std::uint64_t id, std::optional<Failed> failed) {
  if (const auto size = ahead_sizes.extract(id)) parked_bytes -= size.mapped();
  const auto found = parked.find(id);
  if (found == parked.end()) return;
  if (failed) return end_parked(found->second, failed->code, std::move(failed->text));
  Parked waited = unpark(found->second);
  ahead = std::move(waited.ahead);
  attempt(*sessions.at(waited.session), waited.sequence, *waited.again, 0);
  ahead.clear();
}

}  // namespace parvis::space
