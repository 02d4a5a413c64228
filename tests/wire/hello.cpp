#include "tuplespace/wire/hello.hpp"

#include <catch2/catch.hpp>

#include <unistd.h>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tuplespace/model/error.hpp"
#include "tuplespace/wire/home.hpp"

namespace wire = parvis::wire;
using parvis::Error;

namespace {

wire::Token token_of(char c) {
  wire::Token token;
  token.fill(static_cast<std::byte>(c));
  return token;
}
const wire::ServerHandshake::SecretOf nobody = [](parvis::SessionId) { return std::nullopt; };

}  // namespace

TEST_CASE("both sides prove that they know the token, which never travels") {
  wire::ServerHandshake server(token_of('t'), false, "parvis test");
  wire::ClientHandshake client(token_of('t'), "me", {}, false);
  const auto challenge = server.hello(client.hello());
  CHECK(challenge.token_needed);
  const auto proof = client.challenge(challenge);
  CHECK(!server.proof(proof, nobody));
  wire::Welcome welcome;
  welcome.proof = server.server_proof();
  client.welcome(welcome);
  CHECK(client.server() == "parvis test");
  SECTION("a server that does not know it is found out") {
    welcome.proof[3] ^= std::byte{1};
    CHECK_THROWS_WITH(client.welcome(welcome), Catch::Contains("does not know the token"));
  }
  SECTION("nor does it help to send the client's own proof back") {
    welcome.proof = proof.proof;
    CHECK_THROWS_AS(client.welcome(welcome), Error);
  }
  SECTION("a recorded proof is worthless for another connection") {
    wire::ServerHandshake other(token_of('t'), false, "parvis test");
    (void)other.hello(client.hello());
    CHECK_THROWS_WITH(other.proof(proof, nobody), Catch::Contains("wrong token"));
  }
}

TEST_CASE("a wrong token and a missing one are refused") {
  wire::ServerHandshake server(token_of('t'), false, "s");
  wire::ClientHandshake wrong(token_of('w'), "", {}, false);
  const auto challenge = server.hello(wrong.hello());
  CHECK_THROWS_WITH(server.proof(wrong.challenge(challenge), nobody), Catch::Contains("wrong token"));
  CHECK_THROWS_AS(server.proof({}, nobody), Error);
  wire::ClientHandshake none({}, "", {}, false);
  CHECK_THROWS_WITH(none.challenge(challenge), Catch::Contains("asks for a token"));
}

TEST_CASE("a Unix socket's peer of the same user needs no token, and a TCP server cannot claim that") {
  wire::ServerHandshake server(token_of('t'), true, "s");
  wire::ClientHandshake client({}, "", {}, true);
  const auto challenge = server.hello(client.hello());
  CHECK(!challenge.token_needed);
  CHECK(!server.proof(client.challenge(challenge), nobody));
  client.welcome({});
  wire::ClientHandshake over_tcp({}, "", {}, false);
  CHECK_THROWS_AS(over_tcp.challenge(challenge), Error);
}

TEST_CASE("a session is resumed with its secret alone") {
  wire::Resume resume{7, {}};
  resume.secret.fill(std::byte{9});
  const auto secret_of = [&](parvis::SessionId id) { return id == 7 ? std::optional(resume.secret) : std::nullopt; };
  const auto run = [&](const wire::Resume& presented) {
    wire::ServerHandshake server(token_of('t'), false, "s");
    wire::ClientHandshake client(token_of('t'), "", presented, false);
    const auto challenge = server.hello(client.hello());
    return server.proof(client.challenge(challenge), secret_of);
  };
  CHECK(run(resume) == 7);
  CHECK(run({8, resume.secret}) == std::nullopt);
  CHECK_THROWS_WITH(run({7, {}}), Catch::Contains("wrong secret"));
}

TEST_CASE("versions that do not overlap are named") {
  wire::ServerHandshake server(token_of('t'), true, "parvis test");
  wire::Hello hello;
  hello.version_min = 5;
  hello.version_max = 9;
  CHECK_THROWS_WITH(server.hello(hello), Catch::Contains("version 1") && Catch::Contains("versions 5 to 9"));
}

TEST_CASE("tokens are 64 hexadecimal digits") {
  const auto token = token_of('\x5a');
  CHECK(wire::parse_token(wire::token_text(token) + "\n") == token);
  CHECK_THROWS_WITH(wire::parse_token("secret"), Catch::Contains("64 hexadecimal digits"));
  CHECK_THROWS_AS(wire::parse_token(std::string(64, 'x')), Error);
}

TEST_CASE("the local server's folder is found, and a token that others can read is not used") {
  const auto folder = std::filesystem::temp_directory_path() /
                      ("parvis-home-" + wire::token_text(token_of(0)).substr(0, 8) + std::to_string(getpid()));
  std::filesystem::create_directories(folder);
  setenv("PARVIS_HOME", folder.c_str(), 1);
  CHECK(wire::home_folder() == folder);
  CHECK(!wire::read_token(folder));
  CHECK(wire::read_addresses(folder).empty());
  std::ofstream(wire::token_path(folder)) << wire::token_text(token_of('k')) << "\n";
  std::ofstream(wire::addresses_path(folder)) << "unix:///a/b\ntcp://127.0.0.1:1\n";
  std::filesystem::permissions(wire::token_path(folder), std::filesystem::perms(0644));
  CHECK_THROWS_WITH(wire::read_token(folder), Catch::Contains("chmod 600"));
  std::filesystem::permissions(wire::token_path(folder), std::filesystem::perms(0600));
  CHECK(wire::read_token(folder) == token_of('k'));
  CHECK(wire::read_addresses(folder).size() == 2);
  std::filesystem::remove_all(folder);
  unsetenv("PARVIS_HOME");
}
