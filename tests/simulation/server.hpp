// The server under test: the real engine behind the real Gate, on a simulated disk, with a model of now and one of the
// newest durable batch beside it. What net and server do with sockets is told here in a few lines.
//
// Every call of the engine is an input of the model, too; each turn's answers are compared. An input is kept until its
// batch is durable and then played to the second model, which is what a restart must find.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>

#include "network.hpp"
#include "tuplespace/server/gate.hpp"

namespace parvis::simulation {

class Server {
 public:
  using Deliver = std::function<void(const ConnectionPtr&, ToClient)>;
  Server(World& world, Deliver deliver, std::function<void(Serial)> touched);

  [[nodiscard]] bool is_up() const { return engine_ != nullptr; }
  void receive(const ConnectionPtr& connection, ToServer&& frame);
  void closed(const ConnectionPtr& connection, bool peer_dead);
  void crash();         // and the restart after a while
  void disk_trouble();  // full for a while, or a write that fails
  void check_now();     // memory does not contradict itself, and agrees with the model
  void end_trouble();

  [[nodiscard]] const Model& now() const { return live_; }
  [[nodiscard]] const Model& durable() const { return durable_; }
  [[nodiscard]] bool lasting(std::uint16_t space) const { return live_.spaces[space].lasting; }
  [[nodiscard]] bool settled() const { return is_up() && !turn_due_ && gate_.settled(); }
  [[nodiscard]] Durability durability(std::size_t index) const;

 private:
  using Input = std::function<void(Model&)>;
  struct Logged {
    Micros at;
    Input input;
    std::uint64_t batch;  // not 0: the mark of a batch
  };

  void make_spaces();
  void start();
  void rebuild();
  void play(std::uint64_t upto_batch);
  void input(Input input);
  void schedule();
  void turn();
  void take_turn();
  void write_ahead(const std::vector<space::Ahead>& asked);
  void check();
  void compare(const std::vector<space::Reply>& replies);
  void forget_replies(SessionId session);
  void require_durable(const space::Reply& reply) const;
  void release();
  void commit();
  void committed(std::uint64_t process, std::uint64_t id, bool durable);
  void write(const storage::Batch& batch, std::uint64_t mark);
  void fail(bool full);
  void opened(const ConnectionPtr& connection, const Dial& dial);
  void run(const ConnectionPtr& connection, Request&& request);
  void close(const ConnectionPtr& connection);
  void set_timer();
  void watch_silence(const ConnectionPtr& connection);
  [[nodiscard]] bool grows(const storage::Batch& batch) const;

  World& world_;
  Deliver deliver_;
  std::function<void(Serial)> touched_;
  Names names_;
  Limits limits_;
  std::unique_ptr<space::Engine> engine_;
  server::Gate gate_;
  std::map<storage::RecordId, Blob> disk_;
  std::uint64_t process_ = 0;  // what an earlier one left under way does not concern this one
  std::uint64_t engines_ = 0;  // likewise
  bool turn_due_ = false;
  Micros timer_at_ = never;
  bool full_ = false, failing_ = false, broken_ = false;
  struct InFlight {  // handed to the disk, not durable yet
    std::uint64_t id, mark;
    storage::Batch batch;
    bool tell_written, written;
  };
  std::deque<InFlight> flight_;
  std::uint64_t commits_ = 0;

  Model live_, durable_;
  std::deque<Logged> log_;
  std::uint64_t newest_mark_ = 0, durable_mark_ = 0;
  std::map<SessionId, ConnectionPtr> attached_;
  std::map<SessionId, wire::Welcome> held_welcomes_;  // of new sessions, until they are durable
  std::uint64_t turns_ = 0;
};

}  // namespace parvis::simulation
