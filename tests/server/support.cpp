#include "tests/server/support.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "storage/memory_store.hpp"
#include "tuplespace/model/codec.hpp"

namespace parvis::test {
namespace {

constexpr int patience_ms = 30'000;

bool readable(int fd, int ms) {
  pollfd waiting{fd, POLLIN, 0};
  int n = poll(&waiting, 1, ms);
  while (n < 0 && errno == EINTR) n = poll(&waiting, 1, ms);
  return n > 0;
}

Blob open_template(std::initializer_list<Value> actuals) {
  Template pattern;
  for (const auto& value : actuals) pattern.fields.push_back(Pattern{value});
  pattern.open = true;
  return encoded(pattern);
}

}  // namespace

TempFolder::TempFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "parvis-test-XXXXXX").string();
  REQUIRE(mkdtemp(pattern.data()) != nullptr);
  path_ = pattern;
}
TempFolder::~TempFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

FaultyStore::FaultyStore() : inner_(storage::make_memory_store()) {}

void FaultyStore::commit(storage::Batch&& batch, storage::Done durable, storage::Sync sync, storage::Done written) {
  {
    const std::lock_guard lock(mutex_);
    attempts_.push_back(std::chrono::steady_clock::now());
    if (holding_) {
      held_.push_back({std::move(batch), std::move(durable), sync, std::move(written)});
      return held_changed_.notify_all();
    }
  }
  const auto outcome = next.load();
  if (outcome == storage::Outcome::ok) {
    return inner_->commit(std::move(batch), std::move(durable), sync, std::move(written));
  }
  if (outcome == storage::Outcome::full && --full_times <= 0) next = storage::Outcome::ok;
  const storage::Result result{
      outcome, outcome == storage::Outcome::full ? "the test's disk is full" : "the test's disk has failed"};
  if (written) written(result);
  durable(result);
}

std::vector<std::chrono::steady_clock::time_point> FaultyStore::attempts() {
  const std::lock_guard lock(mutex_);
  return attempts_;
}

void FaultyStore::hold() {
  const std::lock_guard lock(mutex_);
  holding_ = true;
}

void FaultyStore::wait_for_held() {
  std::unique_lock lock(mutex_);
  REQUIRE(held_changed_.wait_for(lock, std::chrono::milliseconds(patience_ms), [this] { return !held_.empty(); }));
}

void FaultyStore::let_go() {
  const std::lock_guard lock(mutex_);
  holding_ = false;
  for (auto& waiting : std::exchange(held_, {}))
    inner_->commit(std::move(waiting.batch), std::move(waiting.durable), waiting.sync, std::move(waiting.written));
}

void FaultyStore::write_ahead(std::vector<Blob> records, storage::Done done) {
  {
    const std::lock_guard lock(mutex_);
    if (holding_ahead_) {
      ahead_.push_back(std::move(done));
      return held_changed_.notify_all();
    }
  }
  inner_->write_ahead(std::move(records), std::move(done));
}

void FaultyStore::hold_ahead() {
  const std::lock_guard lock(mutex_);
  holding_ahead_ = true;
}

void FaultyStore::wait_for_ahead() {
  std::unique_lock lock(mutex_);
  REQUIRE(held_changed_.wait_for(lock, std::chrono::milliseconds(patience_ms), [this] { return !ahead_.empty(); }));
}

void FaultyStore::end_ahead(const storage::Result& result) {
  std::unique_lock lock(mutex_);
  holding_ahead_ = false;
  const auto waiting = std::exchange(ahead_, {});
  lock.unlock();
  for (const auto& done : waiting) done(result);
}

void FaultyStore::lose() {
  const std::lock_guard lock(mutex_);
  holding_ = false;
  held_.clear();
}

storage::Usage FaultyStore::usage() const {
  auto usage = inner_->usage();
  usage.nearly_full = nearly_full;
  return usage;
}

TestServer::TestServer(Limits limits) : limits_(limits) { start(); }

void TestServer::start() {
  server::ServeOptions options;
  options.limits = limits_;
  server_ = std::make_unique<server::Server>(store, test_token(), options, log_);
  server_->listen(wire::Address::parse("unix://" + path()));
  port_ = server_->listen(wire::Address::parse("tcp://127.0.0.1:0")).port;
  thread_ = std::thread([this] { server_->run(); });
}

void TestServer::kill() {
  server_->loop().stop();
  thread_.join();
  server_.reset();
  store.lose();
}

TestServer::~TestServer() {
  store.let_go();
  server_->stop("the test is over");
  thread_.join();
  server_.reset();
  store.close();
}

