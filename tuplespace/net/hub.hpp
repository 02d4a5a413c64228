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
  void accepted(int fd);                              // takes the socket over
  void dirty(const std::shared_ptr<Stream>& stream);  // has something to write when the turn ends
  void turn_ended();                                  // a connection has been read: everybody may answer now
  void removed(const std::shared_ptr<Stream>& stream) { streams.erase(stream); }
  void note(const std::string& line) const {
    if (options.note) options.note(line);
  }

  boost::asio::io_context& io;
  ListenOptions options;
  Handler* handler;                                   // null after stop()
  std::unordered_set<std::shared_ptr<Stream>> streams;
  bool paused = false;

 private:
  void schedule_tick();
  void flush();

  boost::asio::steady_timer tick_;
  std::vector<std::shared_ptr<Stream>> dirty_;
  bool flush_posted_ = false, turn_ends_ = false;
};

}  // namespace parvis::net
