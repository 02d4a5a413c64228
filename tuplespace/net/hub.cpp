#include "tuplespace/net/hub.hpp"

#include <boost/asio/post.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <ranges>

#include "tuplespace/net/stream.hpp"

namespace parvis::net {

void Hub::start() { schedule_tick(); }

void Hub::schedule_tick() {
  const auto period =
      std::max(std::min(options.limits.heartbeat, options.limits.hello_timeout) / 4, std::chrono::milliseconds(1));
  tick_.expires_after(period);
  tick_.async_wait([self = weak_from_this()](const boost::system::error_code& error) {
    const auto hub = self.lock();
    if (error || !hub || !hub->handler) return;
    const std::vector<std::shared_ptr<Stream>> all(hub->streams.begin(), hub->streams.end());
    for (const auto& stream : all) stream->tick();
    hub->schedule_tick();
  });
}

void Hub::stop() {
  handler = nullptr;
  tick_.cancel();
  dirty_.clear();
  const std::vector<std::shared_ptr<Stream>> all(streams.begin(), streams.end());
  for (const auto& stream : all) stream->finish();
}

void Hub::accepted(int fd) {
  if (!handler) {
    ::close(fd);
    return;
  }
  auto stream = std::make_shared<Stream>(shared_from_this(), fd);
  streams.insert(stream);
  stream->start();
  if (streams.size() > options.limits.connections) {
    note(fmt::format("refused a connection from {}: limit connections = {}", stream->peer(),
                     options.limits.connections));
    stream->fail(Error(
        ErrorCode::limit_exceeded,
        fmt::format(
            "the server has {} connections already (limit connections = {}; parvis serve --limit connections=...)",
            streams.size() - 1, options.limits.connections)));
  }
}

void Hub::dirty(const std::shared_ptr<Stream>& stream) {
  dirty_.push_back(stream);
  if (flush_posted_ || turn_ends_) return;
  flush_posted_ = true;
  boost::asio::post(io, [self = shared_from_this()] {
    self->flush_posted_ = false;
    self->flush();
  });
}

void Hub::flush() {
  std::vector<std::shared_ptr<Stream>> streams_now;
  std::swap(streams_now, dirty_);
  // Whoever was woken by a request comes before the one who made it: he has waited longer.
  for (const auto& stream : std::views::reverse(streams_now)) stream->flush();
}

void Hub::turn_ended() {
  turn_ends_ = true;
  if (handler) handler->turn_ended();
  turn_ends_ = false;
  flush();
}

}  // namespace parvis::net
