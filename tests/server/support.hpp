// A server in a thread, and a client that is nothing but a socket: what it sends is up to the test.
#pragma once

#include <unistd.h>
#include <catch2/catch.hpp>

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "storage/store.hpp"
#include "tuplespace/server/server.hpp"

namespace parvis::test {

class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

inline wire::Token test_token() {
  wire::Token token;
  token.fill(std::byte{0x42});
  return token;
}

// A store whose next commit fails as told, or whose commits wait.
class FaultyStore : public storage::Store {
 public:
  FaultyStore();
  void recover(storage::Visitor& visitor) override { inner_->recover(visitor); }
  void commit(storage::Batch&& batch, storage::Done durable, storage::Sync sync, storage::Done written) override;
  std::optional<storage::Result> commit_here(storage::Batch& /*batch*/) override {
    ++asked_here;
    return {};
  }
  void read(storage::RecordId id, std::uint64_t offset, std::size_t size, storage::ReadDone done) override {
    inner_->read(id, offset, size, std::move(done));
  }
  [[nodiscard]] storage::Usage usage() const override;
  void hold();           // commits from now on wait ...
  void wait_for_held();  // until one does; fails the test after 30 s
  void let_go();         // ... and are done now, and those that follow at once
  void write_ahead(std::vector<Blob> records, storage::Done done) override;
  void hold_ahead();                                              // what is written ahead from now on waits ...
  void wait_for_ahead();                                          // until something does
  void end_ahead(const storage::Result& result);                  // ... and has come to this
  std::vector<std::chrono::steady_clock::time_point> attempts();  // when something was to be committed
  void lose();                                                    // ... or never happened: the server was killed before
  void close() override { inner_->close(); }

  std::atomic<storage::Outcome> next{storage::Outcome::ok};  // failed: this commit and all later ones
  std::atomic<int> full_times{1};                            // full: so many commits
  std::atomic<bool> nearly_full{false};
  std::atomic<int> asked_here{0};  // how often the loop wanted to wait for the disk itself

 private:
  struct Waiting {
    storage::Batch batch;
    storage::Done durable;
    storage::Sync sync;
    storage::Done written;
  };

  std::unique_ptr<storage::Store> inner_;
  std::mutex mutex_;
  std::condition_variable held_changed_;
  bool holding_ = false;
  std::vector<Waiting> held_;
  bool holding_ahead_ = false;
  std::vector<storage::Done> ahead_;
  std::vector<std::chrono::steady_clock::time_point> attempts_;
};

class TestServer {
 public:
  explicit TestServer(Limits limits = {});
  ~TestServer();
  [[nodiscard]] std::string path() const { return (folder_.path() / "s").string(); }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  void kill();   // as kill -9 would: what the store has not got is lost
  void start();  // again, on the same store
  FaultyStore store;

 private:
  TempFolder folder_;
  server::Log log_{STDERR_FILENO};
  const Limits limits_;
  std::unique_ptr<server::Server> server_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

class RawClient {
 public:
  static RawClient unix_socket(const std::string& path);
  static RawClient tcp(std::uint16_t port);
  RawClient(RawClient&& other) noexcept;
  RawClient& operator=(RawClient&& other) noexcept;
  ~RawClient() { close(); }
  void close();
  [[nodiscard]] bool closed() const { return fd_ < 0; }

  void send_bytes(ByteSpan bytes);  // all of them, whatever they are
  void send_bytes(std::string_view bytes) { send_bytes(as_bytes(bytes)); }
  void send(std::uint64_t id, const wire::Message& message);
  // The next message; pings are answered on the way. Fails the test after 30 s.
  std::pair<std::uint64_t, wire::Message> receive();
  bool at_end();  // waits for the end of the stream, dropping what comes before it
  bool silent();  // nothing has arrived so far

  // The handshake; what the server says last is its result. Afterwards `session` and `secret` are set.
  wire::Message greet(std::optional<wire::Token> token = {}, std::optional<wire::Resume> resume = {});
  RawClient& open(std::optional<wire::Token> token = {}, std::optional<wire::Resume> resume = {});
  [[nodiscard]] wire::Resume resume() const { return {session, secret}; }

  template <class M>
  M expect(std::uint64_t id) {
    auto [number, message] = receive();
    if (const auto* failed = std::get_if<Failed>(&message); failed && !std::is_same_v<M, Failed>)
      FAIL("failed: " << failed->text);
    REQUIRE(std::holds_alternative<M>(message));
    CHECK(number == id);
    return std::get<M>(message);
  }
  template <class M>
  M call(std::uint64_t id, const wire::Message& message) {
    send(id, message);
    return expect<M>(id);
  }

  SessionId session = 0;
  std::array<std::byte, 16> secret{};

 private:
  explicit RawClient(int fd);
  int fd_;
  std::unique_ptr<wire::Assembler> assembler_;
  std::vector<wire::Incoming> arrived_;
  std::size_t taken_ = 0;
};

Out out(std::initializer_list<Value> fields, const std::string& space = "s");
Get get(std::initializer_list<Value> actuals_then_any,
        const std::string& space = "s");  // these fields, then any others
Get rd(std::initializer_list<Value> actuals_then_any, const std::string& space = "s");
Count count(std::initializer_list<Value> actuals_then_any, const std::string& space = "s");
Tuple tuple_in(const Found& found, std::size_t item = 0);

}  // namespace parvis::test
