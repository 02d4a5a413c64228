// Any bytes as what four clients do to a server: real frames, real messages, the real dispatch and engine behind them.
// Whatever they do, the engine does not contradict itself, every answer can be sent and is understood, and an operation
// that is wrong in itself fails alone.
//
//   input := (step:u8 n:u8 bytes?)*     step & 3: which client; (step >> 2) & 7: what
//
//   0..3  n bytes arrive from the client       4  its connection breaks, and its session is resumed on a new one
//   5  its process dies: the session ends, a new one begins       6  time passes: n * n ms
//   7  the server is killed and starts again from what is durable (n odd: without the newest batch)
#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "support.hpp"
#include "tuplespace/model/error.hpp"
#include "tuplespace/server/dispatch.hpp"

using namespace parvis;

namespace {

using Records = std::map<storage::RecordId, Blob>;

struct Client {
  SessionId session = 0;
  std::unique_ptr<wire::Assembler> assembler;
};

class World {
 public:
  World() {
    limits_.message_bytes = limits_.tuple_bytes = 1 << 20;
    limits_.memory_bytes = 4 << 20;
    limits_.waiters_per_session = 64;
    limits_.unconfirmed_per_session = 64;
    limits_.transactions_per_session = 8;
    limits_.steps_per_operation = 500;
    limits_.reply_tuples = 64;
    limits_.write_ahead_bytes = 64;
    start();
    for (auto& client : clients_) open(client);
  }

  void step(std::uint8_t what, std::uint8_t n, ByteSpan& input) {
    Client& client = clients_[what & 3];
    switch (what >> 2 & 7) {
      case 4: reconnect(client); break;
      case 5: replace(client); break;
      case 6: now_ += std::chrono::milliseconds(n * n); break;
      case 7: restart((n & 1) != 0); break;
      default: {
        const auto bytes = input.first(std::min<std::size_t>(n, input.size()));
        input = input.subspan(bytes.size());
        arrive(client, bytes);
      }
    }
    turn();
  }
  void check() const { engine_->check(); }

 private:
  void start() {
    engine_ = std::make_unique<space::Engine>(limits_, Durability::durable, space::Time(1'000'000'000'000));
    for (const auto& [id, record] : durable_) engine_->record(id, record);
    engine_->recovered(now_);
    engine_->check();
  }

  void open(Client& client) {
    client.session = engine_->open_session({}, now_);
    connect(client);
  }
  void connect(Client& client) {
    client.assembler = std::make_unique<wire::Assembler>(limits_);
    client.assembler->authenticated();
    engine_->attach(client.session, now_);
  }
  void reconnect(Client& client) {
    if (!engine_->secret_of(client.session)) return open(client);
    engine_->detach(client.session, now_);
    connect(client);
  }
  void replace(Client& client) {
    engine_->end_session(client.session, now_);
    open(client);
  }

  void restart(bool torn) {
    if (torn) durable_ = before_;
    before_ = durable_;
    ahead_.clear();
    start();
    for (auto& client : clients_) reconnect(client);
  }

  void arrive(Client& client, ByteSpan bytes) {
    try {
      while (!bytes.empty()) {
        const auto space = client.assembler->space();
        PARVIS_HOLDS(!space.empty());
        const auto n = std::min(space.size(), bytes.size());
        std::copy_n(bytes.begin(), n, space.begin());
        bytes = bytes.subspan(n);
        client.assembler->received(n, [&](wire::Incoming&& incoming) { message(client, std::move(incoming)); });
      }
    } catch (const Error&) {
      reconnect(client);
    }
  }

  void message(Client& client, wire::Incoming&& incoming) {
    const bool answered = wire::is_operation(incoming.kind);
    const auto before = engine_->stats();
    try {
      auto message = wire::unpack(incoming, limits_.tuple_bytes);
      if (std::holds_alternative<wire::Ping>(message) || std::holds_alternative<wire::Pong>(message)) return;
      if (answered && incoming.id == 0) throw Error(ErrorCode::protocol_error, "id 0");
      if (!engine_->secret_of(client.session)) return;
      server::dispatch(*engine_, {}, client.session, incoming.id, std::move(message), now_);
    } catch (const Error&) {
      PARVIS_HOLDS(engine_->stats().tuples == before.tuples && engine_->stats().waiters == before.waiters);
      if (!answered || incoming.id == 0) throw;
    }
  }

  void turn() {
    engine_->advance(now_);
    for (const auto id : std::exchange(ahead_, {})) {
      if (id % 5 != 0) engine_->written_ahead(id, {}, now_);
      else engine_->written_ahead(id, Failed{ErrorCode::storage_full, "no room"}, now_);
    }
    auto turn = engine_->take_turn();
    if (!turn.batch.empty()) {
      before_ = durable_;
      for (auto& change : turn.batch) {
        if (change.record) durable_[change.id] = *change.record;
        else durable_.erase(change.id);
      }
    }
    for (auto& ahead : turn.ahead) ahead_.push_back(ahead.id);
    for (auto& reply : turn.replies) understood(std::move(reply));
    for (const auto ended : turn.ended) {
      for (auto& client : clients_)
        if (client.session == ended) open(client);
    }
  }

  void understood(space::Reply&& reply) {
    wire::Message message;
    if (auto* answer = std::get_if<Answer>(&reply.answer)) message = wire::to_message(std::move(*answer));
    else message = std::get<Waiting>(reply.answer);
    const auto sent = std::make_shared<const wire::Outgoing>(wire::pack(reply.sequence, message));
    wire::Cutter cutter(sent);
    wire::Assembler other{Limits{}};
    other.authenticated();
    std::vector<ByteSpan> parts;
    bool arrived = false;
    while (cutter.next(parts)) {
      for (auto part : parts) {
        while (!part.empty()) {
          const auto space = other.space();
          const auto n = std::min(space.size(), part.size());
          std::copy_n(part.begin(), n, space.begin());
          part = part.subspan(n);
          other.received(n, [&](wire::Incoming&& incoming) {
            PARVIS_HOLDS(incoming.id == reply.sequence);
            PARVIS_HOLDS(wire::unpack(incoming).index() == message.index());
            arrived = true;
          });
        }
      }
      parts.clear();
    }
    PARVIS_HOLDS(arrived);
  }

  Limits limits_;
  space::Time now_{1'000'000};
  std::unique_ptr<space::Engine> engine_;
  std::array<Client, 4> clients_;
  Records durable_, before_;
  std::vector<std::uint64_t> ahead_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 16 * 1024) return 0;
  ByteSpan input(reinterpret_cast<const std::byte*>(data), size);
  World world;
  for (int steps = 0; input.size() >= 2 && steps < 500; ++steps) {
    const auto what = std::to_integer<std::uint8_t>(input[0]), n = std::to_integer<std::uint8_t>(input[1]);
    input = input.subspan(2);
    world.step(what, n, input);
  }
  world.check();
  return 0;
}
