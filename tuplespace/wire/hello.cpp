#include "tuplespace/wire/hello.hpp"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/random.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace parvis::wire {
namespace {

Mac mac_of(ByteSpan key, std::string_view label, const Nonce& client, const Nonce& server) {
  ByteVector text(as_bytes(label).begin(), as_bytes(label).end());
  text.insert(text.end(), client.begin(), client.end());
  text.insert(text.end(), server.begin(), server.end());
  Mac mac{};
  unsigned size = 0;
  const auto* made =
      HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()),
           text.size(), reinterpret_cast<unsigned char*>(mac.data()), &size);
  if (!made || size != mac.size()) throw std::runtime_error("OpenSSL could not compute an HMAC-SHA-256");
  return mac;
}

constexpr std::string_view client_label = "parvis client", server_label = "parvis server",
                           resume_label = "parvis resume";

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

Token parse_token(std::string_view hex) {
  while (!hex.empty() && (hex.back() == '\n' || hex.back() == '\r' || hex.back() == ' ')) hex.remove_suffix(1);
  Token token{};
  bool good = hex.size() == 2 * token.size();
  for (std::size_t i = 0; good && i < token.size(); ++i) {
    const int high = digit(hex[2 * i]), low = digit(hex[2 * i + 1]);
    good = high >= 0 && low >= 0;
    if (good) token[i] = static_cast<std::byte>(high * 16 + low);
  }
  if (!good) {
    throw Error(ErrorCode::unauthorized,
                fmt::format("a token is {} hexadecimal digits, as the server's token file has them", 2 * token.size()));
  }
  return token;
}

std::string token_text(const Token& token) {
  std::string text;
  for (const auto b : token) text += fmt::format("{:02x}", static_cast<unsigned>(b));
  return text;
}

void random_bytes(std::span<std::byte> out) {
  for (std::size_t done = 0; done < out.size();) {
    const auto n = getrandom(out.data() + done, out.size() - done, 0);
    if (n < 0 && errno != EINTR) throw std::runtime_error(fmt::format("no random numbers: {}", std::strerror(errno)));
    if (n > 0) done += static_cast<std::size_t>(n);
  }
}

Nonce random_nonce() {
  Nonce nonce;
  random_bytes(nonce);
  return nonce;
}

bool equal_in_constant_time(ByteSpan a, ByteSpan b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

ClientHandshake::ClientHandshake(std::optional<Token> token, std::string name, std::optional<Resume> resume,
                                 bool unix_socket)
    : token_(token), name_(std::move(name)), resume_(resume), unix_socket_(unix_socket), nonce_(random_nonce()) {}

Hello ClientHandshake::hello() const {
  Hello hello;
  hello.nonce = nonce_;
  hello.name = name_.size() <= max_name_bytes ? name_ : std::string();
  return hello;
}

Proof ClientHandshake::challenge(const Challenge& challenge) {
  if (challenge.version != protocol_version) {
    throw Error(ErrorCode::protocol_error,
                fmt::format("the server ({}) speaks protocol version {}, this client version {}", challenge.server,
                            challenge.version, protocol_version));
  }
  server_nonce_ = challenge.nonce;
  server_ = challenge.server;
  // Over TCP the server has to prove itself as well, whatever it says.
  token_needed_ = challenge.token_needed || !unix_socket_;
  Proof proof;
  if (token_needed_) {
    if (!token_)
      throw Error(ErrorCode::unauthorized,
                  fmt::format("the server ({}) asks for a token and none was found: give token= (parvis --token-file), "
                              "or set $PARVIS_TOKEN",
                              server_));
    proof.proof = mac_of(*token_, client_label, nonce_, server_nonce_);
  }
  if (resume_) {
    proof.resume = resume_->session;
    proof.resume_proof = mac_of(resume_->secret, resume_label, nonce_, server_nonce_);
  }
  return proof;
}

void ClientHandshake::welcome(const Welcome& welcome) {
  if (!token_needed_) return;  // a Unix socket in a folder of our own: file permissions speak for the server
  if (!equal_in_constant_time(welcome.proof, mac_of(*token_, server_label, nonce_, server_nonce_))) {
    throw Error(ErrorCode::unauthorized,
                "the server does not know the token: it is another server than the one the token belongs to");
  }
}

ServerHandshake::ServerHandshake(const Token& token, bool same_user, std::string server)
    : token_(token), same_user_(same_user), server_(std::move(server)), nonce_(random_nonce()) {}

Challenge ServerHandshake::hello(const Hello& hello) {
  if (hello.version_min > protocol_version || hello.version_max < protocol_version) {
    throw Error(ErrorCode::protocol_error,
                fmt::format("this server ({}) speaks protocol version {}, the client versions {} to {}", server_,
                            protocol_version, hello.version_min, hello.version_max));
  }
  client_nonce_ = hello.nonce;
  Challenge challenge;
  challenge.nonce = nonce_;
  challenge.server = server_;
  challenge.token_needed = !same_user_;
  return challenge;
}

std::optional<SessionId> ServerHandshake::proof(const Proof& proof, const SecretOf& secret_of) {
  const bool empty = equal_in_constant_time(proof.proof, Mac{});
  const bool proved = equal_in_constant_time(proof.proof, mac_of(token_, client_label, client_nonce_, nonce_));
  if (!proved && !(same_user_ && empty))
    throw Error(ErrorCode::unauthorized, "wrong token: it is not the one in this server's token file");
  if (proof.resume == 0) return std::nullopt;
  const auto secret = secret_of(proof.resume);
  if (!secret) return std::nullopt;
  if (!equal_in_constant_time(proof.resume_proof, mac_of(*secret, resume_label, client_nonce_, nonce_))) {
    throw Error(ErrorCode::unauthorized, "wrong secret: the session to resume belongs to somebody else");
  }
  return proof.resume;
}

Mac ServerHandshake::server_proof() const { return mac_of(token_, server_label, client_nonce_, nonce_); }

}  // namespace parvis::wire
