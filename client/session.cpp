#include "client/session.hpp"

#include <atomic>
#include <mutex>
#include <utility>

#include "client/link.hpp"
#include "client/local_server.hpp"

namespace parvis::client {

namespace {

// Tries each place in turn; the first error says most.
std::shared_ptr<Connection> connect_first(const Options& options) {
  Connection::Dial dialling;
  dialling.name = options.name;
  dialling.deadline = Clock::now() + options.connect_timeout;
  std::optional<Error> first;
  for (const auto& endpoint : endpoints(options)) {
    try {
      return Connection::open(endpoint, dialling);
    } catch (const Error& error) {
      if (!first) first = error;
    }
  }
  throw *first;
}

std::shared_ptr<Connection> make_connection(const Options& options) {
  try {
    return connect_first(options);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::disconnected || !options.start_server || !means_local_server(options)) throw;
  }
  start_local_server(Clock::now() + std::max(options.connect_timeout, std::chrono::milliseconds(20'000)));
  return connect_first(options);
}

}  // namespace

// `link` is replaced in a forked child, at its first use: the parent's connection is not the child's.
struct Session::State {
  State(const Options& given, const std::shared_ptr<Connection>& connection)
      : options(given), link(std::make_shared<Link>(options, connection)), generation(fork_generation()) {}

  Link& use() {
    if (generation.load(std::memory_order_acquire) != fork_generation()) renew();
    return *link;
  }
  std::shared_ptr<Link> share() {
    use();
    return link;
  }
  void renew() {
    const std::lock_guard lock(renewing);
    const auto now = fork_generation();
    if (generation.load(std::memory_order_relaxed) == now) return;
    auto fresh = std::make_shared<Link>(options, make_connection(options));
    abandon();
    link = std::move(fresh);
    generation.store(now, std::memory_order_release);
  }
  void abandon() {
    link->forsake();
    // Its thread does not exist here and its mutex may be held for ever: it can't be destroyed.
    static std::vector<std::shared_ptr<Link>>& forsaken = *new std::vector<std::shared_ptr<Link>>;
    forsaken.push_back(std::move(link));
  }

  const Options options;
  std::shared_ptr<Link> link;
  std::atomic<std::uint64_t> generation;
  std::mutex renewing;
};

Pending::Pending(Pending&&) noexcept = default;

Pending& Pending::operator=(Pending&& other) noexcept {
  std::swap(link_, other.link_);
  std::swap(request_, other.request_);
  std::swap(generation_, other.generation_);
  return *this;
}

Pending::~Pending() {
  if (request_ && !request_->over && generation_ == fork_generation()) link_->drop(*request_);
}

Link& Pending::use() const {
  if (generation_ != fork_generation()) {
    throw Error(ErrorCode::disconnected, "this operation belongs to the process that forked this one");
  }
  return *link_;
}

Sequence Pending::sequence() const { return request_->sequence; }

bool Pending::ready() const { return use().ready(*request_); }

std::optional<Answer> Pending::wait(const Wait& wait, std::optional<std::chrono::microseconds> patience) {
  return use().wait(*request_, wait, patience);
}

void Pending::cancel() { use().cancel(request_->sequence); }

void Pending::confirm() { use().confirm_late(request_->sequence); }

std::shared_ptr<Session> Session::connect(const Options& options) {
  auto connection = make_connection(options);
  return std::shared_ptr<Session>(new Session(std::make_unique<State>(options, std::move(connection))));
}

Session::Session(std::unique_ptr<State> state) : state_(std::move(state)) {}

Session::~Session() {
  if (state_->generation.load() == fork_generation()) {
    state_->link->close();
  } else {
    state_->abandon();
  }
}

Answer Session::call(const Operation& operation, const Wait& wait, Sequence* sequence) {
  return state_->use().call(operation, wait, sequence);
}

Pending Session::start(const Operation& operation) {
  auto link = state_->share();
  auto request = std::make_shared<Request>();
  link->start(request, operation);
  Pending pending;
  pending.link_ = std::move(link);
  pending.request_ = std::move(request);
  pending.generation_ = fork_generation();
  return pending;
}

Sequence Session::start(const Operation& operation, std::function<void(Answer)> done, bool confirm) {
  auto request = std::make_shared<Request>();
  request->on_answer = std::move(done);
  request->self_confirmed = !confirm;
  state_->use().start(request, operation);
  return request->sequence;
}

Pipeline Session::pipeline() {
  auto link = state_->share();
  link->pipeline(true);
  return {link.get(), [link, generation = fork_generation()](const void*) {
            if (generation == fork_generation()) link->pipeline(false);
          }};
}

void Session::confirm(Sequence sequence) { state_->use().confirm(sequence); }
void Session::refuse(Sequence sequence) { state_->use().refuse(sequence); }
void Session::cancel(Sequence sequence) { state_->use().cancel(sequence); }

Blob Session::call_kernel(const Payload& request, const Wait& wait, std::optional<std::chrono::microseconds> patience,
                          const OnOutput& on_output) {
  return state_->use().call_kernel(request, wait, patience, on_output);
}

void Session::start_kernel_call(const Payload& payload, std::function<void(std::variant<Blob, Error>)> done,
                                OnOutput on_output) {
  auto request = std::make_shared<Request>();
  request->on_reply = std::move(done);
  request->on_output = std::move(on_output);
  state_->use().start_kernel_call(request, payload);
}

SessionId Session::id() const { return state_->use().id(); }
std::string Session::address() const { return state_->use().address(); }
std::string Session::server_version() const { return state_->use().server(); }
void Session::close() { state_->use().close(); }

}  // namespace parvis::client
