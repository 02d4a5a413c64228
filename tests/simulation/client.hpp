// A client under test: the real Ledger behind a simulated connection, and an application that does anything. What Link
// does with sockets and threads is told here in a few lines.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <unordered_map>
#include <vector>

#include "client/pending.hpp"
#include "network.hpp"

namespace parvis::simulation {

// What the clients' owners know, all taken together: it must add up whatever happened in between.
struct Books {
  struct Use {
    SessionId session;
    Sequence sequence;
  };
  std::unordered_map<Serial, Use> used;  // taken, and in its owner's hands for good
  struct Handed {
    Serial serial = 0;
    std::uint16_t space = 0;
  };
  std::unordered_map<TupleId, Handed> handed;  // out, to anybody
  std::vector<Serial> put;                     // acknowledged, durable, and nothing but a take removes it
  std::vector<bool> perhaps;                   // its owner was told that nobody knows
  void doubt(Serial serial) {
    if (perhaps.size() <= serial) perhaps.resize(serial + 1024);
    perhaps[serial] = true;
  }
  [[nodiscard]] bool doubted(Serial serial) const { return serial < perhaps.size() && perhaps[serial]; }
};

struct Call : client::Request {
  std::shared_ptr<const Ask> ask;
};

class Client {
 public:
  struct Surroundings {
    World& world;
    Books& books;
    const std::function<const Model&()> live;  // of the server; for the books alone
    const std::function<bool(Serial)> durably_put;
    const std::function<bool(std::uint16_t)> durable_space;
    const std::function<Durability(std::uint16_t)> durability;
    const std::function<ConnectionPtr(std::size_t)> connect;
    const std::function<void(const ConnectionPtr&, ToServer)> send;
  };
  Client(std::size_t index, Surroundings& around);

  void receive(const ConnectionPtr& from, ToClient&& frame);
  void lost(const ConnectionPtr& which);  // its side has noticed that the connection is gone
  void act();                             // one step of the application
  void look_after();                      // what the hidden thread does now and then
  void stop_until(Micros when) { stopped_until_ = when; }
  void dial();
  void leave();   // goodbye
  void finish();  // no new work: ends what waits, confirms what is there

  [[nodiscard]] Micros stopped_until() const { return stopped_until_; }
  [[nodiscard]] const ConnectionPtr& connection() const { return connection_; }
  [[nodiscard]] bool idle() const {
    return ledger_.unanswered() == 0 && held_.empty() && !ledger_.anything_to_confirm();
  }
  [[nodiscard]] std::string unrest() const {
    return fmt::format("has {} operations unanswered, {} answers in hand{}", ledger_.unanswered(), held_.size(),
                       ledger_.anything_to_confirm() ? ", something to confirm" : "");
  }
  [[nodiscard]] bool online() const { return online_; }
  void abandon();  // the process is gone: nobody knows of what was under way

 private:
  [[nodiscard]] client::Time time() const { return client::Time(std::chrono::microseconds(around_.world.now)); }
  [[nodiscard]] Call* call(Sequence sequence) {  // null: answered, or nobody's any more
    client::Request* request = ledger_.find(sequence);
    return request == nullptr || request->operation() == nullptr ? nullptr : static_cast<Call*>(request);
  }
  void start(std::shared_ptr<const Ask> ask);
  void transmit(Sequence sequence);
  void send_confirm();
  void broken();
  void adopt(const wire::Welcome& welcome);
  void answered(Sequence sequence, const Answer& answer);
  void complete(Call& call, const Answer& answer);
  void given_up(const client::Request& request, bool unknown);
  void use(Call& call, const Found& found);
  void own(TupleId id, Sequence sequence);
  void acknowledged(const Ask& ask, Sequence sequence);
  void doubt(const Ask& ask);
  void settle_held();
  void interfere();
  std::shared_ptr<const Ask> think();

  const std::shared_ptr<int> alive_ = std::make_shared<int>(0);  // what was planned dies with it
  const std::size_t index_;
  Surroundings& around_;
  client::Ledger ledger_;
  ConnectionPtr connection_;
  bool online_ = false, finishing_ = false, dialling_ = false;
  Micros broke_at_ = 0, dialled_at_ = 0, last_received_ = 0, pinged_at_ = -1, stopped_until_ = 0;
  SessionId session_ = 0;
  space::Secret secret_;
  Mind mind_;
  std::set<TransactionName> settling_;                         // a commit is under way
  std::map<TransactionName, std::set<TupleId>> taken_again_;   // while a commit that releases them is
  std::vector<std::pair<std::shared_ptr<Call>, Found>> held_;  // answered, not yet confirmed by the application
  std::vector<Sequence> open_;                                 // what the application waits for
};

}  // namespace parvis::simulation
