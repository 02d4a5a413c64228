// The handshake as two pure state machines: messages in, messages out, no socket and no clock.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "tuplespace/wire/message.hpp"

namespace parvis::wire {

using Token = std::array<std::byte, 32>;
Token parse_token(std::string_view hex);  // throws Error{unauthorized} that says what a token looks like
std::string token_text(const Token& token);
void random_bytes(std::span<std::byte> out);  // getrandom
Nonce random_nonce();
bool equal_in_constant_time(ByteSpan a, ByteSpan b);

struct Resume {
  SessionId session = 0;
  std::array<std::byte, 16> secret{};
};

class ClientHandshake {
 public:
  ClientHandshake(std::optional<Token> token, std::string name, std::optional<Resume> resume, bool unix_socket);
  [[nodiscard]] Hello hello() const;
  Proof challenge(const Challenge& challenge);  // throws Error{protocol_error | unauthorized}
  void welcome(const Welcome& welcome);         // throws Error{unauthorized}: the server does not know the token
  [[nodiscard]] const std::string& server() const { return server_; }

 private:
  std::optional<Token> token_;
  std::string name_;
  std::optional<Resume> resume_;
  bool unix_socket_;
  Nonce nonce_{}, server_nonce_{};
  std::string server_;
  bool token_needed_ = true;
};

class ServerHandshake {
 public:
  // `same_user`: the peer is on a Unix socket and runs as our user: it needs no proof.
  ServerHandshake(const Token& token, bool same_user, std::string server);
  Challenge hello(const Hello& hello);  // throws Error{protocol_error}: versions do not overlap; the text names both
  // Throws Error{unauthorized}. Returns the session to resume, when its proof holds against `secret_of`.
  using SecretOf = std::function<std::optional<std::array<std::byte, 16>>(SessionId)>;
  std::optional<SessionId> proof(const Proof& proof, const SecretOf& secret_of);
  [[nodiscard]] Mac server_proof() const;  // for Welcome

 private:
  Token token_;
  bool same_user_;
  std::string server_;
  Nonce nonce_{}, client_nonce_{};
};

}  // namespace parvis::wire
