#include "client/connection.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "client/dial.hpp"

namespace parvis::client {

namespace {

bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

}  // namespace

Connection::Connection(int fd, std::string address) : fd_(fd), address_(std::move(address)), assembler_(Limits{}) {}

Connection::~Connection() { ::close(fd_); }

void Connection::shutdown() { ::shutdown(fd_, SHUT_RDWR); }

std::shared_ptr<Connection> Connection::open(const Endpoint& endpoint, const Dial& dialling) {
  const int fd = dial(endpoint.address, dialling.deadline, dialling.abandoned);
  std::shared_ptr<Connection> connection(new Connection(fd, endpoint.address.text()));
  connection->handshake(endpoint, dialling);
  return connection;
}

void Connection::handshake(const Endpoint& endpoint, const Dial& dialling) {
  wire::ClientHandshake handshake(endpoint.token, dialling.name, dialling.resume,
                                  endpoint.address.kind == wire::Address::Kind::unix_);
  const auto first = exchange(handshake.hello(), dialling);
  const auto* challenge = std::get_if<wire::Challenge>(&first);
  if (challenge == nullptr) throw Error(ErrorCode::protocol_error, address_ + " answered a hello with something else");
  const auto proof = handshake.challenge(*challenge);
  assembler_.authenticated();  // what follows the welcome in the same bytes may be long already
  made_ = Clock::now();
  const auto second = exchange(proof, dialling);
  const auto* welcome = std::get_if<wire::Welcome>(&second);
  if (welcome == nullptr) throw Error(ErrorCode::protocol_error, address_ + " answered a proof with something else");
  handshake.welcome(*welcome);
  welcome_ = *welcome;
  server_ = handshake.server();
}

wire::Message Connection::exchange(const wire::Message& message, const Dial& dialling) {
  ByteVector frame;
  wire::pack_into(frame, 0, message);
  if (!send(frame)) throw Error(ErrorCode::disconnected, address_ + " closed the connection at once");
  std::optional<wire::Message> answer;
  try {
    while (!answer) {
      wait_until_ready(fd_, static_cast<short>(unsent() ? POLLIN | POLLOUT : POLLIN), dialling.deadline,
                       dialling.abandoned, "the server at " + address_ + " did not answer the handshake");
      if (unsent() && !flush())
        throw Error(ErrorCode::disconnected, address_ + " closed the connection during the handshake");
      const bool stands = receive([&](wire::Incoming&& incoming) {
        if (!answer) answer = wire::unpack(incoming);
      });
      if (!stands && !answer)
        throw Error(ErrorCode::disconnected, address_ + " closed the connection during the handshake");
    }
  } catch (const Error& error) {
    if (error.code() != ErrorCode::protocol_error && error.code() != ErrorCode::limit_exceeded) throw;
    throw Error(ErrorCode::protocol_error,
                address_ + " is no Parvis server (another program's port?): " + error.what());
  }
  if (const auto* failed = std::get_if<Failed>(&*answer)) throw Error(failed->code, failed->text);
  if (const auto* ended = std::get_if<wire::Ended>(&*answer)) {
    throw Error(ErrorCode::disconnected, "the server at " + address_ + " refused the connection: " + ended->text);
  }
  return std::move(*answer);
}

bool Connection::send(ByteSpan frames) {
  if (frame_.empty() && small_at_ == small_.size()) {
    const auto n = ::send(fd_, frames.data(), frames.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && !would_block(errno)) return false;
    if (n > 0) frames = frames.subspan(static_cast<std::size_t>(n));
    small_.clear();
    small_at_ = 0;
  }
  small_.insert(small_.end(), frames.begin(), frames.end());
  return true;
}

bool Connection::gather(ByteSpan frames) {
  small_.insert(small_.end(), frames.begin(), frames.end());
  return queued() < gather_bytes || flush();
}

bool Connection::send(const std::shared_ptr<wire::Outgoing>& message) {
  large_.emplace_back(message);
  return flush();
}

void Connection::next_frame() {
  while (frame_.empty() && !large_.empty()) {
    cutting_.emplace(std::move(large_.front()));
    large_.pop_front();
    if (!cutting_->next(frame_)) cutting_.reset();
  }
}

bool Connection::flush() {
  for (;;) {
    if (frame_.empty() && small_at_ < small_.size()) {
      const auto n = ::send(fd_, small_.data() + small_at_, small_.size() - small_at_, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (n < 0) return would_block(errno);
      small_at_ += static_cast<std::size_t>(n);
      if (small_at_ == small_.size()) {
        small_.clear();
        small_at_ = 0;
      }
      continue;
    }
    next_frame();
    if (frame_.empty()) return true;
    if (!send_frame()) return would_block(errno);
  }
}

// Sends part of the frame under way. False: the socket took nothing (errno says why).
bool Connection::send_frame() {
  std::array<iovec, 64> pieces;
  std::size_t count = 0;
  for (const auto& span : frame_) {
    if (count == pieces.size()) break;
    pieces[count++] = {const_cast<std::byte*>(span.data()), span.size()};
  }
  msghdr message{};
  message.msg_iov = pieces.data();
  message.msg_iovlen = count;
  const auto n = ::sendmsg(fd_, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (n < 0) return false;
  auto left = static_cast<std::size_t>(n);
  std::size_t whole = 0;
  while (whole < frame_.size() && left >= frame_[whole].size()) left -= frame_[whole++].size();
  frame_.erase(frame_.begin(), frame_.begin() + static_cast<std::ptrdiff_t>(whole));
  if (left > 0) frame_.front() = frame_.front().subspan(left);
  if (frame_.empty()) {
    large_.push_back(std::move(*cutting_));
    cutting_.reset();
  }
  return true;
}

bool Connection::receive(const std::function<void(wire::Incoming&&)>& on_message) {
  for (int reads = 0; reads < 16; ++reads) {
    const auto space = assembler_.space();
    const auto n = ::recv(fd_, space.data(), space.size(), MSG_DONTWAIT);
    if (n == 0) return false;
    if (n < 0) return would_block(errno);
    assembler_.received(static_cast<std::size_t>(n), on_message);
    if (static_cast<std::size_t>(n) < space.size()) return true;
  }
  return true;
}

}  // namespace parvis::client
