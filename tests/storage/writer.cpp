// The child of the crash tests. storage_writer FOLDER MODE:
//   write   goes on with the history of history.hpp for ever, and prints the number of each batch once it is durable
//   hold    opens the folder, prints "open", and waits for its standard input to end
//   nobody  gives up its rights, opens the folder, and prints the error it gets
#include <unistd.h>

#include <condition_variable>
#include <cstdio>
#include <mutex>

#include "history.hpp"
#include "tuplespace/model/error.hpp"

using namespace parvis;
using namespace parvis::storage;
using namespace parvis::storage::test;

namespace {

struct Progress final : Visitor {
  void record(RecordId id, Blob bytes) override {
    if (id == 0) at = std::stoull(str(bytes));
  }
  std::uint64_t at = 0;
};

void say(const std::string& line) {
  const std::string text = line + "\n";
  if (::write(STDOUT_FILENO, text.data(), text.size()) < 0) std::_Exit(3);
}

void write_for_ever(Store& store) {
  Progress progress;
  store.recover(progress);
  std::mutex mutex;
  std::condition_variable changed;
  std::uint64_t durable = progress.at;
  for (std::uint64_t n = progress.at + 1;; ++n) {
    Batch batch = batch_of(n);
    if (n % 2 == 0) write_ahead(store, batch);
    store.commit(std::move(batch), [&, n](const Result& result) {
      if (result.outcome != Outcome::ok) std::_Exit(2);
      say(std::to_string(n));
      const std::lock_guard lock(mutex);
      durable = n;
      changed.notify_all();
    });
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return n - durable < 30; });
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 1;
  const std::string mode = argv[2];
  LmdbOptions options;
  options.folder = argv[1];
  options.map_initial = 128 << 10;
  options.journal_bytes = 1 << 20;
  try {
    if (mode == "nobody" && ::setuid(65534) != 0) return 1;
    const std::unique_ptr<Store> store = open_lmdb(options);
    if (mode == "write") write_for_ever(*store);
    say("open");
    while (std::getchar() != EOF) {
    }
  } catch (const Error& error) {
    say(error.what());
  }
  return 0;
}
