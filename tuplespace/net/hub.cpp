#include "tuplespace/net/hub.hpp"

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <boost/asio/post.hpp>

#include <algorithm>

#include "tuplespace/net/stream.hpp"

namespace parvis::net {
namespace {

// Bounds for all connections together, in those of one.
constexpr std::size_t partial_share = 2;   // of message_bytes
constexpr std::size_t queued_share = 128;  // of send_queue_bytes

}  // namespace

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

void Hub::accepted(int fd, bool local) {
  if (!handler) {
    ::close(fd);
    return;
  }
  Stream::Socket socket(io);
  boost::system::error_code error;
  socket.assign({local ? AF_UNIX : AF_INET, local ? 0 : IPPROTO_TCP}, fd, error);
  if (error) {  // the reactor has no room for it
    ::close(fd);
    return note("cannot_accept", "a new connection", error.message());
  }
  auto stream = std::make_shared<Stream>(shared_from_this(), std::move(socket), local);
  streams.insert(stream);
  stream->start();
  if (streams.size() > options.limits.connections) {
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

void Hub::account(std::size_t& all, std::size_t& mine, std::size_t now) {
  all += now - mine;
  mine = now;
  const Limits& limits = options.limits;
  const bool over =
      partial_bytes / partial_share > limits.message_bytes || queued_bytes / queued_share > limits.send_queue_bytes;
  if (!over || shed_posted_) return;
  shed_posted_ = true;  // later: the owner may be in the middle of anything
  boost::asio::post(io, [self = shared_from_this()] {
    self->shed_posted_ = false;
    self->shed();
  });
}

// Who holds the most goes, so that those who hold little never pay for it.
void Hub::shed() {
  const Limits& limits = options.limits;
  const auto end_largest = [this](auto&& held, ErrorCode code, const std::string& why) {
    const auto largest =
        std::max_element(streams.begin(), streams.end(), [&](auto& a, auto& b) { return held(*a) < held(*b); });
    const auto stream = *largest;  // NOLINT(performance-unnecessary-copy-initialization): lives until it is told
    stream->give_up(Error(code, fmt::format("{}, {} of them on this connection", why, held(*stream))));
  };
  while (!streams.empty() && partial_bytes / partial_share > limits.message_bytes) {
    end_largest([](const Stream& s) { return s.partial_bytes(); }, ErrorCode::limit_exceeded,
                fmt::format("messages that have arrived in part hold {} bytes on all connections together (limit "
                            "message_bytes = {}, twice)",
                            partial_bytes, limits.message_bytes));
  }
  while (!streams.empty() && queued_bytes / queued_share > limits.send_queue_bytes) {
    end_largest([](const Stream& s) { return s.own_queued_bytes(); }, ErrorCode::limit_exceeded,
                fmt::format("answers that are not taken hold {} bytes on all connections together (limit "
                            "send_queue_bytes = {}, 128 times)",
                            queued_bytes, limits.send_queue_bytes));
  }
}

void Hub::flush() {
  std::vector<std::shared_ptr<Stream>> streams_now;
  std::swap(streams_now, dirty_);
  // Whoever was woken by a request comes before the one who made it: he has waited longer.
  for (auto stream = streams_now.rbegin(); stream != streams_now.rend(); ++stream) (*stream)->flush();
}

void Hub::turn_ended() {
  turn_ends_ = true;
  if (handler) handler->turn_ended();
  turn_ends_ = false;
  flush();
}

}  // namespace parvis::net
