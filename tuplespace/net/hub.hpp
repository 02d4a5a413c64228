// Internal to net: what a listener and its connections share. The loop's thread only.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "tuplespace/net/listener.hpp"

namespace parvis::net {

class Stream;

class Hub : public std::enable_shared_from_this<Hub> {
 public:
  Hub(boost::asio::io_context& loop, ListenOptions listen_options, Handler& owner)
      : io(loop), options(std::move(listen_options)), handler(&owner), tick_(loop) {}

  void start();                                       // the tick that notices silence
  void stop();                                        // closes everything at once; the handler is not called any more
  void accepted(int fd, bool local);                  // takes the socket over; `local`: a Unix socket
  void dirty(const std::shared_ptr<Stream>& stream);  // has something to write when the turn ends
  void turn_ended();                                  // a connection has been read: everybody may answer now
  void removed(const std::shared_ptr<Stream>& stream) { streams.erase(stream); }
  void note(std::string_view what, const std::string& who, const std::string& why) const {
    if (options.note) options.note(what, who, why);
  }
  // What a stream holds of something that is bounded for all together: `mine`, a part of `all`, is `now` from here on.
  void account(std::size_t& all, std::size_t& mine, std::size_t now);

  boost::asio::io_context& io;
  ListenOptions options;
  Handler* handler;  // null after stop()
  std::unordered_set<std::shared_ptr<Stream>> streams;
  bool paused = false;
  std::size_t partial_bytes = 0, queued_bytes = 0;  // see account()
  std::size_t watched = 0;                          // processes whose connection has ended

 private:
  void schedule_tick();
  void flush();
  void shed();

  boost::asio::steady_timer tick_;
  std::vector<std::shared_ptr<Stream>> dirty_;
  bool flush_posted_ = false, turn_ends_ = false, shed_posted_ = false;
};

}  // namespace parvis::net
