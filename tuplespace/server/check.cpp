#include "tuplespace/server/check.hpp"

#include <fmt/format.h>

#include <chrono>
#include <stdexcept>

#include "storage/inspect.hpp"
#include "tuplespace/model/error.hpp"
#include "tuplespace/space/engine.hpp"

namespace parvis::server {

Checked check(const std::filesystem::path& folder) {
  const auto wall = std::chrono::duration_cast<space::Time>(std::chrono::system_clock::now().time_since_epoch());
  space::Engine engine(Limits{}, Durability::durable, wall);
  const storage::Inspection found = storage::inspect(folder, engine);
  if (found.records > 0) {
    engine.recovered(space::Time(0));
    try {
      engine.check();
    } catch (const std::logic_error& error) {
      throw Error(ErrorCode::storage_error,
                  fmt::format("The records in {} contradict each other: {}; restore the folder from a backup.",
                              folder.string(), error.what()));
    }
  }
  const auto stats = engine.stats();
  Checked checked{found.has_journal, found.records, found.bytes, found.journal_entries, found.orphans};
  checked.tuples = stats.tuples;
  checked.tuple_bytes = stats.tuple_bytes;
  checked.sessions = stats.sessions;
  checked.transactions = stats.transactions;
  checked.starts = found.records > 0 ? stats.epoch - 1 : 0;  // without this look
  return checked;
}

}  // namespace parvis::server
