// The order in which messages leave one connection.
#include "tuplespace/net/send_queue.hpp"

#include <catch2/catch.hpp>

#include "tests/server/support.hpp"
#include "tuplespace/model/codec.hpp"

using namespace parvis;

namespace {

Found answer(std::size_t bytes) {
  const Tuple tuple{{Value(Blob::take(ByteVector(bytes, std::byte{3})))}};
  return {0, {Item{1, 0, Payload(encoded(tuple))}}};
}

// Writes everything, `step` bytes at a time, and tells in which order messages became whole.
std::vector<std::uint64_t> drain(net::SendQueue& queue, std::size_t step, const std::function<void()>& meanwhile = {}) {
  wire::Assembler assembler{Limits{}};
  assembler.authenticated();
  std::vector<std::uint64_t> order;
  while (!queue.empty()) {
    auto part = queue.gather().front();
    part = part.first(std::min(part.size(), step));
    const auto space = assembler.space();
    part = part.first(std::min(part.size(), space.size()));
    std::copy(part.begin(), part.end(), space.begin());
    assembler.received(part.size(), [&](wire::Incoming&& m) {
      (void)wire::unpack(m);
      order.push_back(m.id);
    });
    queue.wrote(part.size());
    if (meanwhile) meanwhile();
  }
  CHECK(queue.bytes() == 0);
  return order;
}

}  // namespace

TEST_CASE("small messages pass large ones, but not those of their own id") {
  net::SendQueue queue;
  queue.add(1, answer(1 << 20));
  queue.add(2, answer(300'000));
  queue.add(1, Done{1});
  queue.add(3, Done{1});
  CHECK(queue.bytes() > 1'300'000);
  CHECK(drain(queue, 70'000) == std::vector<std::uint64_t>{3, 1, 2, 1});
}

TEST_CASE("a message that comes while a large one is being written waits for one fragment at most") {
  net::SendQueue queue;
  queue.add(1, answer(10 << 20));
  bool added = false;
  const auto order = drain(queue, 1 << 20, [&] {
    if (!added) queue.add(2, Done{1});
    added = true;
  });
  CHECK(order == std::vector<std::uint64_t>{2, 1});
}