RawClient::RawClient(int fd) : fd_(fd), assembler_(std::make_unique<wire::Assembler>(Limits{})) {
  assembler_->authenticated();
}
RawClient::RawClient(RawClient&& other) noexcept
    : session(other.session),
      secret(other.secret),
      fd_(std::exchange(other.fd_, -1)),
      assembler_(std::move(other.assembler_)),
      arrived_(std::move(other.arrived_)),
      taken_(other.taken_) {}

RawClient& RawClient::operator=(RawClient&& other) noexcept {
  std::swap(session, other.session);
  std::swap(secret, other.secret);
  std::swap(fd_, other.fd_);
  std::swap(assembler_, other.assembler_);
  std::swap(arrived_, other.arrived_);
  std::swap(taken_, other.taken_);
  return *this;
}

RawClient RawClient::unix_socket(const std::string& path) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  std::strncpy(to.sun_path, path.c_str(), sizeof to.sun_path - 1);
  REQUIRE(connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0);
  return RawClient(fd);
}

RawClient RawClient::tcp(std::uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0);
  return RawClient(fd);
}

void RawClient::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

void RawClient::send_bytes(ByteSpan bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0) return;  // the server has closed: what it said before is what the test looks at
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
}

void RawClient::send(std::uint64_t id, const wire::Message& message) {
  wire::Cutter cutter(std::make_shared<const wire::Outgoing>(wire::pack(id, message)));
  std::vector<ByteSpan> parts;
  while (cutter.next(parts)) {
    for (const auto part : parts) send_bytes(part);
    parts.clear();
  }
}

std::pair<std::uint64_t, wire::Message> RawClient::receive() {
  for (;;) {
    while (taken_ == arrived_.size()) {
      arrived_.clear();
      taken_ = 0;
      if (!readable(fd_, patience_ms)) FAIL("nothing arrived within 30 s");
      const auto space = assembler_->space();
      const ssize_t n = recv(fd_, space.data(), space.size(), 0);
      if (n <= 0) FAIL("the server has closed the connection");
      assembler_->received(static_cast<std::size_t>(n),
                           [this](wire::Incoming&& m) { arrived_.push_back(std::move(m)); });
    }
    const auto incoming = std::move(arrived_[taken_++]);
    auto message = wire::unpack(incoming);
    if (!std::holds_alternative<wire::Ping>(message)) return {incoming.id, std::move(message)};
    send(0, wire::Pong{});
  }
}

bool RawClient::at_end() {
  std::array<std::byte, 65536> dropped;
  for (;;) {
    if (!readable(fd_, patience_ms)) return false;
    if (recv(fd_, dropped.data(), dropped.size(), 0) <= 0) return true;
  }
}

bool RawClient::silent() { return taken_ == arrived_.size() && !readable(fd_, 0); }

wire::Message RawClient::greet(std::optional<wire::Token> token, std::optional<wire::Resume> resumed) {
  wire::ClientHandshake handshake(token, "raw", resumed, !token);
  send(0, handshake.hello());
  auto [id, challenge] = receive();
  if (!std::holds_alternative<wire::Challenge>(challenge)) return challenge;
  send(0, handshake.challenge(std::get<wire::Challenge>(challenge)));
  auto [last, message] = receive();
  if (const auto* welcome = std::get_if<wire::Welcome>(&message)) {
    handshake.welcome(*welcome);
    session = welcome->session;
    if (welcome->resumed) secret = resumed->secret;
    else secret = welcome->secret;
  }
  return message;
}

RawClient& RawClient::open(std::optional<wire::Token> token, std::optional<wire::Resume> resumed) {
  const auto message = greet(token, resumed);
  if (const auto* failed = std::get_if<Failed>(&message)) FAIL("refused: " << failed->text);
  REQUIRE(std::holds_alternative<wire::Welcome>(message));
  return *this;
}

Out out(std::initializer_list<Value> fields, const std::string& space) {
  return {space, {Payload(encoded(Tuple{fields}))}, -1, false, 0, 0};
}
Get get(std::initializer_list<Value> actuals, const std::string& space) {
  Get request;
  request.space = space;
  request.templates = {Payload(open_template(actuals))};
  return request;
}
Get rd(std::initializer_list<Value> actuals, const std::string& space) {
  Get request = get(actuals, space);
  request.take = false;
  return request;
}
Count count(std::initializer_list<Value> actuals, const std::string& space) {
  return {space, {Payload(open_template(actuals))}};
}

Tuple tuple_in(const Found& found, std::size_t item) {
  REQUIRE(found.items.size() > item);
  return decode_tuple(found.items[item].tuple.blob());
}

}  // namespace parvis::test
