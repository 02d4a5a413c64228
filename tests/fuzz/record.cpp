// Any bytes as what a store hands out: the engine refuses them with an Error that names a record, or it is a space that
// does not contradict itself, that can be used, and that stands as it stood when it is read again.
//
//   input := (step:u8 size:u8 bytes)*     a record; its id is the last one's and `step`
#include <map>

#include "support.hpp"
#include "tuplespace/model/error.hpp"
#include "tuplespace/space/engine.hpp"

using namespace parvis;

namespace {

using Records = std::map<storage::RecordId, Blob>;
constexpr space::Time now{1'000'000};

Limits small_limits() {
  Limits limits;
  limits.memory_bytes = 4 << 20;
  limits.steps_per_operation = 500;
  return limits;
}

std::unique_ptr<space::Engine> recovered_from(const Records& records) {
  auto engine = std::make_unique<space::Engine>(small_limits(), Durability::durable, space::Time(1'000'000'000'000));
  for (const auto& [id, record] : records) engine->record(id, record);
  engine->recovered(now);
  engine->check();
  return engine;
}

void write_down(space::Engine& engine, Records& records) {
  engine.advance(now);
  for (auto& change : engine.take_turn().batch) {
    if (change.record) records[change.id] = *change.record;
    else records.erase(change.id);
  }
  engine.check();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 16 * 1024) return 0;
  ByteSpan input(reinterpret_cast<const std::byte*>(data), size);
  Records records;
  for (storage::RecordId id = 0; input.size() >= 2;) {
    id += std::to_integer<std::uint8_t>(input[0]);
    const auto n = std::min<std::size_t>(std::to_integer<std::uint8_t>(input[1]), input.size() - 2);
    records.insert_or_assign(id, Blob::copy(input.subspan(2, n)));
    input = input.subspan(2 + n);
  }
  std::unique_ptr<space::Engine> engine;
  try {
    engine = recovered_from(records);
  } catch (const Error& error) {
    PARVIS_HOLDS(error.code() == ErrorCode::storage_error);
    return 0;
  }
  write_down(*engine, records);
  const SessionId session = engine->open_session({}, now);
  engine->attach(session, now);
  engine->apply(session, 1, Spaces{}, now);
  write_down(*engine, records);
  const auto before = engine->stats();
  const auto again = recovered_from(records);
  write_down(*again, records);
  PARVIS_HOLDS(again->stats().tuples == before.tuples);
  return 0;
}
