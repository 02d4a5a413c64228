// An engine with a disk that tests hold in their hands: batches become durable when the test says so, replies are
// released as a server would release them, a crash loses what was not durable.
#pragma once

#include <algorithm>
#include <deque>
#include <iterator>
#include <map>
#include <memory>
#include <vector>

#include "tuplespace/model/codec.hpp"
#include "tuplespace/model/text.hpp"
#include "tuplespace/space/engine.hpp"

namespace parvis::space::test {

using namespace std::chrono_literals;

struct Harness {
  explicit Harness(const Limits& l = {}, Durability d = Durability::durable) : limits(l), durability(d) { start(); }

  Limits limits;
  Durability durability;
  std::map<storage::RecordId, Blob> disk;
  std::unique_ptr<Engine> engine;
  Time now{0};
  bool sync = true;  // every turn's batch becomes durable at once

  std::deque<std::pair<std::uint64_t, storage::Batch>> queue;  // written, not durable
  std::uint64_t durable = 0;                                   // number of the newest durable batch
  std::deque<Reply> held;                                      // replies that wait for a batch
  std::vector<Reply> released;
  std::vector<SessionId> ended;
  bool ahead_at_once = true;  // what is to be written ahead is written at the end of its turn
  std::deque<Ahead> ahead;    // and otherwise stands here

  void start() {
    engine = std::make_unique<Engine>(limits, durability, Time(1'000'000'000'000));
    for (const auto& [id, record] : disk) engine->record(id, record);
    durable = 0;
    engine->recovered(now);
    turn();
    make_durable(queue.size());  // ids and epoch are the server's own before anybody connects
  }
  void crash() {
    queue.clear();
    held.clear();
    ahead.clear();
    start();
  }
  // What a server does at the end of a turn of its loop.
  void turn() {
    take_turn();
    for (; ahead_at_once && !ahead.empty(); take_turn()) {
      for (const Ahead& a : std::exchange(ahead, {})) engine->written_ahead(a.id, {}, now);
    }
    if (sync) make_durable(queue.size());
    release();
  }
  void take_turn() {
    Turn t = engine->take_turn();
    if (!t.batch.empty()) queue.emplace_back(t.number, std::move(t.batch));
    held.insert(held.end(), t.replies.begin(), t.replies.end());
    ended.insert(ended.end(), t.ended.begin(), t.ended.end());
    std::move(t.ahead.begin(), t.ahead.end(), std::back_inserter(ahead));
  }
  void make_durable(std::size_t batches) {
    for (; batches > 0; --batches) {
      for (auto& change : queue.front().second) {
        if (change.record) disk[change.id] = Blob::copy(change.record->span());
        else disk.erase(change.id);
      }
      durable = queue.front().first;
      queue.pop_front();
    }
  }
  void release() {
    std::deque<Reply> waiting;
    for (Reply& reply : held) {
      if (std::max(reply.after, reply.written) <= durable) released.push_back(std::move(reply));
      else waiting.push_back(std::move(reply));
    }
    held = std::move(waiting);
  }
  void advance(Time by) {
    now += by;
    engine->advance(now);
  }
};

inline Blob tuple(std::string_view text) { return encoded(parse_tuple(text)); }
inline Blob pattern(std::string_view text) { return encoded(parse_template(text)); }
inline Secret secret(std::uint64_t n) {
  Secret s;
  for (auto& b : s.bytes) b = static_cast<std::byte>(n);
  return s;
}
inline std::string text_of(const Item& item) {
  std::string text = to_text(decode_tuple(item.tuple.blob()));
  return item.attempts == 0 ? text : text + " attempts " + std::to_string(item.attempts);
}

}  // namespace parvis::space::test
