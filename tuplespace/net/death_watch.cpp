#include "tuplespace/net/death_watch.hpp"

#include <unistd.h>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <utility>

#include "tuplespace/net/peer.hpp"

namespace parvis::net {
namespace {

struct Watched {
  Watched(std::shared_ptr<Hub> of, int pidfd) : hub(std::move(of)), process(hub->io, pidfd), patience(hub->io) {
    ++hub->watched;
  }
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;
  ~Watched() { --hub->watched; }

  std::shared_ptr<Hub> hub;
  boost::asio::posix::stream_descriptor process;
  boost::asio::steady_timer patience;
};

void wait_for_death(const std::shared_ptr<Watched>& watch, SessionId session, std::string peer) {
  watch->process.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                            [watch, session, peer = std::move(peer)](const boost::system::error_code& error) mutable {
                              if (!error && !has_ended(watch->process.native_handle()))
                                return wait_for_death(watch, session, std::move(peer));
                              watch->patience.cancel();
                              if (error || !watch->hub->handler) return;
                              watch->hub->handler->peer_died(session, peer);
                              watch->hub->turn_ended();
                            });
}

}  // namespace

void watch_until_death(std::shared_ptr<Hub> hub, int pidfd, SessionId session, std::string peer) {
  if (!hub->handler || hub->watched >= most_watched) {
    ::close(pidfd);
    return;
  }
  const auto watch = std::make_shared<Watched>(std::move(hub), pidfd);
  watch->patience.expires_after(watch->hub->options.limits.grace);
  watch->patience.async_wait([watch](const boost::system::error_code& error) {
    if (!error) watch->process.cancel();
  });
  wait_for_death(watch, session, std::move(peer));
}

}  // namespace parvis::net
