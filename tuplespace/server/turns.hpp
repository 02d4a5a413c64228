// The engine and the store joined: what the engine did in a turn goes to the store, and its replies leave when what
// they tell of is durable, or written, as each asks. The loop's thread only; the store's own threads merely post to the
// loop.
//
// A commit that fails is a restart in small: unreleased replies become the error and the engine is built anew from the
// store.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <memory>
#include <string>

#include "storage/store.hpp"
#include "tuplespace/server/gate.hpp"
#include "tuplespace/space/engine.hpp"

namespace parvis::server {

class Turns {
 public:
  // What the owner is told: from a turn of its own, or from within handled().
  struct Owner {
    virtual ~Owner() = default;
    virtual void reply(space::Reply&& reply) = 0;
    virtual void session_opened(SessionId session) = 0;  // it is durable: its client may be told of it
    virtual void session_ended(SessionId session) = 0;
    // After a failed commit: every unreleased reply has been answered with the error; the engine is another one, and no
    // session is attached to it.
    virtual void restarted(const std::string& why) = 0;
    virtual void recovering(std::uint64_t records) = 0;  // so many read; about once a second, from the constructor, too
    [[nodiscard]] virtual bool alone() const = 0;        // at most one client could wait for this thread
    virtual void behind(bool yes) = 0;  // more than Limits::commit_queue_bytes wait for the disk, answers included
  };

  // Recovers the space. Throws Error{storage_error}.
  Turns(boost::asio::io_context& io, storage::Store& store, const Limits& limits, Durability durability, Owner& owner);
  ~Turns();

  [[nodiscard]] space::Engine& engine() { return *engine_; }
  [[nodiscard]] const space::Engine& engine() const { return *engine_; }
  [[nodiscard]] space::Time now() const;
  // A session is new: session_opened() follows when it is durable (unless a commit fails, or it ends before).
  void opened(SessionId session) { gate_.opened(session); }
  // The session's connection has gone: answers that wait for the disk are not for the next one, which asks again.
  void forget_replies(SessionId session);
  void schedule();                     // something was done: a turn will follow, with all else that has arrived
  void handled();                      // as schedule(), but what needs no disk is answered before this returns
  [[nodiscard]] bool settled() const;  // nothing waits for the disk
  [[nodiscard]] const std::string& broken() const {
    return broken_;
  }  // why nothing can be written any more; else empty

 private:
  struct Mailbox;  // where the store's thread leaves results

  void recover();
  void run();
  void turn();
  void release();
  void commit();
  space::Turn take_turn();
  storage::Done then(std::function<void(Turns&, const storage::Result&)> step);
  void written_ahead(std::uint64_t id, const storage::Result& result);
  void written(const storage::Result& result);
  void durable(const storage::Result& result);
  void restart(const storage::Result& result);
  void watch_room();
  void watch_backlog();
  void set_timer();

  boost::asio::io_context& io_;
  storage::Store& store_;
  const Limits limits_;
  const Durability durability_;
  Owner& owner_;
  std::unique_ptr<space::Engine> engine_;
  boost::asio::steady_timer timer_;
  std::optional<space::Time> timer_at_;
  bool scheduled_ = false;
  std::shared_ptr<Mailbox> mailbox_;

  Gate gate_;
  std::uint64_t generation_ = 0;  // of the engine, whose batches the store tells of
  unsigned commits_alone_ = 0;    // since somebody was answered without the disk
  bool behind_ = false;
  std::string broken_;
  space::Time room_looked_at_{-1};
  space::Time rest_until_{0};  // nothing is committed before: the disk was full
};

}  // namespace parvis::server
